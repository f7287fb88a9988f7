from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.connectors import registry
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests.feeds import provider
from tests.feeds.office import Office, open_office
from tests.sync.office import Clock


@pytest.fixture(autouse=True, scope="session")
def _pretend() -> Iterator[None]:
    """Put the provider in memory on the list of feeds."""
    registry.FEEDS[provider.KEY] = "tests.feeds.provider"
    yield
    del registry.FEEDS[provider.KEY]


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    return open_office(database, vault)


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hand = Clock()
    monkeypatch.setattr(clock, "now", hand.now)
    return hand
