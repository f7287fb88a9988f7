"""Each test of the billing room has a seller of its own."""

from __future__ import annotations

import pytest

from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests.billing.office import Office
from tests.conftest import Urls


@pytest.fixture
def office(database: Database, database_urls: Urls, vault: Vault) -> Office:
    return Office(database, database_urls, vault)
