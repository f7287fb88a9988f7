"""The pages by which a firm makes client accounts, and by which their owners take them over and move them."""

from __future__ import annotations

import io
import re
import uuid

import pytest
from sqlalchemy import select, text

from portal.couplings.models import Dossier
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.team import newcomer_lists
from portal.team.models import NewcomerList
from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn
from tests.team.test_newcomers import numbers


@pytest.fixture
def karin(database: Database) -> User:
    return make.make_user(database, "Karin Wouters", locale="en-GB")


@pytest.fixture
def firm(database: Database, karin: User) -> Tenant:
    return make.make_tenant(database, "portal", "Firm", members={karin: "staff"})


@pytest.fixture
def browser(karin: User, sign_in: SignIn) -> Client:
    return sign_in(karin)


def clients(db: Database, firm: Tenant) -> list[str]:
    with db.scoped(Setting(tenant=firm.id, portal=firm.id)) as session:
        ids = session.scalars(text("SELECT app_clients()")).all()
        return sorted(session.scalars(select(Tenant.name).where(Tenant.id.in_(ids))))


def make_waiting(db: Database, firm: Tenant) -> int:
    """What the jobs of this firm's lists make."""
    with db.scoped(Setting(tenant=firm.id)) as session:
        ids = session.scalars(select(NewcomerList.id).where(NewcomerList.tenant_id == firm.id)).all()
    return sum(newcomer_lists.work(db, firm.id, list_id) for list_id in ids)


def test_one_by_hand(database: Database, firm: Tenant, browser: Client) -> None:
    [number] = numbers(1)
    data = {"name": "Bakkerij", "scheme": "kbo", "enterprise_number": number[:-1] + str((int(number[-1]) + 1) % 10)}
    wrong = browser.post(f"/p/{firm.id}/clients/new", data=data)
    assert (wrong.status_code, "its check digits do not fit" in wrong.text) == (422, True)
    assert browser.post(f"/p/{firm.id}/clients/new", data=data | {"enterprise_number": number}).status_code == 303
    assert clients(database, firm) == ["Bakkerij"]
    assert "Bakkerij has an account now" in browser.get(f"/p/{firm.id}/clients").text
    again = browser.post(f"/p/{firm.id}/clients/new", data=data | {"enterprise_number": number})
    assert (again.status_code, "Bakkerij is your client already" in again.text) == (422, True)
    page = browser.get(f"/p/{firm.id}/clients").text
    assert "Your firm manages 1 client account" in page


def upload(browser: Client, firm: Tenant, content: str) -> tuple[int, str]:
    answer = browser.post(f"/p/{firm.id}/clients/list", data={"file": (io.BytesIO(content.encode()), "list.csv")})
    return answer.status_code, answer.text


def test_out_of_a_file_all_or_nothing(database: Database, firm: Tenant, browser: Client) -> None:
    one, two = numbers(2)
    status, shown = upload(browser, firm, f"Naam;Nummer\nAlfa;{one}\n;{two}\nGamma;12")
    assert (status, "2 rows need your attention" in shown) == (200, True)
    assert "Fill in a name." in shown
    assert "12 does not have 10 digits." in shown
    assert "clients/list/make" not in shown
    forced = browser.post(f"/p/{firm.id}/clients/list/make", data={"rows": f"Naam;Nummer\nAlfa;{one}\nGamma;12"})
    assert (forced.status_code, "1 rows need your attention; nothing was made." in forced.text) == (422, True)
    assert clients(database, firm) == []
    status, shown = upload(browser, firm, f"Naam;Nummer\nAlfa;{one}\nBeta;{two}\n")
    assert "2 accounts would be made" in shown
    rows = re.search(r'<textarea name="rows"[^>]*>\n(.*?)</textarea>', shown, re.DOTALL)
    assert rows
    sent = browser.post(f"/p/{firm.id}/clients/list/make", data={"rows": rows[1]})
    assert (sent.status_code, clients(database, firm)) == (303, [])
    assert "0 of 2 accounts are made" in browser.get(sent.location).text
    assert "See how far it is" in browser.get(f"/p/{firm.id}/clients").text
    part = browser.get(sent.location, headers={"HX-Request": "true", "HX-Target": "making"})
    assert (part.status_code, "<html" in part.text, "every 2s" in part.text) == (200, False, True)
    twice = browser.post(f"/p/{firm.id}/clients/list/make", data={"rows": rows[1]})
    assert twice.status_code == 303
    assert make_waiting(database, firm) == 2
    assert clients(database, firm) == ["Alfa", "Beta"]
    last = browser.get(sent.location, headers={"HX-Request": "true", "HX-Target": "making"})
    assert (last.status_code, "every 2s" in last.text) == (286, False)
    assert "2 accounts made" in browser.get(sent.location).text
    told = browser.get(twice.location).text
    assert "0 accounts made, 2 not" in told
    assert "Alfa is your client already" in told
    assert browser.post(f"/p/{firm.id}/clients/list/make", data={"rows": rows[1]}).location.endswith("/clients")
    assert make_waiting(database, firm) == 0
    assert "Nothing would be made" in upload(browser, firm, rows[1])[1]


@pytest.mark.parametrize("content", ["", "Name\nA", 'Name;Number\n"A'])
def test_a_file_that_cannot_be_read_is_told(firm: Tenant, browser: Client, content: str) -> None:
    assert upload(browser, firm, content)[0] == 422


def test_out_of_the_list_of_a_package(database: Database, vault: Vault, firm: Tenant, browser: Client) -> None:
    login = make.make_authorisation(database, vault, firm, access="a", refresh="r")
    one, two = numbers(2)
    known = make.make_tenant(database, "client", "Known", enterprise_number=two)
    make.make_grant(database, known, firm)
    with database.scoped(Setting(tenant=firm.id)) as session:
        for code, (name, number) in enumerate([("Alfa", one), ("Beta", ""), ("Known too", two)]):
            session.add(
                Dossier(
                    tenant_id=firm.id, authorisation_id=login.id, code=str(code), number=str(code), name=name,
                    status="active", country="BE", currency="EUR", vat_number=f"BE{number}" if number else "",
                    enterprise_number="", siret="", customer_name="", blocking="", seen_at=clock.now(),
                )
            )  # fmt: skip
    shown = browser.get(f"/p/{firm.id}/clients/dossiers").text
    assert "1 dossier has no client account yet" in shown
    assert shown.count('name="code"') == 1
    data = {"authorisation": str(login.id), "code": ["0", "1", "2"]}
    sent = browser.post(f"/p/{firm.id}/clients/dossiers", data=data)
    assert (sent.status_code, make_waiting(database, firm)) == (303, 1)
    assert clients(database, firm) == ["Alfa", "Known"]
    assert f"/couplings/bulk?authorisation={login.id}" in browser.get(sent.location).text
    again = browser.post(f"/p/{firm.id}/clients/dossiers", data=data)
    assert (again.status_code, "/clients/dossiers" in again.location) == (303, True)
    assert (make_waiting(database, firm), clients(database, firm)) == (0, ["Alfa", "Known"])
    assert "1 of 1 dossiers are certain" not in shown
    assert "Alfa" in browser.get(f"/p/{firm.id}/couplings/bulk?authorisation={login.id}").text


def test_the_owner_is_asked_takes_over_and_moves_to_another_firm(
    database: Database, firm: Tenant, browser: Client, sign_in: SignIn
) -> None:
    browser.post(
        f"/p/{firm.id}/clients/new", data={"name": "Bakkerij", "scheme": "kbo", "enterprise_number": numbers(1)[0]}
    )
    with database.scoped(Setting(tenant=firm.id, portal=firm.id)) as session:
        [client] = session.scalars(text("SELECT app_clients()")).all()
    owner = make.make_user(database, "Claire Delmotte", locale="en-GB")
    invite = f"/p/{firm.id}/clients/{client}/takeover"
    assert browser.post(invite, data={"email": "no address"}).status_code == 422
    assert browser.post(invite, data={"email": owner.email}).status_code == 303
    assert owner.email in browser.get(f"/p/{firm.id}/clients").text
    hers = sign_in(owner)
    asked = hers.get("/me/requests").text
    assert "Take over Bakkerij" in asked
    answer = re.search(r"/me/takeovers/[0-9a-f-]+", asked)
    assert answer
    assert browser.post(answer[0], data={"answer": "yes"}).status_code == 404  # not the one who was asked
    assert hers.post(answer[0], data={"answer": "yes"}).status_code == 303
    access = hers.get(f"/c/{client}/access").text
    assert "Bakkerij is yours now" in access
    move = re.search(rf"/c/{client}/access/[0-9a-f-]+/move", access)
    assert move
    assert browser.get(f"/c/{client}/").status_code == 200  # the firm stays
    assert "Every client manages its own account" in browser.get(f"/p/{firm.id}/clients").text
    head = make.make_user(database, "Piet Bakker", locale="en-GB")
    other = make.make_tenant(database, "portal", "Other firm", members={head: "administrator"})
    assert hers.get(move[0]).status_code == 200
    assert hers.get(f"{move[0]}?email=nobody@example.com").status_code == 422
    shown = hers.get(f"{move[0]}?email={other.email}")
    assert f"From Firm to {other.email}" in shown.text
    assert browser.post(move[0], data={"email": other.email}).status_code == 403  # the firm itself moves nothing
    assert hers.post(move[0], data={"email": other.email}).status_code == 303
    assert browser.get(f"/c/{client}/").status_code == 404
    assert sign_in(head).get(f"/c/{client}/").status_code == 200


def test_the_firm_takes_its_invitation_back(database: Database, firm: Tenant, browser: Client, sign_in: SignIn) -> None:
    browser.post(
        f"/p/{firm.id}/clients/new", data={"name": "Bakkerij", "scheme": "kbo", "enterprise_number": numbers(1)[0]}
    )
    with database.scoped(Setting(tenant=firm.id, portal=firm.id)) as session:
        [client] = session.scalars(text("SELECT app_clients()")).all()
    owner = make.make_user(database, "Claire Delmotte", locale="en-GB")
    browser.post(f"/p/{firm.id}/clients/{client}/takeover", data={"email": owner.email})
    assert browser.post(f"/p/{firm.id}/clients/{client}/takeover/withdraw").status_code == 303
    assert "No firm asks you anything" in sign_in(owner).get("/me/requests").text
    assert browser.post(f"/p/{firm.id}/clients/{client}/takeover/withdraw").status_code == 409
    assert browser.post(f"/p/{firm.id}/clients/{uuid.uuid4()}/takeover/withdraw").status_code == 404
