"""Coupling many clients of a firm at once."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.couplings.books import store_books
from portal.couplings.models import Configuration, Coupling
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.tenants.models import Membership, Tenant
from tests import factories as make
from tests.couplings.conftest import BOOKS, IBAN
from tests.routes.conftest import SignIn
from tests.routes.couplings.conftest import Firm, dossier


@pytest.fixture
def other(firm: Firm) -> Tenant:
    """A second client, whose dossier is not certain."""
    tenant = make.make_tenant(firm.database, "client", "Garage Kerkhofs BV")
    make.make_grant(firm.database, tenant, firm.tenant)
    return tenant


def bulk(firm: Firm, path: str = "") -> str:
    return f"/p/{firm.tenant.id}/couplings/bulk{path}"


def coupled(firm: Firm, tenant: Tenant) -> list[str]:
    with firm.database.scoped(Setting(tenant=tenant.id)) as session:
        return [row.dossier_number for row in session.scalars(select(Coupling).where(Coupling.state == "active"))]


def test_what_is_certain_is_ticked_and_coupled_with_one_button(firm: Firm, other: Tenant) -> None:
    firm.list_dossiers(firm.own(), dossier("2", "Kerkhofs Garage en Zonen"))
    page = firm.browser.get(bulk(firm)).text
    assert "1 of 2 dossiers are certain" in page
    assert f'value="{firm.client.id}"' in page
    assert f'value="{other.id}"' not in page
    assert "Garage Kerkhofs BV" in page
    form = {"authorisation": str(firm.authorisation.id), "id": [str(firm.client.id), str(other.id)]}
    answer = firm.browser.post(bulk(firm, "/activate"), data=form)
    assert answer.status_code == 200
    assert "1 of 2 done" in answer.text
    assert "Coupled with dossier 201." in answer.text
    assert "No dossier certainly belongs to this account." in answer.text
    assert coupled(firm, firm.client) == ["201"]
    assert coupled(firm, other) == []


def test_the_clients_ticked_in_the_list_come_to_the_same_page(firm: Firm, other: Tenant) -> None:
    firm.list_dossiers(firm.own())
    page = firm.browser.post(bulk(firm), data={"id": [str(other.id)]})
    assert page.status_code == 200
    assert "0 of 1 dossiers are certain" in page.text
    assert "Boulangerie Delmotte" not in page.text


def test_the_usual_configuration_follows_where_a_bank_account_is_known(firm: Firm) -> None:
    firm.list_dossiers(firm.own())
    form = {"authorisation": str(firm.authorisation.id), "id": [str(firm.client.id)]}
    firm.browser.post(bulk(firm, "/activate"), data=form)
    chosen = {"id": [str(firm.client.id)]}
    assert "No bank account waits" in firm.browser.post(bulk(firm, "/configure"), data=chosen).text
    make.make_bank_account(firm.database, firm.client, IBAN)
    assert "were not read yet" in firm.browser.post(bulk(firm, "/configure"), data=chosen).text
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        coupling = session.scalars(select(Coupling)).one()
        store_books(make.scope_in(session, firm.client), coupling.id, BOOKS)
    assert (
        "Current account goes to journal 20, monthly." in firm.browser.post(bulk(firm, "/configure"), data=chosen).text
    )
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        made = session.scalars(select(Configuration)).one()
    assert (made.journal, made.automatic) == ("20", False)


def test_clients_of_another_firm_are_not_coupled(firm: Firm) -> None:
    theirs = make.make_tenant(firm.database, "client", "Drukkerij Ingels NV")
    firm.list_dossiers(dossier("3", theirs.name, theirs.enterprise_number))
    form = {"authorisation": str(firm.authorisation.id), "id": [str(theirs.id)]}
    assert "Drukkerij" not in firm.browser.post(bulk(firm, "/activate"), data=form).text
    assert coupled(firm, theirs) == []


def test_a_reader_of_the_firm_couples_nobody(firm: Firm, sign_in: SignIn) -> None:
    reader: User = make.make_user(firm.database, "Jan De Smet")
    with firm.database.scoped(Setting(tenant=firm.tenant.id)) as session:
        session.add(Membership(tenant_id=firm.tenant.id, user_id=reader.id, role="reader", created_at=clock.now()))
    assert sign_in(reader).get(bulk(firm)).status_code == 403
    assert sign_in(reader).post(bulk(firm, "/activate"), data={}).status_code == 403
