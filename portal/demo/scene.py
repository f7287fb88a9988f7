"""The making of the demo, step by step."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from sqlalchemy import select, update

from portal.access import Actor, Scope
from portal.authorisations import service as authorisations
from portal.authorisations.models import Authorisation, Credential
from portal.connectors.errors import ConnectorError
from portal.couplings import configurations
from portal.couplings import service as couplings
from portal.couplings.books import read_books, refresh_books
from portal.couplings.defaults import defaults_for
from portal.couplings.dossiers import store_dossiers
from portal.couplings.models import Configuration, Coupling
from portal.demo import banks, billing, cast, files, invoices, movements
from portal.documents.intake import hand_in
from portal.identity import passwords, sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Setting, uuid7
from portal.kernel.errors import PortalError
from portal.ledger.accounts import create_accounts
from portal.ledger.imports import import_file
from portal.ledger.models import BankAccount
from portal.runtime import Runtime
from portal.sync import comparison, dispatch, runs
from portal.sync.standing import refresh_standing
from portal.tenants import assignments, grants
from portal.tenants import service as tenants
from portal.tenants.models import Tenant
from portal.tenants.service import Details

CLIENTS = 40
SCHEME = {"BE": "kbo", "NL": "kvk", "FR": "siren"}


@dataclass(frozen=True, slots=True)
class Client:
    index: int
    position: int  # among the sandboxes' businesses, from 1
    tenant_id: uuid.UUID
    name: str
    country: str
    dossier: str
    iban: str
    part: cast.Part


class Scene:
    def __init__(self, made: Runtime) -> None:
        self.made = made
        self.sandbox = f"http://127.0.0.1:{made.settings.sandbox_port}"
        self.users: dict[str, User] = {}
        self.firm = uuid.UUID(int=0)
        self.clients: list[Client] = []
        self.logins: dict[str, uuid.UUID] = {}

    # ------------------------------------------------------------------- scopes

    @contextmanager
    def _in(self, tenant: uuid.UUID, kind: str, who: str, via: uuid.UUID | None = None) -> Iterator[Scope]:
        user = self.users[who]
        portal = tenant if kind == "portal" else None
        with self.made.database.scoped(Setting(tenant, portal, via, user.id)) as session:
            yield Scope(session, tenant, kind, "", Actor(user.id, user.name, via))

    def _firm(self) -> Any:
        return self._in(self.firm, "portal", cast.STAFF[0].email)

    def in_client(self, client: Client) -> Any:
        return self._in(client.tenant_id, "client", cast.STAFF[1 + client.index % 2].email, self.firm)

    def _control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"{self.sandbox}/control/api/{path}"
        reply = requests.get(url, timeout=20) if body is None else requests.post(url, json=body, timeout=20)
        reply.raise_for_status()
        return reply.json()

    # -------------------------------------------------------------------- steps

    def invite_people(self) -> None:
        hashed, now = passwords.hash_password(cast.PASSWORD), clock.now()
        with self.made.database.scoped() as session:
            for person in (*cast.STAFF, *cast.OWNERS):
                user = User(
                    id=uuid7(), email=person.email, name=person.name, password_hash=hashed, locale=person.locale,
                    email_verified_at=now, password_changed_at=now, created_at=now,
                )  # fmt: skip
                session.add(user)
                self.users[person.email] = user

    def open_accounts(self) -> None:
        vault, base = self.made.vault, self.made.settings.base_url
        head = self.users[cast.STAFF[0].email]
        with self.made.database.scoped() as session:
            details = Details(cast.FIRM, "kbo", cast.FIRM_NUMBER, "Grote Markt 12", "2800", "Mechelen", head.email)
            self.firm = tenants.create_portal(session, vault, head, details, cast.FIRM_EMAIL, base).tenant_id
        with self._firm() as scope:
            firm = scope.session.get_one(Tenant, self.firm)
            firm.email_verified_at, firm.rehearsal = clock.now(), True
            for person in cast.STAFF[1:]:
                tenants.add_member(scope, person.email, person.role)
        for index, row in enumerate(self._businesses()):
            self.clients.append(self._open_client(index, row))
        with self._firm() as scope:
            for number, person in enumerate(cast.STAFF[1:]):
                mine = [c.tenant_id for c in self.clients if c.index % 3 == number]
                assignments.assign(scope, mine, self.users[person.email].id)

    def _businesses(self) -> list[dict[str, Any]]:
        """Forty of the divisions at the sandbox: all abroad, and the first of Belgium; not the firm's own."""
        rows = self._control("divisions")["divisions"]
        rows = [row | {"position": position} for position, row in enumerate(rows)][1:]
        abroad = [row for row in rows if row["environment"] != "be"]
        at_home = [row for row in rows if row["environment"] == "be" and row["enterprise_number"]]
        return at_home[: CLIENTS - len(abroad)] + abroad

    def _open_client(self, index: int, row: dict[str, Any]) -> Client:
        owner = self.users[cast.OWNERS[index % len(cast.OWNERS)].email]
        number = row["enterprise_number"] or (row["siret"] or "")[:9]
        with self.made.database.scoped() as session:
            details = Details(row["name"], SCHEME[row["country"]], number, city=row["city"] or "")
            scope = tenants.create_client_account(session, owner, details)
            tenant_id = scope.tenant_id
            grants.grant_access(
                scope, self.made.vault, email=cast.FIRM_EMAIL, role="editor", ends_on=None,
                base_url=self.made.settings.base_url,
            )  # fmt: skip
            scope.session.get_one(Tenant, tenant_id).rehearsal = True
        part = cast.part_of(index, row["environment"])
        return Client(
            index, row["position"], tenant_id, row["name"], row["country"], str(row["code"]), row["iban"], part
        )

    def connect_exact(self) -> None:
        """Through the sandbox's own consent, as a browser would go."""
        for key, environment, name, login in (
            ("main", "be", "Exact, kantoor Mechelen", "kantoor"),
            ("failing", "be", "Exact, login A. Peeters", "vervanger"),
            ("lapsing", "nl", "Exact Nederland", "kantoor"),
            ("french", "fr", "Exact France", "kantoor"),
        ):
            self.logins[key] = self._connect(environment, name, login)
        deputy = self.users[cast.STAFF[1].email].id
        with self._firm() as scope:
            for authorisation in self.logins.values():
                authorisations.set_owner(scope, authorisation, scope.actor.user_id, deputy)

    @contextmanager
    def browser(self) -> Iterator[uuid.UUID]:
        """The head of the firm, signed in for a while."""
        head = self.users[cast.STAFF[0].email].id
        with self.made.database.scoped() as session:
            sessions.start(session, self.users[cast.STAFF[0].email], agent="demo", second_factor=True)
            session.flush()
            session_id = sessions.living(session, head)[0].id
        yield session_id
        with self.made.database.scoped() as session:
            sessions.revoke(session, head, session_id)

    def _connect(self, environment: str, name: str, login: str) -> uuid.UUID:
        with self.browser() as session_id:
            with self._firm() as scope:
                url = authorisations.begin_login(self.made, scope, session_id, "exact", environment, name)
            back = requests.get(f"{url}&auto_approve={login}", allow_redirects=False, timeout=20)
            given = dict(parse_qsl(urlsplit(back.headers["Location"]).query))
            with self._firm() as scope:
                row = authorisations.finish_login(self.made, scope, session_id, "exact", given).authorisation
            with self._firm() as scope:
                seen = authorisations.activate(self.made, scope, row.id)
                store_dossiers(scope, row.id, seen.dossiers)
        authorisation_id: uuid.UUID = row.id
        return authorisation_id

    def couple(self) -> None:
        for key, login in self.logins.items():
            chosen = [c.tenant_id for c in self.clients if c.part.login == key]
            with self._firm() as scope:
                authorisation = scope.get(Authorisation, login)
                outcomes = couplings.activate_certain(scope, authorisation, chosen)
            coupled = {outcome.client_id for outcome in outcomes if not outcome.code}
            self.clients = [
                replace(c, part=replace(c.part, login="")) if c.part.login == key and c.tenant_id not in coupled else c
                for c in self.clients
            ]  # fmt: skip
        for client in self._coupled():
            bookkeeping = authorisations.connect(
                self.made.database, self.made.vault, self.made.settings, self.firm, self.logins[client.part.login]
            )
            with self.in_client(client) as scope:
                refresh_books(scope, self._coupling(scope), bookkeeping)

    def _coupled(self) -> list[Client]:
        return [client for client in self.clients if client.part.login]

    @staticmethod
    def _coupling(scope: Scope) -> Coupling:
        found = couplings.active_coupling(scope, "exact")
        if found is None:
            raise RuntimeError("a client of the demo is not coupled")
        return found

    def bring_statements(self) -> None:
        months = last_months(3)
        for client in self.clients:
            opening = Decimal(2_000 + client.index * 137) + Decimal("0.37")
            for number, first in enumerate(months, 1):
                count = 14 + client.index % 5 * 4
                moves = movements.month_of(client.index, first, count)
                last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
                make = files.coda if client.index % 2 == 0 and client.country == "BE" else files.camt
                content = make(client.iban, client.name, number, opening, first, last, moves)
                opening += sum((move.amount for move in moves), Decimal(0))
                if number <= client.part.files and not (client.part.gap and number == 2):
                    suffix = "cod" if make is files.coda else "xml"
                    with self.in_client(client) as scope:
                        import_file(scope, f"{first:%Y-%m}.{suffix}", BytesIO(content), len(content))

    def bring_documents(self) -> None:
        """The invoices behind last month's payments, and some days of takings."""
        first = last_months(3)[-1]
        for client in self.clients:
            moves = movements.month_of(client.index, first, 14 + client.index % 5 * 4)
            with self.in_client(client) as scope:
                row = scope.session.get_one(Tenant, client.tenant_id)
                us = invoices.Side(row.name, row.country, row.vat_number, row.enterprise_number)
                for name, content in invoices.of_movements(moves, us, client.iban):
                    hand_in(scope, name, BytesIO(content))
                hand_in(scope, f"takings-{first:%Y-%m}.csv", BytesIO(invoices.takings(client.index, first)))

    def send_bills(self) -> None:
        billing.bill(self, last_months(3))

    def link_banks(self) -> None:
        banks.link_banks(self)

    def configure(self) -> None:
        start = last_months(3)[0]
        for client in self._coupled():
            with self.in_client(client) as scope:
                account = scope.session.scalars(
                    select(BankAccount).where(BankAccount.tenant_id == scope.tenant_id)
                ).first()
                if account is None:
                    create_accounts(scope, [(client.iban, "EUR", "")])
                    account = scope.session.scalars(select(BankAccount)).one()
                coupling = self._coupling(scope)
                books = read_books(scope, coupling.id)
                proposed = defaults_for(books, account, client.country, clock.today())
                choices = replace(proposed, starts_on=start, automatic=client.part.automatic)
                configurations.create_configuration(scope, coupling.id, account, choices)

    def work_one_night(self) -> None:
        """Close a month where the demo wants it, then draft, post, and compare both sides."""
        last = last_months(3)[-1]
        for client in self.clients:
            if client.part.closed:
                self._control(
                    "periods",
                    {"division": int(client.dossier), "year": last.year, "period": last.month, "status": "closed"},
                )
        for client in self._coupled():
            with self.in_client(client) as scope:
                query = select(Configuration).where(Configuration.tenant_id == scope.tenant_id)
                started = [runs.start_run(scope, row, "schedule")[0].id for row in scope.session.scalars(query)]
            for run_id in started:
                runs.run(self.made, client.tenant_id, run_id)
        dispatch.drain(self.made, seconds=120)
        for client in self._coupled():
            with self.in_client(client) as scope:
                coupling_id = self._coupling(scope).id
            comparison.compare_night(self.made, client.tenant_id, coupling_id)

    def let_time_pass(self) -> None:
        """Weeks pass for two log-ins: one lapses soon and does not answer, one was withdrawn at Exact."""
        now = clock.now()
        # Without a machine's own clock beside it, a token's age is read off the wall.
        old = {"received_on": "", "received_at": now - timedelta(minutes=20), "expires_at": now - timedelta(minutes=10)}
        idle = {
            "received_on": "", "received_at": now - timedelta(days=24), "expires_at": now - timedelta(days=24),
            "refresh_expires_at": now + timedelta(days=6), "failures": 4, "not_before": now + timedelta(days=2),
        }  # fmt: skip
        with self._firm() as scope:
            for key, values in (("failing", old), ("lapsing", idle)):
                of_login = (Credential.tenant_id == self.firm, Credential.authorisation_id == self.logins[key])
                scope.session.execute(update(Credential).where(*of_login).values(**values))
        for grant in self._control("grants")["grants"]:
            if grant["login"] == "vervanger" and not grant.get("revoked_at"):
                self._control(f"grants/{grant['id']}/revoke", {})
        # The product notices, and says what to do: that is what the demo shows.
        with suppress(ConnectorError, PortalError):
            authorisations.connect(
                self.made.database, self.made.vault, self.made.settings, self.firm, self.logins["failing"]
            ).identity()
        for client in self.clients:
            with self.in_client(client) as scope:
                refresh_standing(scope.session, client.tenant_id)


def last_months(count: int) -> list[date]:
    """First days of the last whole months, oldest first."""
    first = clock.today().replace(day=1)
    found: list[date] = []
    for _ in range(count):
        first = (first - timedelta(days=1)).replace(day=1)
        found.insert(0, first)
    return found
