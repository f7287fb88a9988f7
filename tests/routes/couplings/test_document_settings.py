"""The page of sales and purchases: journals, accounts and VAT codes, checked against the dossier."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.couplings.models import Configuration, Coupling, VatMapping
from portal.documents.intake import hand_in
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant
from tests import factories as make
from tests.connectors.files.invoice_documents import Invoice, Item, Side, ubl
from tests.routes.conftest import Client, SignIn
from tests.sync import provider
from tests.sync.office import store_books


@pytest.fixture
def owner(database: Database) -> User:
    return make.make_user(database, "Claire Delmotte", locale="en-GB")


@pytest.fixture
def tenant(database: Database, owner: User) -> Tenant:
    return make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})


@pytest.fixture
def coupling(database: Database, vault: Vault, tenant: Tenant) -> Coupling:
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts")
    make.make_grant(database, tenant, firm)
    found = make.make_coupling(database, tenant, make.make_authorisation(database, vault, firm))
    store_books(database, found, relations=provider.RELATIONS)
    return found


@pytest.fixture
def client(sign_in: SignIn, owner: User) -> Client:
    return sign_in(owner)


def address(coupling: Coupling) -> str:
    return f"/c/{coupling.tenant_id}/couplings/{coupling.id}/documents"


def answers(kind: str, **more: str) -> dict[str, str]:
    given = {
        "journal": "60", "ledger_account": "604000", "frequency": "daily", "delay_days": "2", "starts_on": "01/01/2026",
        "automatic": "0",
    } | more  # fmt: skip
    return {f"{kind}-{name}": value for name, value in given.items()} | {"kind": kind}


def configured(database: Database, coupling: Coupling) -> list[Configuration]:
    with database.scoped(Setting(tenant=coupling.tenant_id)) as session:
        query = select(Configuration).where(Configuration.tenant_id == coupling.tenant_id)
        return list(session.scalars(query))


def test_purchases_are_proposed_switched_on_and_off(database: Database, client: Client, coupling: Coupling) -> None:
    page = client.get(address(coupling)).text
    assert "No documents go to dossier" in page
    assert 'value="604000"' in page  # goods, as proposed
    assert 'value="702000"' in page
    assert client.post(address(coupling), data=answers("purchase")).status_code == 303
    (row,) = configured(database, coupling)
    assert (row.entry_kind, row.journal, row.suspense_account, row.delay_days, row.automatic) == (
        "purchase", "60", "604000", 2, False,
    )  # fmt: skip
    assert "Purchases go to dossier" in client.get(address(coupling)).text
    couplings = client.get(f"/c/{coupling.tenant_id}/couplings").text
    assert "Purchases" in couplings
    one = f"/c/{coupling.tenant_id}/couplings/configurations/{row.id}"
    assert client.get(one).headers["Location"].endswith(address(coupling))
    assert "of these documents" in client.post(f"{one}/off", follow_redirects=True).text
    assert configured(database, coupling)[0].state == "inactive"
    assert "Switched on." in client.post(f"{one}/on", follow_redirects=True).text
    assert configured(database, coupling)[0].state == "active"
    assert client.post(address(coupling), data=answers("purchase", delay_days="0")).status_code == 303
    (row,) = configured(database, coupling)
    assert (row.state, row.delay_days) == ("active", 0)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"journal": "70"}, "not a purchase journal"),
        ({"ledger_account": "613000"}, "is blocked in the dossier"),
        ({"ledger_account": ""}, "Fill this in."),
        ({"starts_on": "31/31/2026"}, "Type a day as 31/12/2026."),
        ({"delay_days": "15"}, "a delay of 0 to 14 days"),
    ],
)
def test_what_does_not_fit_is_told_at_its_field(
    database: Database, client: Client, coupling: Coupling, more: dict[str, str], told: str
) -> None:
    answer = client.post(address(coupling), data=answers("purchase", **more))
    assert answer.status_code == 422
    assert told in answer.text
    assert configured(database, coupling) == []


def test_a_rate_is_given_its_code_once(database: Database, client: Client, tenant: Tenant, coupling: Coupling) -> None:
    us = Side(tenant.name, "BE", f"BE{tenant.enterprise_number}", tenant.enterprise_number)
    items = (Item("x", Decimal(1), Decimal(100), Decimal(21)), Item("y", Decimal(1), Decimal(100), Decimal(6)))
    with database.session() as session:
        hand_in(make.scope_in(session, tenant), "a.xml", io.BytesIO(ubl(Invoice(customer=us, items=items))))
        session.commit()
    page = client.get(address(coupling)).text
    assert "nothing is sent until one is chosen" in page
    assert "follows from the rate" in page
    chosen = {"code-purchase-S-0.21": "D21", "code-purchase-S-0.06": ""}
    assert "The VAT codes are kept." in client.post(f"{address(coupling)}/vat", data=chosen, follow_redirects=True).text
    with database.scoped(Setting(tenant=tenant.id)) as session:
        rows = session.scalars(select(VatMapping).where(VatMapping.tenant_id == tenant.id)).all()
    assert [(row.side, row.category, row.rate, row.code) for row in rows] == [("purchase", "S", Decimal("0.21"), "D21")]
    wrong = client.post(f"{address(coupling)}/vat", data={"code-purchase-S-0.21": "??"}, follow_redirects=True).text
    assert "VAT code ?? is not in dossier" in wrong


def test_an_ended_coupling_has_no_such_page(database: Database, client: Client, coupling: Coupling) -> None:
    with database.scoped(Setting(tenant=coupling.tenant_id)) as session:
        session.get_one(Coupling, (coupling.tenant_id, coupling.id)).state = "ended"
    assert client.get(address(coupling)).status_code == 409


def test_a_package_that_takes_none_says_so_and_asks_nothing(
    database: Database, client: Client, coupling: Coupling
) -> None:
    link = f'href="{address(coupling)}"'
    assert link in client.get(f"/c/{coupling.tenant_id}/couplings").text
    with database.scoped(Setting(tenant=coupling.tenant_id)) as session:
        session.merge(coupling).app = "pennylane"
    page = client.get(address(coupling)).text
    assert "Pennylane takes no sales and purchases from us" in page
    assert "<form" not in page[page.index("<main") : page.index("</main")]
    assert link not in client.get(f"/c/{coupling.tenant_id}/couplings").text
    assert client.post(address(coupling), data=answers("purchase")).status_code == 422
    assert configured(database, coupling) == []
