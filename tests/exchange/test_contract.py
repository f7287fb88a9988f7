"""The shared rules for bookkeeping connectors, kept by every app without a server.

The oracle is a reader of the files that were made; it knows the forms and not what writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from portal.connectors import registry
from portal.connectors.base import Bookkeeping, EntryKind, LedgerAccount
from portal.exchange.register import Register
from portal.kernel.db import Database, Setting
from portal.tenants.models import Tenant
from tests import factories as make
from tests.connectors.contract import BooksContract
from tests.connectors.contract.world import Fault, RecordingGate
from tests.exchange.shelf import Package, make_file_authorisation, make_file_dossier, set_form

FORMS: Mapping[str, tuple[str, dict[str, str]]] = {
    "sage100": ("sage100", {}),
    "sage100-text": ("sage100", {"form": "text"}),
    "tiime": ("tiime", {}),
    "tiime-csv": ("tiime", {"form": "csv"}),
    "fec": ("fec", {}),
    "csv": ("csv", {}),
    "tra": ("tra", {}),
}


class FileWorld:
    """See `contract.world.World`. Nothing is called, so nothing is lost on the way and no limit is met."""

    dossier_count = 3
    bank_journal, general_journal = "BQ", "OD"
    bank_account, suspense_account = "512100", "471000"
    foreign_account = LedgerAccount("999999", "Nowhere", "999999", "general")
    open_day, closed_day = date(2026, 3, 18), date(2025, 1, 15)
    most_lines = 1100
    foreign_statuses = (404,)
    party_lines = False
    tells_closed = tells_who = True
    invoice_journals: Mapping[EntryKind, str] = {}
    party_accounts: Mapping[EntryKind, str] = {}
    result_account = vat_code = relation = ""
    secret = "nothing signs here"

    def __init__(self, db: Database, tenant: Tenant, app: str, settings: dict[str, str]) -> None:
        self.capabilities = registry.load(app).MANIFEST.capabilities
        self._db, self._tenant = db, tenant
        self._authorisation = make_file_authorisation(db, tenant, app)
        if settings:
            set_form(db, tenant, self._authorisation, **settings)
        first = make_file_dossier(db, tenant, self._authorisation)
        for _ in range(self.dossier_count - 1):
            make_file_dossier(db, tenant, self._authorisation, chart=b"")
        self.dossier = str(first.id)
        self.foreign_dossier = str(
            make_file_dossier(db, tenant, make_file_authorisation(db, tenant, app), chart=b"").id
        )
        self._package = Package(db, tenant, first, app, **settings)
        self.gate = RecordingGate()
        self.connection: Bookkeeping = Register(db, tenant.id, self._authorisation.id, app)
        self.unreachable: Bookkeeping = self.connection
        self.booked = self._package.booked
        self.balance = self._package.balance

    def fault(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        raise AssertionError("there is no network to fail")

    def expire(self) -> None:
        with self._db.scoped(Setting(tenant=self._tenant.id)) as session:
            row = session.merge(self._authorisation)
            row.state = "inactive"

    def settle(self) -> None:
        return None


@pytest.fixture(scope="module")
def firm(database: Database) -> Tenant:
    return make.make_tenant(database, "portal", "Cabinet Évrard")


@pytest.fixture(params=list(FORMS))
def world(request: pytest.FixtureRequest, database: Database, firm: Tenant) -> FileWorld:
    app, settings = FORMS[request.param]
    return FileWorld(database, firm, app, settings)


class TestContract(BooksContract):
    pass


def test_the_oracle_reads_files(world: FileWorld) -> None:
    assert world.balance("512100") == Decimal(0)
    assert world.booked("KP-NOTHING") == 0
