"""One PostgreSQL and one Valkey a test run; a database of its own for every test worker.

Tests do not clean up after each other: every test makes tenants of its own, and isolation
between tenants is what the product promises. What must see nothing else takes `fresh_database`.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

import portal.models  # noqa: F401 (metadata must be whole, whichever tests run)
from portal.activity import service as activity
from portal.kernel import migrate, queue
from portal.kernel.db import Database
from portal.kernel.roles import APP, OWNER, create_roles
from portal.kernel.services import start_postgres, start_valkey
from portal.kernel.vault import Kek, Vault
from tests.furnish_billing import set_prices

# A busy machine is no fault of the code: examples are judged by what they show, not by how long they took.
# The same examples every time, so that what passes once passes on every machine; `make search` looks for new ones.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "search", deadline=None, max_examples=1000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

OWNER_PASSWORD, APP_PASSWORD = "owner-in-tests", "app-in-tests"
TEMPLATE = "koppelpoort_template"
_running: list[Any] = []
_folder: Path | None = None


@dataclass(frozen=True)
class Servers:
    admin_url: str
    redis_url: str


def pytest_configure(config: pytest.Config) -> None:
    """In the process that hands out the tests: start the servers, build the template database."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    global _folder
    _folder = Path(tempfile.mkdtemp(prefix="kp-tests-"))
    _folder.chmod(0o755)
    postgres = start_postgres(_folder / "postgres", durable=False)
    valkey = start_valkey(_folder / "valkey")
    _running.extend((valkey, postgres))
    urls = create_roles(postgres.url, TEMPLATE, OWNER_PASSWORD, APP_PASSWORD)
    migrate.upgrade(urls.owner_url)
    set_prices(urls.owner_url)
    config.stash[SERVERS] = Servers(postgres.url, valkey.url)


def pytest_configure_node(node: Any) -> None:
    servers = node.config.stash[SERVERS]
    node.workerinput["servers"] = (servers.admin_url, servers.redis_url)


def pytest_unconfigure(config: pytest.Config) -> None:
    for running in _running:
        running.stop()
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)


SERVERS: pytest.StashKey[Servers] = pytest.StashKey()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Servers:
    if hasattr(request.config, "workerinput"):
        return Servers(*request.config.workerinput["servers"])
    return request.config.stash[SERVERS]


@dataclass(frozen=True)
class Urls:
    admin: str
    owner: str
    app: str


def make_database(servers: Servers) -> Urls:
    name = f"kp_{secrets.token_hex(6)}"
    with psycopg.connect(servers.admin_url, autocommit=True) as connection:
        create = "CREATE DATABASE {} TEMPLATE {} OWNER {}"
        connection.execute(
            sql.SQL(create).format(sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier(OWNER))
        )
    base = servers.admin_url.partition("@")[2].rpartition("/")[0]
    return Urls(
        admin=f"postgresql://{servers.admin_url.partition('://')[2].rpartition('/')[0]}/{name}",
        owner=f"postgresql+psycopg://{OWNER}:{OWNER_PASSWORD}@{base}/{name}",
        app=f"postgresql+psycopg://{APP}:{APP_PASSWORD}@{base}/{name}",
    )


@pytest.fixture(scope="session")
def database_urls(servers: Servers) -> Urls:
    """The database of this test worker."""
    return make_database(servers)


@pytest.fixture(scope="session")
def database(database_urls: Urls) -> Iterator[Database]:
    """As the application role: row-level security binds."""
    made = Database(database_urls.app, pool_size=5, max_overflow=60)
    yield made
    made.engine.dispose()


@pytest.fixture
def fresh_database_urls(servers: Servers) -> Urls:
    return make_database(servers)


@pytest.fixture
def fresh_database(fresh_database_urls: Urls) -> Iterator[Database]:
    """A database that no other test has written to (0.2 s)."""
    made = Database(fresh_database_urls.app, pool_size=5, max_overflow=60)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault([Kek("tests", bytes(range(32)))])


@pytest.fixture(autouse=True, scope="session")
def _process() -> Iterator[None]:
    """What create_app() does once a process: the audit key, and a doorbell that nobody hears."""
    activity.set_key(b"the audit key of the tests")
    queue.connect(None)
    with pytest.MonkeyPatch.context() as patch:
        # The level of one app would hold for every test after it in this process.
        patch.setattr("portal.app.set_up_logging", lambda *_, **__: None)
        yield
