"""The stage: servers, the sandbox's dossiers and logins, our tenants, and the statements that arrive."""

from __future__ import annotations

import io
import random
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import requests
from sqlalchemy.orm import Session

from config import Settings, child_environment
from portal import runtime
from portal.access import Scope
from portal.authorisations import applications, connecting, keys, service, typed
from portal.authorisations.custody import Custody
from portal.authorisations.models import Authorisation, Credential
from portal.authorisations.renewal import store
from portal.authorisations.replies import Receipt, Tokens
from portal.chaos import stands
from portal.chaos.stands import Stand
from portal.connectors import registry
from portal.connectors.login import AuthMode, Form
from portal.couplings.books import has_bank_entries
from portal.couplings.models import Configuration, Coupling
from portal.demo import files
from portal.demo.movements import Movement
from portal.kernel import clock
from portal.kernel.db import Setting, uuid7
from portal.kernel.services import Running, folder, start_postgres, start_valkey
from portal.ledger.imports import import_file
from portal.ledger.models import BankAccount
from portal.store import service as apps
from portal.supervisor import prepare_database
from portal.tenants.models import Grant, Tenant

SETTLE_SECONDS = 3  # the sandbox commits late writes within 1.5
FIRST_DAY = date(2024, 1, 1)
DAY = timedelta(days=1)


@dataclass
class Client:
    """A client account, its dossier, and what its bank says: one entry a day, known beforehand."""

    tenant_id: uuid.UUID
    stand: Stand
    number: int  # of its dossier there
    iban: str
    name: str
    days: list[list[Movement]]
    balance: Decimal = Decimal("1000.00")
    statements: int = 0

    @property
    def total(self) -> Decimal:
        return sum((move.amount for moves in self.days for move in moves), Decimal(0))


@dataclass
class Stage:
    home: Path
    random: random.Random
    apps: Sequence[str] = ("exact",)
    clients: list[Client] = field(default_factory=list)
    services: dict[str, Running] = field(default_factory=dict)
    stands: list[Stand] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)  # of the stand-ins
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Servers and schema, the sandbox and its app."""
        extras = self._extras()
        self.settings = Settings.from_env(extras)
        self.environment = child_environment(self.settings) | extras
        self.services["postgres"] = start_postgres(self.home / "postgres")
        self.services["valkey"] = start_valkey(self.home / "valkey")
        self.settings = Settings.from_env(extras)  # now with the ports they chose
        prepare_database(self.settings, self.services["postgres"])
        self.runtime = runtime.make(self.settings, application="portal-chaos")
        self._start_stands()

    def _extras(self) -> dict[str, str]:
        self.ports = {name: folder.port(self.home / "ports" / name) for name in ("exact", "packages")}
        return {
            "KOPPELPOORT_HOME": str(self.home), "KOPPELPOORT_ENV": "development", "DEMO": "0", "CRASH_AT": "",
            "DATABASE_URL": "", "OWNER_DATABASE_URL": "", "REDIS_URL": "", "LOG_LEVEL": "WARNING",
            "PORT": str(folder.port(self.home / "web")), "SANDBOX_PORT": str(self.ports["exact"]),
            "SETTLE_SECONDS": str(SETTLE_SECONDS),
            # three hundred processes start: their code is compiled once
            "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.home / "pycache"),
            **stands.variables(self.apps, self.ports["exact"], self.ports["packages"]),
        }  # fmt: skip

    def _start_stands(self) -> None:
        if "exact" in self.apps:
            told = ("--app", f"{stands.APP_ID},{stands.APP_SECRET},{stands.BACK}")
            self._start_stand("sandbox.exact", "exact", *told)
            self.stands.append(stands.Exact(stands.Control(self.ports["exact"])))
        packages = [app for app in self.apps if app != "exact"]
        if packages:
            self._start_stand("sandbox.packages", "packages")
            control = stands.Control(self.ports["packages"])
            self.stands += [stands.Package(app, control) for app in packages]

    def _start_stand(self, module: str, name: str, *more: str) -> None:
        self._children.append(stands.start(module, self.ports[name], self.home, self.environment, *more))

    # ------------------------------------------------------------------------------ rows

    def furnish(self, entries: int, dossiers: int, logins: int, *, uneven: bool = False) -> None:
        """One firm, its logins at each provider, and the client accounts with their couplings, by turns.

        Each dossier gets as many entries as the next; when `uneven` at least one, and the others as it falls.
        """
        shares = [entries // dossiers + (number < entries % dossiers) for number in range(dossiers)]
        if uneven:
            shares = [1] * dossiers
            for _ in range(entries - dossiers):
                shares[self.random.randrange(dossiers)] += 1
        firm = self._tenant("portal", "Chaos & Partners", 1)
        for stand in self.stands:
            stand.furnish()
        for number in range(dossiers):
            self.stands[number % len(self.stands)].add_dossier(number, _name(number))
        held = {
            stand.app: [self._login(firm, stand, number) for number in range(logins if has_pages(stand.app) else 1)]
            for stand in self.stands
        }
        listed = {app: self._dossiers(firm, rows[0]) for app, rows in held.items()}
        for number in range(dossiers):
            stand = self.stands[number % len(self.stands)]
            authorisation = held[stand.app][number // len(self.stands) % len(held[stand.app])]
            dossier = listed[stand.app][_name(number)]
            self.clients.append(self._client(firm, authorisation, stand, number, dossier, shares[number]))

    def _tenant(self, kind: str, name: str, number: int) -> Tenant:
        now, base = clock.now(), 80_000_000 + number
        email = "chaos@example.com" if kind == "portal" else None
        tenant = Tenant(
            id=uuid7(), kind=kind, name=name, email=email, email_verified_at=now if email else None, country="BE",
            scheme="kbo", enterprise_number=f"{base:08d}{97 - base % 97:02d}", created_at=now,
        )  # fmt: skip
        with self.runtime.database.scoped(Setting(tenant=tenant.id)) as session:
            session.add(tenant)
        return tenant

    def _login(self, firm: Tenant, stand: Stand, number: int) -> Authorisation:
        login = f"chaos-{number}"
        told = stand.log_in(login)
        auth = registry.load(stand.app).MANIFEST.auth
        if auth is AuthMode.KEY:
            return self._typed(firm, stand, login, told)
        now = clock.now()
        row = Authorisation(
            tenant_id=firm.id, id=uuid7(), app=stand.app, environment=stand.environment, name=f"{stand.app} {login}",
            state="active", state_since=now, remote_user_id=login, created_at=now,
            form=dict(stands.BOOKS[stand.app].form),
        )  # fmt: skip
        custody = Custody(self.runtime.database, self.runtime.vault, self.settings, firm.id, row.id)
        left = self._on_their_page(firm, stand, told) if auth is AuthMode.HOSTED else None
        with self.runtime.database.scoped(Setting(tenant=firm.id)) as session:
            session.add(row)
            session.flush()
            credential = Credential(tenant_id=firm.id, authorisation_id=row.id, generation=0)
            if left is not None:
                typed.keep(custody, session, row, credential, left)
            else:
                received = Receipt(now, "", 0.0)
                pair = Tokens(told["access_token"], told["refresh_token"], float(told["expires_in"]), received)
                store(custody, session, credential, pair, 30 * 86_400)
                session.add(credential)
        return row

    def _typed(self, firm: Tenant, stand: Stand, login: str, form: Mapping[str, str]) -> Authorisation:
        """By a key, as people do; really called once."""
        name = f"{stand.app} {login}"
        with self.runtime.database.scoped(Setting(tenant=firm.id)) as session:
            row = keys.create(self.runtime, self._firm(session, firm), stand.app, stand.environment, name, form)
        with self.runtime.database.scoped(Setting(tenant=firm.id)) as session:
            service.activate(self.runtime, self._firm(session, firm), row.id)
        return row

    def _on_their_page(self, firm: Tenant, stand: Stand, told: Mapping[str, str]) -> Form:
        """What the page that the provider makes for us leaves, once people have logged in there."""
        host = applications.host_of(self.settings, stand.app, stand.environment)
        with connecting.session_of(self.settings, stand.app, host, Form()) as calls:
            page = registry.opening(stand.app)(calls, host, firm.name, firm.email or "", stands.HOME, Form())
        requests.post(page.url, data=told, allow_redirects=False, timeout=20).raise_for_status()
        return page.form

    def _firm(self, session: Session, firm: Tenant) -> Scope:
        return Scope.system(session, firm.id, "portal")

    def _dossiers(self, firm: Tenant, authorisation: Authorisation) -> dict[str, str]:
        """What the connector calls each dossier, by its name."""
        connection = service.connect(
            self.runtime.database, self.runtime.vault, self.settings, firm.id, authorisation.id, person=True
        )
        return {dossier.name: dossier.code for dossier in connection.dossiers()}

    def _client(
        self, firm: Tenant, authorisation: Authorisation, stand: Stand, number: int, dossier: str, share: int
    ) -> Client:
        name, books = _name(number), stands.BOOKS[stand.app]
        tenant, now = self._tenant("client", name, number + 2), clock.now()
        with self.runtime.database.scoped(Setting(tenant=tenant.id)) as session:
            grant = Grant(
                tenant_id=tenant.id, email=firm.email, role="editor", state="active", portal_id=firm.id,
                created_at=now, activated_at=now,
            )  # fmt: skip
            coupling = Coupling(
                tenant_id=tenant.id, id=uuid7(), app=stand.app, authorisation_tenant_id=firm.id,
                authorisation_id=authorisation.id, authorisation_name=authorisation.name, dossier_code=dossier,
                dossier_number=str(number + 1), dossier_name=name, country="BE", currency="EUR", activated_at=now,
            )  # fmt: skip
            account = BankAccount(
                tenant_id=tenant.id, id=uuid7(), number=_iban(number), currency="EUR", name=name, created_at=now
            )
            session.add_all((grant, coupling, account))
            session.flush()
            configuration = Configuration(
                tenant_id=tenant.id, coupling_id=coupling.id, bank_account_id=account.id,
                entry_kind="bank" if has_bank_entries(stand.app) else "general",
                journal=books.journal, bank_ledger_account=books.bank, suspense_account=books.suspense,
                frequency="daily", starts_on=FIRST_DAY, delay_days=0, automatic=True, next_due_at=now, created_at=now,
                changed_at=now,
            )  # fmt: skip
            session.add(configuration)
        with self.runtime.database.scoped(Setting(tenant=firm.id, portal=firm.id)) as session:
            apps.install(self._firm(session, firm), stand.app)
            apps.set_access(self._firm(session, firm), stand.app, [tenant.id])
        days = [self._moves(FIRST_DAY + DAY * number) for number in range(share)]
        return Client(tenant.id, stand, number, account.number, name, days)

    def _moves(self, day: date) -> list[Movement]:
        return [
            Movement(day, Decimal(self.random.choice((-1, 1)) * self.random.randint(1, 500_000)).scaleb(-2),
                     "Colruyt Group NV", "BE60434115221170", f"Invoice {self.random.randint(1, 99_999)}", "")
            for _ in range(self.random.randint(1, 3))
        ]  # fmt: skip

    def bank_speaks(self, part: int, parts: int) -> None:
        """The next part of every client's statements comes in."""
        for client in self.clients:
            first, last = (len(client.days) * n // parts for n in (part, part + 1))
            if first < last:
                self._bring(client, FIRST_DAY + DAY * first, client.days[first:last])

    def _bring(self, client: Client, first: date, days: Sequence[Sequence[Movement]]) -> None:
        moves = [move for day in days for move in day]
        client.statements += 1
        last = first + DAY * (len(days) - 1)
        content = files.camt(client.iban, client.name, client.statements, client.balance, first, last, moves)
        client.balance += sum((move.amount for move in moves), Decimal(0))
        with self.runtime.database.scoped(Setting(tenant=client.tenant_id)) as session:
            scope = Scope.system(session, client.tenant_id)
            stored = import_file(scope, f"{client.iban}.xml", io.BytesIO(content), len(content))
            if stored.stored != len(moves):
                raise RuntimeError(
                    f"{client.name}: {stored.state} {stored.code}, {stored.stored} of {len(moves)} lines"
                )

    def stop(self) -> None:
        for child in self._children:
            child.terminate()
            child.wait(20)
        for running in self.services.values():
            running.stop()


def _iban(number: int) -> str:
    body = f"7340{number:06d}"
    body += f"{int(body) % 97 or 97:02d}"
    return f"BE{98 - int(body + '111400') % 97:02d}{body}"


def has_pages(app: str) -> bool:
    """Whether people log in at the provider; a key is of a firm, and has no sisters."""
    return registry.load(app).MANIFEST.oauth is not None


def _name(number: int) -> str:
    return f"Client {number + 1}"
