"""A firm with an active authorisation and a client that let it in, and scopes to act in both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from portal.access import Actor, Scope
from portal.authorisations.models import Authorisation
from portal.connectors import base
from portal.couplings.books import store_books
from portal.couplings.dossiers import store_dossiers
from portal.couplings.models import Coupling
from portal.kernel import clock
from portal.kernel.db import Database, Setting, set_scope
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant
from tests import factories as make
from tests.world import World, make_world


@pytest.fixture(scope="module")
def world(database: Database) -> World:
    return make_world(database)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """Rolled back afterwards."""
    with database.session() as session:
        yield session
        session.rollback()


@dataclass
class Office:
    database: Database
    session: Session
    world: World
    authorisation: Authorisation

    def firm(self, role: str = "staff") -> Scope:
        return make.scope_in(self.session, self.world.firm, role, self.world.staff)

    def inside(self, client: Tenant | None = None) -> Scope:
        """As the firm's staff in a client's account."""
        client = client or self.world.client
        staff = self.world.staff
        set_scope(self.session, Setting(client.id, via=self.world.firm.id, user=staff.id))
        actor = Actor(staff.id, staff.name, self.world.firm.id)
        return Scope(self.session, client.id, "client", "editor", actor, client.name)

    def list_dossiers(self, *dossiers: base.Dossier) -> None:
        store_dossiers(self.firm(), self.authorisation.id, dossiers)

    def couple(self, code: str = "1") -> tuple[Scope, Coupling]:
        from portal.couplings.service import activate_coupling

        self.list_dossiers(dossier(code, self.world.client.name, self.world.client.enterprise_number))
        scope = self.inside()
        return scope, activate_coupling(scope, self.authorisation, code)

    def with_books(self, code: str = "1") -> tuple[Scope, Coupling]:
        scope, coupling = self.couple(code)
        store_books(scope, coupling.id, BOOKS)
        return scope, coupling


@pytest.fixture
def office(database: Database, vault: Vault, session: Session, world: World) -> Office:
    return Office(database, session, world, make.make_authorisation(database, vault, world.firm))


def dossier(code: str, name: str, enterprise_number: str = "", **more: Any) -> base.Dossier:
    values: dict[str, Any] = {"status": base.DossierStatus.ACTIVE, "country": "BE", "currency": "EUR"} | more
    return base.Dossier(code=code, number=f"20{code}", name=name, enterprise_number=enterprise_number, **values)


def account(code: str, name: str, kind: str = "other", blocked: bool = False) -> base.LedgerAccount:
    return base.LedgerAccount(code, name, f"id-{code}", kind, blocked)


def journal(code: str, type: base.JournalType, ledger: str = "", **more: Any) -> base.Journal:
    return base.Journal(code, f"Journal {code}", type, f"id-{code}", "EUR", ledger, **more)


IBAN = "BE68539007547034"
BOOKS: dict[str, list[Any]] = {
    "ledger_accounts": [
        account("550000", "KBC zichtrekening", "bank"),
        account("550100", "KBC spaarrekening", "bank"),
        account("550200", "Oude rekening", "bank", blocked=True),
        account("499000", "Wachtrekening"),
        account("400000", "Handelsdebiteuren", "receivable"),
    ],
    "journals": [
        journal("20", base.JournalType.BANK, "550000", iban=IBAN),
        journal("21", base.JournalType.BANK, "550100"),
        journal("22", base.JournalType.BANK, "550200", blocked=True),
        journal("23", base.JournalType.BANK, "550100", iban="BE43068999999501"),
        journal("90", base.JournalType.GENERAL),
    ],
    "vat_codes": [],
    "periods": [
        base.Period(
            year, n, date(year, n, 1), date(year, n, 28), frozenset(("20", "21") if (year, n) < (2026, 3) else ())
        )
        for year in range(2026, clock.today().year + 1)
        for n in range(1, 13)
    ],
}
