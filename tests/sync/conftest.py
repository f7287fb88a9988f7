from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.connectors import registry
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests.sync.office import Clock, Office, open_office


@pytest.fixture(autouse=True, scope="session")
def _pretend() -> Iterator[None]:
    """Put the package in memory on the list of connectors."""
    registry.CONNECTORS["pretend"] = "tests.sync.provider"
    yield
    del registry.CONNECTORS["pretend"]


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    return open_office(database, vault)


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hand = Clock()
    monkeypatch.setattr(clock, "now", hand.now)
    return hand


@pytest.fixture
def alone(fresh_database: Database, vault: Vault) -> Office:
    """In a database of its own: a drain takes up whatever is due in it."""
    return open_office(fresh_database, vault)
