"""Time that tests move, a provider on loopback, and an authorisation that is signed in there."""

from __future__ import annotations

import base64
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from config import Settings
from portal.authorisations import renewal, replies, steady
from portal.authorisations.custody import Custody
from portal.authorisations.models import Authorisation, Credential, RefreshAttempt
from portal.identity.models import User
from portal.kernel import clock, crash
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.runtime import Runtime
from portal.tenants.models import Tenant
from tests import factories as make
from tests.authorisations.provider import Grant, Provider, person
from tests.conftest import Servers, Urls


class Time:
    """Our clocks, shared with forked processes. `pass_` moves both; `step` the one on the wall only."""

    def __init__(self) -> None:
        self._passed = multiprocessing.Value("d", 0.0)
        self._stepped = multiprocessing.Value("d", 0.0)

    def now(self) -> datetime:
        return self.true() + timedelta(seconds=self._stepped.value)

    def true(self) -> datetime:
        """What a clock shows that nobody set wrong: the provider's."""
        return datetime.now(UTC) + timedelta(seconds=self._passed.value)

    def tick(self) -> float:
        passed: float = self._passed.value
        return time.clock_gettime(time.CLOCK_BOOTTIME) + passed

    def pass_(self, **span: float) -> None:
        self._passed.value += timedelta(**span).total_seconds()

    def step(self, **span: float) -> None:
        self._stepped.value += timedelta(**span).total_seconds()


@pytest.fixture
def virtual(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "now", made.now)
    monkeypatch.setattr(steady, "tick", made.tick)
    return made


@pytest.fixture
def provider(virtual: Time) -> Iterator[Provider]:
    made = Provider(virtual.true)
    yield made
    made.stop()


def make_settings(home: Path, urls: Urls, servers: Servers, host: str) -> Settings:
    return Settings.from_env(
        {
            "KOPPELPOORT_HOME": str(home),
            "DATABASE_URL": urls.app,
            "REDIS_URL": servers.redis_url,
            "SECRET_KEY": "a key of the tests",
            "KEY_ENCRYPTION_KEYS": "tests:" + base64.b64encode(bytes(range(32))).decode(),
            "AUDIT_KEY": "another key of the tests",
            "BASE_URL": "https://portal.example.com",
            "EXACT_CLIENT_ID": "{5f1c9f0e-client}",
            "EXACT_CLIENT_SECRET": "secret-of-the-client",
            "EXACT_HOSTS_JSON": f'{{"be": "{host}", "nl": "{host}"}}',
        }
    )


@pytest.fixture
def settings(tmp_path: Path, database_urls: Urls, servers: Servers, provider: Provider) -> Settings:
    return make_settings(tmp_path, database_urls, servers, provider.host)


@pytest.fixture
def means(settings: Settings, database: Database, vault: Vault) -> Runtime:
    return Runtime(settings, database, vault)


@dataclass(frozen=True)
class SignedIn:
    """A firm, its owner of the log-in, and an authorisation with a living pair at the provider."""

    firm: Tenant
    owner: User
    row: Authorisation
    grant: Grant
    means: Runtime

    @property
    def custody(self) -> Custody:
        return Custody(self.means.database, self.means.vault, self.means.settings, self.firm.id, self.row.id)

    def credential(self) -> Credential:
        with self.means.database.scoped(Setting(tenant=self.firm.id)) as session:
            return session.get_one(Credential, (self.firm.id, self.row.id))

    def state(self) -> str:
        with self.means.database.scoped(Setting(tenant=self.firm.id)) as session:
            return session.get_one(Authorisation, (self.firm.id, self.row.id)).state

    def attempts(self) -> list[tuple[str, str]]:
        with self.means.database.scoped(Setting(tenant=self.firm.id)) as session:
            query = select(RefreshAttempt).where(RefreshAttempt.authorisation_id == self.row.id)
            found = session.scalars(query.order_by(RefreshAttempt.started_at)).all()
            return [(row.outcome, row.detail) for row in found]


def sign_in(means: Runtime, provider: Provider, name: str = "Karin Wouters") -> SignedIn:
    owner = make.make_user(means.database, name)
    firm = make.make_tenant(means.database, "portal", "Peeters Lambrechts", members={owner: "administrator"})
    user = person(name)
    row = make.make_authorisation(
        means.database, means.vault, firm, owner_id=owner.id, remote_user_id=user["UserID"], remote_user_name=name,
        remote_email=user["Email"],
    )  # fmt: skip
    grant = provider.connect(user)
    signed = SignedIn(firm, owner, row, grant, means)
    with signed.custody.session() as session, session.begin():
        pair = Credential(tenant_id=firm.id, authorisation_id=row.id, generation=0)
        received = replies.Tokens(grant.access, grant.refresh, 600.0, replies.Receipt.now())
        renewal.store(signed.custody, session, pair, received, 30 * 86400)
        session.add(pair)
    return signed


@pytest.fixture
def signed_in(means: Runtime, provider: Provider) -> SignedIn:
    return sign_in(means, provider)


def in_child(signed: SignedIn, work: Callable[[Custody], object], *, crash_at: str = "") -> int:
    """Run `work` in a process of its own, with its own connections; its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        crash.arm(crash_at or None)
        settings = signed.means.settings
        database = Database(settings.database_url, pool_size=1, max_overflow=1)
        fresh = Vault(list(signed.means.vault._keks.values()))
        work(Custody(database, fresh, settings, signed.firm.id, signed.row.id))
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
    raise AssertionError("not reached")


def end_of(pid: int) -> int:
    """Exit status of a child; negative is the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
