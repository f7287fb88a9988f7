from __future__ import annotations

import pytest

from portal.connectors import registry
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests.routes.entries.desk import Desk, open_desk
from tests.sync.office import Clock


@pytest.fixture(autouse=True)
def _pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the package in memory on the list of connectors."""
    monkeypatch.setitem(registry.CONNECTORS, "pretend", "tests.sync.provider")


@pytest.fixture
def desk(database: Database, vault: Vault) -> Desk:
    return open_desk(database, vault, automatic=False)


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A hand on the clock. Who signed in before it moved stays signed in."""
    hand = Clock()
    monkeypatch.setattr(clock, "now", hand.now)
    return hand
