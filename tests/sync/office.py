"""A client account coupled to the package in memory, with statements, ready to be synchronised."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from config import Settings
from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.connectors.base import Bookkeeping
from portal.connectors.errors import ConnectorError
from portal.couplings.models import Books, Configuration, Coupling
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount, Entry, Import, Statement, StatementLine
from portal.runtime import Runtime
from portal.sync import posting, sending
from portal.sync.drafting import draft_due
from portal.sync.models import Posting, PostingState
from portal.sync.preview import preview
from portal.tenants.models import Tenant
from tests import factories as make
from tests.sync import provider

_count = itertools.count(1)


@dataclass
class Clock:
    """A hand on the product's clock, on top of real time."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return REAL_NOW() + self.ahead

    def pass_(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


REAL_NOW = clock.now
SETTLE = 121  # seconds, just over what the package claims


def settings() -> Settings:
    home = Path("/nonexistent")
    env = {
        "KOPPELPOORT_HOME": str(home), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "x" * 40, "AUDIT_KEY": "y" * 40,
        "KEY_ENCRYPTION_KEYS": "tests:" + "A" * 43 + "=",
    }  # fmt: skip
    return Settings.from_env(env)


@dataclass
class Office:
    database: Database
    vault: Vault
    firm: Tenant
    client: Tenant
    authorisation: Authorisation
    coupling: Coupling
    account: BankAccount
    configuration: Configuration
    package: provider.Package
    runtime: Runtime = field(init=False)

    def __post_init__(self) -> None:
        self.runtime = Runtime(settings(), self.database, self.vault)

    def connect(self, *_: Any, **__: Any) -> Bookkeeping:
        return provider.Client(self.package)

    @contextmanager
    def scope(self) -> Iterator[Scope]:
        with self.database.session(Setting(tenant=self.client.id)) as session, session.begin():
            yield Scope.system(session, self.client.id)

    # ------------------------------------------------------------------ what happens

    def bank_says(self, *movements: tuple[date, str], opening: str = "1000.00", number: str = "") -> uuid.UUID:
        """One statement with these movements, stored."""
        amounts = [Decimal(amount) for _, amount in movements]
        days = [day for day, _ in movements]
        now, tenant = clock.now(), self.client.id
        with self.scope() as scope:
            arrived = Import(
                tenant_id=tenant, id=uuid7(), filename="a.xml", size=1, sha256=b"0", format="camt053", state="stored",
                stored=len(movements), created_at=now,
            )  # fmt: skip
            scope.session.add(arrived)
            scope.session.flush()
            statement = Statement(
                tenant_id=tenant, id=uuid7(), bank_account_id=self.account.id, import_id=arrived.id,
                number=number or str(next(_count)), opening=Decimal(opening), opening_date=min(days),
                closing=Decimal(opening) + sum(amounts), closing_date=max(days), first_date=min(days),
                last_date=max(days), line_count=len(movements), new_lines=len(movements), in_order=True,
                digest=uuid.uuid4().bytes, created_at=now,
            )  # fmt: skip
            scope.session.add(statement)
            scope.session.flush()
            balance = Decimal(opening)
            for position, (day, amount) in enumerate(zip(days, amounts, strict=True), start=1):
                balance += amount
                scope.session.add(_line(statement, position, day, amount, balance))
        return statement.id

    def draft(self, today: date) -> list[Entry]:
        with self.scope() as scope:
            return list(draft_due(scope, self.configuration, today).entries)

    def offer(self, entry: Entry) -> Posting:
        with self.scope() as scope:
            entry = scope.get(Entry, entry.id)
            shown = preview(scope, entry)
            assert shown.problems == []
            return posting.offer(scope, entry.id, shown.sha256, entry.version)

    def step(self, row: Posting) -> Posting:
        """What a worker does when the bell rings."""
        sending.post(self.runtime, self.client.id, row.id, self.connect)
        return self.posting(row.id)

    def posting(self, posting_id: uuid.UUID) -> Posting:
        with self.scope() as scope:
            return scope.get(Posting, posting_id)

    def offered(self, *movements: tuple[date, str]) -> Posting:
        """The shortest way to a posting that waits to be sent."""
        self.bank_says(*(movements or ((date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25"))))
        return self.offer(self.draft(date(2024, 12, 31))[-1])

    def set(self, row: Posting, **values: Any) -> None:
        """Age a posting, as a test's shortcut through time."""
        with self.scope() as scope:
            scope.session.execute(update(Posting).where(Posting.id == row.id).values(**values))

    def all_postings(self) -> list[Posting]:
        with self.scope() as scope:
            return list(scope.session.scalars(select(Posting).order_by(Posting.id)))


def open_office(database: Database, vault: Vault, package: provider.Package | None = None, **more: Any) -> Office:
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts")
    return add_client(database, vault, firm, make_authorisation(database, vault, firm), package, **more)


def make_authorisation(database: Database, vault: Vault, firm: Tenant) -> Authorisation:
    row = make.make_authorisation(database, vault, firm)
    with database.scoped(Setting(tenant=firm.id)) as session:
        session.execute(update(Authorisation).where(Authorisation.id == row.id).values(app="pretend"))
    row.app = "pretend"
    return row


def add_client(
    database: Database,
    vault: Vault,
    firm: Tenant,
    authorisation: Authorisation,
    package: provider.Package | None = None,
    **configuration: Any,
) -> Office:
    client = make.make_tenant(database, "client", f"Client {next(_count)}")
    make.make_grant(database, client, firm)
    coupling = make.make_coupling(database, client, authorisation)
    account = make.make_bank_account(database, client)
    row = make.make_configuration(database, coupling, account, **configuration)
    store_books(database, coupling)
    return Office(database, vault, firm, client, authorisation, coupling, account, row, package or provider.Package())


def store_books(database: Database, coupling: Coupling, **parts: list[Any]) -> None:
    """What the package lists, as if it had been read a moment ago."""
    told: dict[str, list[Any]] = {"vat_codes": provider.VAT_CODES, "periods": provider.PERIODS}
    told.update({"ledger_accounts": provider.ACCOUNTS, "journals": provider.JOURNALS}, **parts)
    with database.scoped(Setting(tenant=coupling.tenant_id)) as session:
        for kind, rows in told.items():
            plain = json.loads(json.dumps([asdict(row) for row in rows], default=_plain))
            key: dict[str, Any] = {"tenant_id": coupling.tenant_id, "coupling_id": coupling.id, "kind": kind}
            session.merge(Books(**key, rows=plain, fetched_at=clock.now()))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _line(statement: Statement, position: int, day: date, amount: Decimal, balance: Decimal) -> StatementLine:
    return StatementLine(
        tenant_id=statement.tenant_id, id=uuid7(), bank_account_id=statement.bank_account_id,
        statement_id=statement.id, position=position, date=day, amount=amount, balance=balance,
        description=f"Invoice {position}", counterparty="Colruyt", counterparty_account="", reference="",
        end_to_end_id="", bank_reference="", transaction_code="", fingerprint=uuid.uuid4().bytes,
    )  # fmt: skip


def unsure(office: Office, moving: Clock, *steps: str | ConnectorError) -> Posting:
    """A posting that became uncertain by the first of these steps, and has settled."""
    office.package.script[:] = steps
    posting = office.step(office.offered())
    assert posting.state == PostingState.UNCERTAIN
    moving.pass_(SETTLE)
    return posting
