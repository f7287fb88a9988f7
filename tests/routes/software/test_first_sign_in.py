"""From the one-time password to the first call: in the browser, step by step, and nothing before that."""

from __future__ import annotations

import re

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.approvals.models import Policy, Task
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.mail import Mail
from portal.kernel.vault import Vault
from portal.notifications import service as notifications
from portal.software import ungrouped
from tests import factories as make
from tests.routes.conftest import Client, SignIn
from tests.software.office import PASSWORD, Erp, Office, make_office, make_software

OWN = "een eigen lang wachtwoord hier"


def make_in_browser(administrator: Client, office: Office) -> tuple[str, str]:
    data = {"name": "Octopus", "groups": [str(group.id) for group in office.groups], "networks": ""}
    made = administrator.post(f"/p/{office.firm.id}/software-users/new", data=data)
    assert made.status_code == 200
    code = re.search(r'id="user-code">([^<]+)<', made.text)
    password = re.search(r'id="one-time-password">([^<]+)<', made.text)
    assert code
    assert password
    assert password[1] not in administrator.get(f"/p/{office.firm.id}/software-users").text
    return code[1], password[1]


def test_the_whole_way(app: Flask, office: Office, sign_in: SignIn) -> None:
    administrator = sign_in(office.administrator)
    code, password = make_in_browser(administrator, office)
    erp, browser = Erp(app.test_client(), code, password), sign_in(None)
    assert erp.code_of() == (403, "software.first_sign_in")
    assert browser.get("/software/signin?lang=en").status_code == 200
    assert browser.post("/software/signin", data={"code": code, "password": "x"}).status_code == 422
    assert browser.post("/software/signin", data={"code": code.upper(), "password": password}).status_code == 303
    assert "Step 1 of 2" in browser.get("/software").text
    assert browser.post("/software/second-factor").status_code == 409, "not with the one-time password"
    assert browser.post("/software/password", data={"password": "short"}).status_code == 422
    assert browser.post("/software/password", data={"password": password}).status_code == 422
    assert browser.post("/software/password", data={"password": OWN}).status_code == 303
    assert erp.code_of() == (401, "software.password_changed")
    erp.password = OWN
    assert erp.code_of() == (403, "software.first_sign_in"), "the second factor is still missing"
    assert "Step 2 of 2" in browser.get("/software").text
    secret = re.search(r'id="secret">([A-Z2-7]+)<', browser.post("/software/second-factor").text)
    assert secret
    assert browser.post("/software/second-factor/confirm", data={"code": "000000"}).status_code == 422
    codes = browser.post("/software/second-factor/confirm", data={"code": pyotp.TOTP(secret[1]).now()})
    assert "Keep these recovery codes" in codes.text
    assert len(erp.get("accounts").get_json()["accounts"]) == 4
    page = browser.get("/software").text
    assert code in page
    assert office.accounts[0].number in page
    assert office.accounts[4].number not in page
    assert browser.get("/me/accounts").headers["Location"].endswith("/software")
    assert browser.get(f"/p/{office.firm.id}").status_code == 404
    activity = administrator.get(f"/p/{office.firm.id}/audit").text
    assert "made the software user Octopus" in activity
    assert "<b>Octopus</b> chose a password of its own" in activity


def test_a_second_sign_in_asks_for_the_second_factor(app: Flask, office: Office, sign_in: SignIn) -> None:
    browser = sign_in(None)
    answer = browser.post("/software/signin", data={"code": office.software.code, "password": PASSWORD})
    assert "/signin/second" in answer.headers["Location"]
    assert "/signin/second" in browser.get("/software").headers["Location"]


def test_a_person_does_not_sign_in_here(database: Database, office: Office, sign_in: SignIn) -> None:
    person = {"code": office.administrator.email, "password": "x"}
    assert sign_in(None).post("/software/signin", data=person).status_code == 422
    assert sign_in(office.administrator).get("/software").status_code == 404


def test_changing_the_password_ends_its_calls_until_the_new_one_is_typed(
    app: Flask, database: Database, office: Office, sign_in: SignIn
) -> None:
    made = make_software(database, office.firm, office.groups)
    with database.scoped() as session:
        browser = sign_in(session.get_one(User, made.user_id))
    erp = Erp(app.test_client(), made.code)
    assert erp.get("accounts").status_code == 200
    wrong = {"current": "x", "password": OWN}
    assert browser.post("/software/password/change", data=wrong).status_code == 422
    right = {"current": PASSWORD, "password": OWN}
    assert browser.post("/software/password/change", data=right).status_code == 303
    assert erp.code_of() == (401, "software.password_changed")
    erp.password = OWN
    assert erp.get("accounts").status_code == 200
    again = browser.post("/software/password", data={"password": "nog een ander wachtwoord"})
    assert again.status_code == 422, "the first step is not taken twice"


def test_software_changes_its_own_row_and_no_other(database: Database, office: Office) -> None:
    made = make_software(database, office.firm, office.groups)
    change = text("UPDATE software_users SET uses = uses WHERE true RETURNING user_id")
    with database.scoped(Setting(user=made.user_id)) as session:
        assert session.scalars(change).all() == [made.user_id]
    with database.scoped(Setting(user=office.administrator.id)) as session:
        assert session.scalars(change).all() == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"name": ""}, "Fill this in"),
        ({"groups": []}, "Choose at least one account group"),
        ({"networks": "10.0.0.0/99"}, "10.0.0.0/99 is no address or network"),
    ],
)
def test_what_is_missing_is_named(office: Office, sign_in: SignIn, data: dict[str, object], said: str) -> None:
    filled = {"name": "Octopus", "groups": [str(office.groups[0].id)], "networks": ""} | data
    answer = sign_in(office.administrator).post(f"/p/{office.firm.id}/software-users/new", data=filled)
    assert answer.status_code == 422
    assert said in answer.text


def test_groups_and_addresses_are_changed_on_its_page(database: Database, office: Office, sign_in: SignIn) -> None:
    made = make_software(database, office.firm, office.groups)
    browser, address = sign_in(office.administrator), f"/p/{office.firm.id}/software-users/{made.id}"
    assert browser.post(address + "/groups", data={"groups": [str(office.groups[0].id)]}).status_code == 303
    assert browser.post(address + "/groups", data={"groups": []}).status_code == 422
    assert browser.post(address + "/networks", data={"networks": "192.0.2.1\n2001:db8::/48"}).status_code == 303
    assert browser.post(address + "/networks", data={"networks": "x"}).status_code == 422
    page = browser.get(address).text
    assert "192.0.2.1/32" in page
    assert "2001:db8::/48" in page


def test_an_account_in_no_group_is_told(office: Office, sign_in: SignIn) -> None:
    page = sign_in(office.administrator).get(f"/p/{office.firm.id}/software-users").text
    assert "2 bank accounts are in no group" in page
    assert f"/p/{office.firm.id}/team/groups" in page


def test_groups_wait_for_approval_where_the_firm_says_so(app: Flask, database: Database, sign_in: SignIn) -> None:
    """Until then the software is there, and reads nothing."""
    office = make_office(database)
    other = make.make_user(database, "Els Maes", locale="en-GB")
    make.make_member(database, office.firm, other, "administrator")
    with database.scoped(Setting(tenant=office.firm.id)) as session:
        session.add(Policy(tenant_id=office.firm.id, kind="software.groups", approvals=1, changed_at=clock.now()))
    made = make_software(database, office.firm, [])
    erp, browser = Erp(app.test_client(), made.code), sign_in(office.administrator)
    address = f"/p/{office.firm.id}/software-users/{made.id}"
    assert browser.post(address + "/groups", data={"groups": [str(office.groups[0].id)]}).status_code == 303
    assert erp.get("accounts").get_json()["accounts"] == []
    with database.scoped(Setting(tenant=office.firm.id)) as session:
        task = session.scalars(select(Task).where(Task.kind == "software.groups", Task.state == "waiting")).one()
    shown = sign_in(other).get(f"/p/{office.firm.id}/approvals/{task.id}").text
    assert "Let the software Octopus read account groups" in shown


def test_a_session_of_deleted_software_is_over(database: Database, office: Office, sign_in: SignIn) -> None:
    made = make_software(database, office.firm, office.groups)
    with database.scoped() as session:
        user = session.get_one(User, made.user_id)
        browser = sign_in(user)
    assert browser.get("/software").status_code == 200
    answer = sign_in(office.administrator).post(f"/p/{office.firm.id}/software-users/{made.id}/delete")
    assert answer.status_code == 303
    assert "/signin" in browser.get("/software").headers["Location"]
    with database.scoped() as session:
        assert sessions.living(session, user.id) == []


def test_the_heads_are_mailed_once_about_an_account_in_no_group(
    app: Flask, database: Database, vault: Vault, office: Office
) -> None:
    mine = select(Mail).where(Mail.template == "ungrouped", Mail.to_email == office.administrator.email)
    with database.session() as session:
        kinds = dict(ungrouped.due(session, 10_000))
        assert kinds[office.firm.id] == "portal"
        assert office.clients[0].id not in kinds, "it works with no groups of its own"
        assert ungrouped.tell(session, vault, office.firm.id, "portal", "https://kp.example") == 2
        (mail,) = session.scalars(mine)
        subject, body = notifications.read(session, vault, mail)
        assert subject == "2 bank accounts are in no group"
        assert office.accounts[4].number in body
        assert f"https://kp.example/p/{office.firm.id}/team/groups" in body
        assert ungrouped.tell(session, vault, office.firm.id, "portal", "https://kp.example") == 0
        assert office.firm.id not in dict(ungrouped.due(session, 10_000))
        assert len(session.scalars(mine).all()) == 1
        session.rollback()


def test_its_page_speaks_the_language_that_is_chosen_on_it(database: Database, office: Office, sign_in: SignIn) -> None:
    with database.scoped() as session:
        browser = sign_in(session.get_one(User, office.software.user_id))
    assert '<html lang="fr' in browser.get("/software?lang=fr").text
    assert '<html lang="fr' in browser.get("/software").text
    assert '<html lang="nl' in browser.get("/software?lang=nl").text
