from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator

import pytest

from portal.connectors import registry
from portal.feeds import choosing
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests.feeds import provider
from tests.feeds.office import Office, open_office


@pytest.fixture(autouse=True)
def _pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the provider in memory is on the list, so that no test asks a real one."""
    feeds = {provider.KEY: "tests.feeds.provider"}
    monkeypatch.setattr(registry, "FEEDS", feeds)
    monkeypatch.setattr(registry, "APPS", ChainMap(registry.CONNECTORS, feeds))
    choosing._lists.clear()
    yield
    choosing._lists.clear()


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    return open_office(database, vault)
