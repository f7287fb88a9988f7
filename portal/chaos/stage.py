"""The stage: servers, the sandbox's dossiers and logins, our tenants, and the statements that arrive."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from config import Settings, child_environment
from portal import runtime
from portal.access import Scope
from portal.authorisations.custody import Custody
from portal.authorisations.models import Authorisation, Credential
from portal.authorisations.renewal import store
from portal.authorisations.replies import Receipt, Tokens
from portal.couplings.models import Configuration, Coupling
from portal.demo import files
from portal.demo.movements import Movement
from portal.kernel import clock
from portal.kernel.db import Setting, uuid7
from portal.kernel.services import Running, folder, start_postgres, start_valkey
from portal.kernel.services.process import wait_until
from portal.ledger.imports import import_file
from portal.ledger.models import BankAccount
from portal.supervisor import ROOT, answers, prepare_database
from portal.tenants.models import Grant, Tenant

SETTLE_SECONDS = 3  # the sandbox commits late writes within 1.5
APP_ID, APP_SECRET = str(uuid.uuid5(uuid.NAMESPACE_URL, "chaos")), "chaos"
FIRST_DIVISION = 700_001
FIRST_DAY = date(2024, 1, 1)
DAY = timedelta(days=1)


@dataclass
class Client:
    """A client account, its dossier, and what its bank says: one entry a day, known beforehand."""

    tenant_id: uuid.UUID
    division: int
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
    clients: list[Client] = field(default_factory=list)
    services: dict[str, Running] = field(default_factory=dict)
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
        self.runtime = runtime.make(self.settings, application="portal-chaos", pool_size=4)
        self._start_sandbox()

    def _extras(self) -> dict[str, str]:
        port = folder.port(self.home / "sandbox")
        return {
            "KOPPELPOORT_HOME": str(self.home), "KOPPELPOORT_ENV": "development", "DEMO": "0", "CRASH_AT": "",
            "DATABASE_URL": "", "OWNER_DATABASE_URL": "", "REDIS_URL": "", "LOG_LEVEL": "WARNING",
            "PORT": str(folder.port(self.home / "web")), "SANDBOX_PORT": str(port),
            "SETTLE_SECONDS": str(SETTLE_SECONDS), "EXACT_CLIENT_ID": APP_ID, "EXACT_CLIENT_SECRET": APP_SECRET,
            # three hundred processes start: their code is compiled once
            "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.home / "pycache"),
            "EXACT_HOSTS_JSON": f'{{"be": "http://127.0.0.1:{port}/be"}}',
        }  # fmt: skip

    def _start_sandbox(self) -> None:
        log = (self.home / "logs" / "sandbox.log").open("ab")
        command = [sys.executable, "-m", "sandbox.exact", "--port", str(self.settings.sandbox_port)]
        command += ["--data", str(self.home / "sandbox" / "data"), "--app", f"{APP_ID},{APP_SECRET},http://127.0.0.1/*"]
        child = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        self._children.append(child)
        if not wait_until(lambda: answers(self.settings.sandbox_port, "/control"), child, 60):
            raise RuntimeError(f"the sandbox did not start; see {self.home / 'logs' / 'sandbox.log'}")

    def control(self, verb: str, path: str, **body: Any) -> Any:
        """A call of the sandbox's control API; the keywords are the JSON that is sent."""
        url = f"http://127.0.0.1:{self.settings.sandbox_port}/control/api/{path}"
        answer = requests.request(verb, url, json=body or None, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    # ------------------------------------------------------------------------------ rows

    def furnish(self, entries: int, dossiers: int, logins: int) -> None:
        """One firm, its logins at the provider, and the client accounts with their couplings."""
        # Renewals have a trial of their own; here a token outlives the run.
        self.control("PATCH", "settings", token_lifetime=86_400)
        firm = self._tenant("portal", "Chaos & Partners", 1)
        authorisations = [self._login(firm, number) for number in range(logins)]
        for number in range(dossiers):
            share = entries // dossiers + (number < entries % dossiers)
            self.clients.append(self._client(firm, authorisations[number % logins], number, share))

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

    def _login(self, firm: Tenant, number: int) -> Authorisation:
        login = f"chaos-{number}"
        user = self.control("POST", "users", login=login, environment="be", licence="chaos", role="firm")["id"]
        tokens = self.control("POST", "grants", client_id=APP_ID, login=login, environment="be")
        now = clock.now()
        row = Authorisation(
            tenant_id=firm.id, id=uuid7(), app="exact", environment="be", name=login, state="active", state_since=now,
            remote_user_id=user, created_at=now,
        )  # fmt: skip
        custody = Custody(self.runtime.database, self.runtime.vault, self.settings, firm.id, row.id)
        pair = Tokens(
            tokens["access_token"], tokens["refresh_token"], float(tokens["expires_in"]), Receipt(now, "", 0.0)
        )
        with self.runtime.database.scoped(Setting(tenant=firm.id)) as session:
            session.add(row)
            session.flush()
            credential = Credential(tenant_id=firm.id, authorisation_id=row.id, generation=0)
            store(custody, session, credential, pair, 30 * 86_400)
            session.add(credential)
        return row

    def _client(self, firm: Tenant, authorisation: Authorisation, number: int, share: int) -> Client:
        name, division = f"Client {number + 1}", FIRST_DIVISION + number
        self.control("POST", "divisions", code=division, name=name, country="BE", environment="be", licence="chaos")
        tenant, now = self._tenant("client", name, number + 2), clock.now()
        with self.runtime.database.scoped(Setting(tenant=tenant.id)) as session:
            grant = Grant(
                tenant_id=tenant.id, email=firm.email, role="editor", state="active", portal_id=firm.id,
                created_at=now, activated_at=now,
            )  # fmt: skip
            coupling = Coupling(
                tenant_id=tenant.id, id=uuid7(), app="exact", authorisation_tenant_id=firm.id,
                authorisation_id=authorisation.id, authorisation_name=authorisation.name, dossier_code=str(division),
                dossier_number=str(number + 1), dossier_name=name, country="BE", currency="EUR", activated_at=now,
            )  # fmt: skip
            account = BankAccount(
                tenant_id=tenant.id, id=uuid7(), number=_iban(number), currency="EUR", name=name, created_at=now
            )
            session.add_all((grant, coupling, account))
            session.flush()
            configuration = Configuration(
                tenant_id=tenant.id, coupling_id=coupling.id, bank_account_id=account.id, entry_kind="bank",
                journal="20", bank_ledger_account="550000", suspense_account="499000", frequency="daily",
                starts_on=FIRST_DAY, delay_days=0, automatic=True, next_due_at=now, created_at=now, changed_at=now,
            )  # fmt: skip
            session.add(configuration)
        days = [self._moves(FIRST_DAY + DAY * number) for number in range(share)]
        return Client(tenant.id, division, account.number, name, days)

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
