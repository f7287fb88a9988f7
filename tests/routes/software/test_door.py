"""Who comes in with a user code, and what the answer says to who does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.identity import passwords
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.routes import _limits, _user_code
from portal.software import service
from portal.software.models import SoftwareUser
from portal.software.service import Software
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.software.office import PASSWORD, Erp, Office, make_software


@pytest.fixture
def limits() -> Iterator[None]:
    """Counted in memory, as nobody listens where Redis would be."""
    _limits.limiter.enabled = True
    _limits._meanwhile.storage.reset()
    yield
    _limits.limiter.enabled = False


def ready(app: Flask, database: Database, office: Office, **more: str) -> tuple[Software, Erp]:
    made = make_software(database, office.firm, office.groups, networks=more.pop("networks", ""))
    return made, Erp(app.test_client(), made.code, **more)


def test_without_credentials_the_answer_asks_for_them(app: Flask, erp: Erp) -> None:
    for header in ("", "Bearer kp_x", "Basic", "Basic !!!", "Basic eA==", "Basic Og=="):
        answer = app.test_client().get("/api/v1/accounts", headers={"Authorization": header} if header else {})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "software.no_credentials"), header
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_wrong_password_and_an_unknown_code_are_one_answer(app: Flask, office: Office) -> None:
    wrong = Erp(app.test_client(), office.software.code, "x").get("accounts")
    unknown = Erp(app.test_client(), "kp-nobody", "x").get("accounts")
    person = Erp(app.test_client(), office.administrator.email, "x").get("accounts")
    assert wrong.status_code == 401
    assert wrong.data == unknown.data == person.data
    assert "deletes the software user and creates it again" in wrong.get_json()["detail"]


def test_until_the_first_sign_in_nothing_is_read(app: Flask, database: Database, office: Office) -> None:
    made = make_software(database, office.firm, office.groups, ready=False)
    answer = Erp(app.test_client(), made.code).get("accounts")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "software.first_sign_in")
    assert "/software/signin" in answer.get_json()["detail"]
    assert answer.mimetype == "application/problem+json"


def test_a_changed_password_counts_at_once_and_the_old_one_is_named(
    app: Flask, database: Database, office: Office
) -> None:
    made, erp = ready(app, database, office)
    assert erp.get("accounts").status_code == 200  # and the password is remembered
    with database.session() as session:
        user = session.get_one(User, made.user_id)
        row = make.scope_in(session, office.firm).get(SoftwareUser, made.id)
        row.previous_password_hash = user.password_hash
        user.password_hash, user.password_changed_at = passwords.hash_password("een heel ander lied"), clock.now()
        session.commit()
    answer = erp.get("accounts")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "software.password_changed")
    assert "Type the new password into your software" in answer.get_json()["detail"]
    erp.password = "een heel ander lied"
    assert erp.get("accounts").status_code == 200


def test_a_deleted_user_is_refused_at_its_next_call(
    app: Flask, database: Database, office: Office, sign_in: SignIn
) -> None:
    made, erp = ready(app, database, office)
    assert erp.get("accounts").status_code == 200
    answer = sign_in(office.administrator).post(f"/p/{office.firm.id}/software-users/{made.id}/delete")
    assert answer.status_code == 303
    assert erp.code_of() == (401, "software.wrong")


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ("192.0.2.0/24", "192.0.2.77", 200),
        ("192.0.2.0/24", "198.51.100.7", 403),
        ("192.0.2.0/24", "::ffff:192.0.2.77", 200),
        ("192.0.2.17, 2001:db8::/48", "2001:db8:0:7::1", 200),
        ("192.0.2.17 2001:db8::/48", "2001:db9::1", 403),
        ("192.0.2.17", "", 403),
    ],
)
def test_it_comes_from_where_it_may(
    app: Flask, database: Database, office: Office, networks: str, address: str, status: int
) -> None:
    _, erp = ready(app, database, office, networks=networks, address=address)
    answer = erp.get("accounts")
    assert answer.status_code == status
    if status == 403:
        assert answer.get_json()["code"] == "software.address"
        assert address in answer.get_json()["detail"]


def test_the_limit_is_told_with_each_answer_and_when_it_is_reached(
    app: Flask, database: Database, office: Office, limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_user_code, "CALLS", "3 per minute")
    _, erp = ready(app, database, office)
    left = [erp.get("accounts").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    answer = erp.get("accounts")
    assert (answer.status_code, answer.get_json()["code"]) == (429, "software.too_many")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit-Limit"] == "3"


def test_a_stranger_locks_himself_out_and_nobody_else(
    app: Flask, database: Database, office: Office, limits: None
) -> None:
    made, erp = ready(app, database, office, address="192.0.2.10")
    assert erp.get("accounts").status_code == 200
    stranger = Erp(app.test_client(), made.code, "guess", "203.0.113.9")
    codes = [stranger.code_of() for _ in range(12)]
    assert codes[9] == (401, "software.wrong")
    assert codes[10:] == [(429, "software.locked")] * 2
    assert int(stranger.get("accounts").headers["Retry-After"]) > 0
    stranger.password = PASSWORD
    assert stranger.code_of() == (200, "")  # it was right shortly before, here: no guess
    assert erp.get("accounts").status_code == 200
    elsewhere = Erp(app.test_client(), made.code, address="198.51.100.3")
    assert elsewhere.get("accounts").status_code == 200


def test_guesses_from_everywhere_leave_the_place_it_came_from_last_open(
    app: Flask, database: Database, office: Office, limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_user_code, "WRONG_ANYWHERE", "5 per hour")
    monkeypatch.setattr("portal.software.verified.KEPT_SECONDS", -1.0)  # nothing is remembered
    made, erp = ready(app, database, office, address="192.0.2.10")
    assert erp.get("accounts").status_code == 200
    for last in range(6):
        Erp(app.test_client(), made.code, "guess", f"203.0.113.{last}").get("accounts")
    assert Erp(app.test_client(), made.code, address="198.51.100.3").code_of() == (429, "software.locked")
    assert erp.get("accounts").status_code == 200


def test_a_person_and_software_never_change_places(database: Database, office: Office) -> None:
    made = office.software
    for statement in (
        "UPDATE users SET software = false, email = 'a@b.example' WHERE id = :software",
        "UPDATE users SET email = 'kp-other' WHERE id = :software",
        "UPDATE users SET software = true, email = 'kp-x', email_verified_at = NULL WHERE id = :person",
        "UPDATE users SET email_verified_at = now() WHERE id = :software",
        "UPDATE memberships SET role = 'administrator' WHERE user_id = :software",
        "UPDATE memberships SET role = 'software' WHERE user_id = :person",
        "INSERT INTO memberships (tenant_id, id, user_id, role, assigned_only, created_at)"
        " VALUES (:firm, gen_random_uuid(), :software, 'software', false, now())",
    ):
        values = {"software": made.user_id, "person": office.administrator.id, "firm": office.firm.id}
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        with database.session(Setting(tenant=office.firm.id)) as session, pytest.raises(DBAPIError):
            session.execute(text(statement), used)


def test_what_was_deleted_is_not_brought_back(database: Database, office: Office) -> None:
    made = make_software(database, office.firm, office.groups)
    with database.session() as session:
        service.delete_software(make.scope_in(session, office.firm), made.id)
        session.commit()
    for statement in (
        "UPDATE users SET disabled_at = NULL WHERE id = :id",
        "UPDATE memberships SET ended_at = NULL WHERE user_id = :id",
    ):
        with database.session(Setting(tenant=office.firm.id)) as session, pytest.raises(DBAPIError, match="software"):
            session.execute(text(statement), {"id": made.user_id})
