"""Assigning clients to people: what would change is shown first, then it changes, and it is there to be seen."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.tenants.models import Assignment, Membership, Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn


@pytest.fixture
def nadia(database: Database) -> User:
    return make.make_user(database, "Nadia El Amrani", locale="en-GB")


@pytest.fixture
def karin(database: Database) -> User:
    return make.make_user(database, "Karin Wouters", locale="en-GB")


@pytest.fixture
def firm(database: Database, nadia: User, karin: User) -> Tenant:
    return make.make_tenant(database, "portal", "Firm", members={nadia: "administrator", karin: "staff"})


@pytest.fixture
def clients(database: Database, firm: Tenant) -> list[Tenant]:
    made = [make.make_tenant(database, "client", name) for name in ("Alfa", "Beta", "Gamma")]
    for client in made:
        make.make_grant(database, client, firm)
    return made


@pytest.fixture
def browser(nadia: User, sign_in: SignIn) -> Client:
    return sign_in(nadia)


def rows(db: Database, firm: Tenant) -> list[Assignment]:
    with db.scoped(Setting(tenant=firm.id)) as session:
        return list(session.scalars(select(Assignment).order_by(Assignment.id)))


def membership(db: Database, firm: Tenant, user: User) -> Membership:
    with db.scoped(Setting(tenant=firm.id)) as session:
        return session.scalars(select(Membership).where(Membership.user_id == user.id)).one()


def test_what_would_change_is_shown_and_changes_nothing(
    database: Database, firm: Tenant, clients: list[Tenant], karin: User, browser: Client
) -> None:
    ids = [str(client.id) for client in clients]
    first = browser.post(f"/p/{firm.id}/assignments/choose", data={"id": ids})
    assert "Who looks after these 3 client accounts?" in first.text
    said = {"id": ids, "user": str(karin.id), "what": "assign"}
    browser.post(f"/p/{firm.id}/assignments", data=said | {"id": ids[:1]})
    shown = browser.post(f"/p/{firm.id}/assignments/choose", data=said)
    assert shown.status_code == 200
    assert "2 client accounts would change" in shown.text
    assert "Change it for 2 clients" in shown.text
    assert "as it is" in shown.text
    assert len(rows(database, firm)) == 1


def test_it_changes_and_the_page_tells_who_looks_after_whom(
    database: Database, firm: Tenant, clients: list[Tenant], karin: User, browser: Client
) -> None:
    said = {"id": [str(client.id) for client in clients[:2]], "user": str(karin.id), "what": "assign"}
    assert browser.post(f"/p/{firm.id}/assignments", data=said).status_code == 303
    text = browser.get(f"/p/{firm.id}/team/clients").text
    assert "Changed for 2 client accounts." in text
    assert "1 client has nobody" in text
    csv = browser.get(f"/p/{firm.id}/team/clients.csv").text.splitlines()
    assert [line.split(";")[:2] for line in csv[1:]] == [
        ["Alfa", "Karin Wouters"],
        ["Beta", "Karin Wouters"],
        ["Gamma", ""],
    ]
    assert browser.post(f"/p/{firm.id}/assignments", data=said | {"what": "end", "user": ""}).status_code == 303
    assert "3 clients have nobody" in browser.get(f"/p/{firm.id}/team/clients").text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"what": "assign", "user": ""}, "Choose a person."),
        ({"what": "time"}, "Choose a moment from now on, at most 92 days ahead."),
        ({"what": "nonsense"}, "Choose a person and what changes."),
    ],
)
def test_what_is_missing_is_said_at_its_place(
    firm: Tenant, clients: list[Tenant], karin: User, browser: Client, said: dict[str, str], told: str
) -> None:
    data = {"id": str(clients[0].id), "user": str(karin.id)} | said
    for path in ("assignments/choose", "assignments"):
        answer = browser.post(f"/p/{firm.id}/{path}", data=data)
        assert (answer.status_code, told in answer.text) == (422, True)


def test_access_for_a_time_is_given_to_who_is_limited_and_shown_with_its_reason(
    database: Database, firm: Tenant, clients: list[Tenant], karin: User, browser: Client
) -> None:
    ends_at = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    said = {"id": str(clients[0].id), "user": str(karin.id), "what": "time", "ends_at": ends_at}
    refused = browser.post(f"/p/{firm.id}/assignments", data=said | {"reason": "Holiday of Jan"})
    assert (refused.status_code, "sees every client already" in refused.text) == (409, True)
    assert browser.post(f"/p/{firm.id}/team/clients/limit", data={"on": "1"}).status_code == 303
    assert membership(database, firm, karin).assigned_only
    assert browser.post(f"/p/{firm.id}/assignments", data=said).status_code == 422  # no reason
    assert browser.post(f"/p/{firm.id}/assignments", data=said | {"reason": "Holiday of Jan"}).status_code == 303
    text = browser.get(f"/p/{firm.id}/team/clients").text
    assert "Holiday of Jan" in text
    assert "1 colleague sees assigned clients alone" in text
    told = browser.get(f"/p/{firm.id}/audit").text
    assert "gave Karin Wouters access to Alfa until" in told
    assert re.search(r"access to Alfa until \d\d/\d\d/\d{4},? \d\d:\d\d: Holiday of Jan", told)


def test_who_is_limited_is_said_per_person_too(
    database: Database, firm: Tenant, karin: User, nadia: User, browser: Client
) -> None:
    hers, mine = membership(database, firm, karin), membership(database, firm, nadia)
    assert browser.post(f"/p/{firm.id}/team/{hers.id}/limit", data={"on": "1"}).status_code == 303
    assert membership(database, firm, karin).assigned_only
    refused = browser.post(f"/p/{firm.id}/team/{mine.id}/limit", data={"on": "1"})
    assert (refused.status_code, "An administrator sees every client." in refused.text) == (409, True)
    browser.post(f"/p/{firm.id}/team/{hers.id}/limit", data={"on": "0"})
    assert not membership(database, firm, karin).assigned_only


def test_staff_who_do_not_look_after_the_team_are_told_whom_to_ask(
    database: Database, firm: Tenant, clients: list[Tenant], karin: User, nadia: User, sign_in: SignIn
) -> None:
    browser = sign_in(karin)
    assert browser.get(f"/p/{firm.id}/team/clients").status_code == 200
    for path in ("team/clients/limit", f"team/{membership(database, firm, karin).id}/limit"):
        answer = browser.post(f"/p/{firm.id}/{path}", data={"on": "0"})
        assert (answer.status_code, nadia.name in answer.text) == (403, True)
