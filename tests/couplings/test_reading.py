"""Reading the books of a dossier anew."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

import pytest

from portal.connectors import base
from portal.connectors.errors import Temporary
from portal.couplings.books import read_books
from portal.couplings.models import Coupling
from portal.couplings.reading import read_anew
from portal.jobs import couplings as jobs
from portal.kernel import queue
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant
from tests import factories as make
from tests.couplings.conftest import BOOKS
from tests.world import World

VAT = Decimal("0.21")


class Package:
    """A bookkeeping package with one dossier, that can fall silent."""

    silent = False

    def ledger_accounts(self, dossier: str) -> list[base.LedgerAccount]:
        return list(BOOKS["ledger_accounts"])

    def journals(self, dossier: str) -> list[base.Journal]:
        return list(BOOKS["journals"])

    def vat_codes(self, dossier: str) -> list[base.VatCode]:
        return [base.VatCode("4", "21 %", VAT)]

    def periods(self, dossier: str) -> list[base.Period]:
        if self.silent:
            raise Temporary("exact.timeout")
        return list(BOOKS["periods"])

    def connect(self, holder: uuid.UUID, authorisation: uuid.UUID) -> base.Bookkeeping:
        return self  # type: ignore[return-value]  # of the whole contract only the lists are asked


@pytest.fixture
def coupling(database: Database, vault: Vault, world: World) -> Coupling:
    client = make.make_tenant(database, "client", "Met boeken")
    make.make_grant(database, client, world.firm)
    return make.make_coupling(database, client, make.make_authorisation(database, vault, world.firm))


def test_the_lists_come_back_typed(database: Database, coupling: Coupling) -> None:
    books = read_anew(database, Package().connect, coupling.tenant_id, coupling.id)
    assert list(books.accounts.values()) == BOOKS["ledger_accounts"]
    assert list(books.journals.values()) == BOOKS["journals"]
    assert books.periods == BOOKS["periods"]
    assert books.vat_codes["4"].percentage == VAT
    period = books.period_of(date(2026, 2, 10))
    assert period is not None
    assert (period.is_open("20"), period.is_open("90"), books.stale) == (False, True, False)


def test_when_the_provider_falls_silent_the_old_lists_stay(database: Database, coupling: Coupling) -> None:
    package = Package()
    read_anew(database, package.connect, coupling.tenant_id, coupling.id)
    package.silent = True
    with pytest.raises(Temporary):
        read_anew(database, package.connect, coupling.tenant_id, coupling.id)
    with database.session(Setting(tenant=coupling.tenant_id)) as session:
        client_scope = make.scope_in(session, Tenant(id=coupling.tenant_id, kind="client", name=""))
        assert read_books(client_scope, coupling.id).journals


def test_an_ended_coupling_is_not_read(database: Database, coupling: Coupling) -> None:
    with database.scoped(Setting(tenant=coupling.tenant_id)) as session:
        session.merge(coupling).state = "ended"
    with pytest.raises(Conflict):
        read_anew(database, Package().connect, coupling.tenant_id, coupling.id)


def test_the_job_that_a_new_coupling_rings_exists() -> None:
    assert queue.JOBS["couplings.refresh"].path == f"{jobs.__name__}.refresh"
