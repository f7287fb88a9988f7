"""An office whose software calls, made once a test worker; a test that changes it makes its own."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.kernel.db import Database
from tests.software.office import Erp, Office, make_office


@pytest.fixture(scope="session")
def office(database: Database) -> Office:
    return make_office(database)


@pytest.fixture
def erp(app: Flask, office: Office) -> Erp:
    return Erp(app.test_client(), office.software.code)
