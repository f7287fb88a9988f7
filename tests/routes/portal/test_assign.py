"""Who looks after which client, ticked in the list."""

from __future__ import annotations

from typing import Any

from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.routes.portal.conftest import Office


def assign(office: Office, *clients: Tenant, user: Any = "") -> int:
    data = {"id": [str(client.id) for client in clients], "user": str(user)}
    return office.browser.post(f"/p/{office.firm.id}/clients/assign", data=data).status_code


def test_the_ticked_ones_become_mine_and_can_be_given_on(office: Office) -> None:
    alfa, beta, gamma = (office.client(name) for name in ("Alfa", "Beta", "Gamma"))
    assert assign(office, alfa, beta, user=office.karin.id) == 303
    assert "2 client accounts assigned." in office.page()
    assert office.names("?assigned=me") == ["Alfa", "Beta"]
    assert assign(office, beta, gamma, user=office.nadia.id) == 303
    assert office.names("?assigned=me") == ["Alfa", "Beta"]
    assert "Karin Wouters, Nadia El Amrani" in office.page()
    assert assign(office, alfa, beta) == 303
    assert "2 client accounts have nobody now." in office.page()
    assert office.names("?assigned=me") == []


def test_a_client_of_nobody_here_is_refused_and_the_others_stay_as_they_were(office: Office) -> None:
    alfa = office.client("Alfa")
    stranger = make.make_tenant(office.database, "client", "Stranger")
    assert assign(office, alfa, stranger, user=office.karin.id) == 404
    assert office.names("?assigned=me") == []


def test_somebody_of_another_firm_gets_no_clients(office: Office) -> None:
    assert assign(office, office.client("Alfa"), user=make.make_user(office.database).id) == 404


def test_a_reader_assigns_nothing(office: Office, sign_in: SignIn) -> None:
    alfa = office.client("Alfa")
    reader = make.make_user(office.database, "Jan De Smet")
    firm = make.make_tenant(office.database, "portal", "Other", members={reader: "reader"})
    make.make_grant(office.database, alfa, firm)
    data = {"id": [str(alfa.id)], "user": str(reader.id)}
    assert sign_in(reader).post(f"/p/{firm.id}/clients/assign", data=data).status_code == 403
