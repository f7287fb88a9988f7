"""A firm that goes the whole way with one app, through the product's own services."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import requests
from sqlalchemy import select

from portal.access import Actor, Scope
from portal.authorisations import keys, service
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.connectors.base import EntryKind
from portal.connectors.login import AuthMode
from portal.connectors.manifest import Manifest
from portal.couplings import service as couplings
from portal.couplings.books import DossierBooks
from portal.couplings.configurations import Choices, create_configuration
from portal.couplings.documents import DocumentChoices, save_configuration
from portal.couplings.dossiers import store_dossiers
from portal.couplings.models import Configuration, Coupling
from portal.couplings.reading import connector, read_anew
from portal.demo import files
from portal.demo.movements import Movement
from portal.identity.models import User, UserSession
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.ledger.imports import import_file
from portal.ledger.models import BankAccount
from portal.runtime import Runtime
from portal.sync import posting as postings
from portal.sync import runs, sending
from portal.sync.attempt import UNFINDABLE
from portal.sync.models import Posting, PostingState, Run
from portal.tenants.models import Tenant
from tests import factories as make
from tests.authorisations.conftest import Time
from tests.connectors.package_world import PackageWorld

DONE = (PostingState.CONFIRMED, PostingState.REJECTED, PostingState.PARKED)
START = date(2026, 3, 1)
ROUND = 130  # seconds, over what any package claims to need for a late write


@dataclass
class Journey:
    """`world` is the stand-in with its books, which the product knows nothing of."""

    app: str
    means: Runtime
    world: PackageWorld
    virtual: Time
    firm: Tenant = field(init=False)
    person: User = field(init=False)
    browser: uuid.UUID = field(init=False)
    client: Tenant = field(init=False)
    account: BankAccount = field(init=False)
    authorisation: Authorisation = field(init=False)
    coupling: Coupling = field(init=False)
    configuration: Configuration = field(init=False)
    holder: Tenant | None = None  # in place of the firm
    statements: int = 0
    balance: Decimal = Decimal("1000.00")
    moved: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        database = self.means.database
        self.person = make.make_user(database)
        self.firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={self.person: "administrator"})
        self.client = make.make_tenant(database, "client", "Bakkerij")
        make.make_grant(database, self.client, self.firm)
        self.account = make.make_bank_account(database, self.client)
        now = clock.now()
        row = UserSession(
            user_id=self.person.id, token_hash=uuid.uuid4().bytes, created_at=now, last_seen_at=now,
            expires_at=now + timedelta(days=7), confirmed_at=now,
        )  # fmt: skip
        with database.scoped() as session:
            session.add(row)
        self.browser = row.id

    @property
    def manifest(self) -> Manifest:
        return registry.load(self.app).MANIFEST

    @contextmanager
    def as_firm(self) -> Iterator[Scope]:
        """As the administrator of whoever has the log-in: the firm, or the client itself."""
        with self.means.database.session() as session:
            yield make.scope_in(session, self.holder or self.firm, "administrator", self.person)
            session.commit()

    @contextmanager
    def inside(self) -> Iterator[Scope]:
        """As the person of the firm in the client's account."""
        with self.means.database.scoped(Setting(self.client.id, via=self.firm.id, user=self.person.id)) as session:
            actor = Actor(self.person.id, self.person.name, self.firm.id)
            yield Scope(session, self.client.id, "client", "editor", actor, self.client.name)

    @contextmanager
    def as_client(self) -> Iterator[Scope]:
        with self.means.database.scoped(Setting(tenant=self.client.id)) as session:
            yield Scope.system(session, self.client.id)

    def pass_(self, seconds: float) -> None:
        """On both sides of the wire."""
        self.virtual.pass_(seconds=seconds)
        self.world.control.post("clock", advance=seconds)

    # ------------------------------------------------------------------ authorise

    def authorise(self) -> None:
        """As people do for the first time, up to the call that makes it active."""
        environment = next(iter(self.manifest.hosts), self.world.control.host)
        given = self.typed()
        if self.manifest.auth is AuthMode.KEY:
            with self.as_firm() as scope:
                row = keys.create(self.means, scope, self.app, environment, f"Kantoor {self.app}", given)
        else:
            with self.as_firm() as scope:
                url = service.begin_login(
                    self.means, scope, self.browser, self.app, environment, f"Kantoor {self.app}", given=given
                )
            row = self._come_back(url)
        with self.as_firm() as scope:
            seen = service.activate(self.means, scope, row.id)
            store_dossiers(scope, row.id, seen.dossiers)
            self.authorisation = scope.get(Authorisation, row.id)
        assert self.authorisation.state == "active"

    def typed(self) -> Mapping[str, str]:
        """The answers to the app's form; a new key each time."""
        if self.manifest.auth is AuthMode.KEY:
            self.world.secret = self.world.log_in()
        asked = {one.key for one in self.manifest.form}
        return {key: value for key, value in self.world.fill_in().items() if key in asked}

    def authorise_again(self) -> None:
        """When the provider has had enough of the old one."""
        given = self.typed()
        with self.as_firm() as scope:
            if self.manifest.auth is AuthMode.KEY:
                keys.change(self.means, scope, self.authorisation.id, given)
                return
            row = self.authorisation
            url = service.begin_login(self.means, scope, self.browser, row.app, row.environment, row.name, row.id)
        self._come_back(url)

    def _come_back(self, url: str) -> Authorisation:
        answer = requests.get(url, allow_redirects=False, timeout=10)
        assert answer.status_code in (302, 303), answer.text
        back = urlsplit(answer.headers["Location"])
        given = {name: values[0] for name, values in parse_qs(back.query).items()}
        with self.as_firm() as scope:
            return service.finish_login(self.means, scope, self.browser, self.app, given).authorisation

    # ------------------------------------------------------------------ couple, configure

    def couple(self) -> None:
        with self.inside() as scope:
            self.coupling = couplings.activate_coupling(scope, self.authorisation, self.world.dossier)
        books = self.read_books()
        journal = books.journals[self.world.bank_journal or self.world.general_journal]
        choices = Choices(
            entry_kind=books.kind_in(journal), journal=journal.code, bank_ledger_account=self.world.bank_account,
            suspense_account=self.world.suspense_account, frequency="monthly", starts_on=START,
        )  # fmt: skip
        with self.as_client() as scope:
            self.configuration = create_configuration(scope, self.coupling.id, self.account, choices)

    def read_books(self) -> DossierBooks:
        connect = connector(self.means.database, self.means.vault, self.means.settings)
        return read_anew(self.means.database, connect, self.client.id, self.coupling.id)

    def book_documents(self, kind: EntryKind) -> None:
        """Let invoices of this kind be booked too; that is when customers and suppliers are read."""
        choices = DocumentChoices(
            kind, self.world.invoice_journals[kind], self.world.result_account, "daily", START, automatic=True
        )
        with self.as_client() as scope:
            self.configuration = save_configuration(scope, scope.get(Coupling, self.coupling.id), choices)
        self.read_books()

    # ------------------------------------------------------------------ statement in, entry out

    def bank_says(self, *movements: tuple[date, str]) -> None:
        moves = [Movement(day, Decimal(amount), "Colruyt", "BE60434115221170", "Invoice 17", "")
                 for day, amount in movements]  # fmt: skip
        self.statements += 1
        content = files.camt(
            self.account.number, "Bakkerij", self.statements, self.balance, moves[0].date, moves[-1].date, moves
        )
        total = sum((move.amount for move in moves), Decimal(0))
        self.balance, self.moved = self.balance + total, self.moved + total
        with self.as_client() as scope:
            stored = import_file(scope, "a.xml", io.BytesIO(content), len(content))
        assert (stored.state, stored.stored) == ("stored", len(moves)), stored.code

    def run(self) -> Sequence[Posting]:
        """A sync that hands over every period that is over."""
        with self.as_client() as scope:
            row, _ = runs.start_run(scope, self.configuration, "person")
        runs.run(self.means, self.client.id, row.id)
        with self.as_client() as scope:
            done = scope.get(Run, row.id)
        assert (done.state, done.code) == ("done", ""), (done.state, done.code, done)
        return self.postings()

    def postings(self) -> Sequence[Posting]:
        with self.as_client() as scope:
            return scope.session.scalars(select(Posting).order_by(Posting.id)).all()

    def step(self) -> Sequence[Posting]:
        """What a worker does once for everything that is under way."""
        for row in self.postings():
            if row.state not in DONE:
                sending.post(self.means, self.client.id, row.id)
        return self.postings()

    def work(self, rounds: int = 40) -> Sequence[Posting]:
        """Until nothing is under way, or a person has to decide."""
        for _ in range(rounds):
            found = self.step()
            if all(row.state in DONE for row in found):
                return found
            self.pass_(ROUND)
            self.world.settle()
        raise AssertionError([(row.state, row.code, row.provider_text) for row in self.postings()])

    def decide(self) -> None:
        """What a person does with what waits: look in the package where the product cannot."""
        for row in self.postings():
            with self.as_client() as scope:
                if row.state == PostingState.REJECTED or postings.is_surely_unbooked(row):
                    postings.retry(scope, row.id)
                elif row.state == PostingState.PARKED and row.code == UNFINDABLE:
                    if self.world.booked(row.reference):
                        postings.mark_booked(scope, row.id, "seen")
                    else:
                        postings.send_again(scope, row.id, seen_absent=True)
                elif row.state == PostingState.PARKED and postings.looked_empty(row):
                    postings.send_again(scope, row.id)

    def see_through(self) -> Sequence[Posting]:
        """Work and decide by turns until all is booked."""
        for _ in range(4):
            found = self.work()
            if all(row.state == PostingState.CONFIRMED for row in found):
                return found
            self.decide()
        raise AssertionError([(row.state, row.code, row.provider_text) for row in self.postings()])

    # ------------------------------------------------------------------ counting

    def count(self) -> tuple[int, int]:
        """(lost, doubled): what PostgreSQL holds for booked against the package's own books."""
        booked = [self.world.booked(row.reference) for row in self.postings()]
        return booked.count(0), sum(number - 1 for number in booked if number > 1)

    # ------------------------------------------------------------------ moving

    def onto(self, app: str, world: PackageWorld) -> Journey:
        """The same client and bank account, on the way to another package."""
        other = copy(self)
        other.app, other.world, other.moved = app, world, Decimal(0)
        return other
