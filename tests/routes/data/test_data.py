"""The page about an account's data: an archive fetched by who confirmed, periods, and deleting with a way back."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from portal.access import Scope
from portal.activity.service import timeline
from portal.archives import service
from portal.archives.models import Archive, Erasure, Retention
from portal.identity import passwords
from portal.identity.models import User, UserSession
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.routes._access import access_of
from portal.tenants.models import Tenant
from portal.tenants.service import members
from tests import factories as make
from tests.routes.conftest import Client, SignIn
from tests.routes.entries.desk import words

PASSWORD = "kalm water stroomt diep"
HURTS = {
    "archives.ask", "archives.client_ask", "archives.fetch", "archives.client_fetch",
    "archives.erase", "archives.client_erase", "authorisations.remove", "authorisations.client_remove",
    "archives.keep", "archives.client_keep", "api_keys.create", "grants.give", "moves.carry_out", "team.change_role",
    "people.create", "people.client_create", "people.change", "people.client_change",
    "software_users.create", "software_users.portal_create",
}  # fmt: skip
# These ask for the password in their own form.
ASKS_ITSELF = {
    "me.change_password", "me.end_second_factor", "me.new_recovery_codes", "me.begin_second_factor", "me.take_confirm",
}  # fmt: skip


@pytest.fixture
def owner(database: Database) -> User:
    return make.make_user(database, "Claire Delmotte", locale="en-GB")


@pytest.fixture
def account(database: Database, owner: User) -> Tenant:
    return make.make_tenant(database, "client", "Boulangerie Delmotte", members={owner: "owner"})


def a_while_ago(database: Database, user: User) -> None:
    """The password was given a quarter of an hour ago."""
    with database.scoped() as session:
        long_ago = clock.now() - timedelta(minutes=15)
        session.execute(update(UserSession).where(UserSession.user_id == user.id).values(confirmed_at=long_ago))


def archive_of(database: Database, account: Tenant, client: Client) -> Archive:
    assert client.post(f"/c/{account.id}/data/archives").status_code == 303
    with database.scoped(Setting(tenant=account.id)) as session:
        (row,) = service.listed(Scope.system(session, account.id))
    assert service.make(database, account.id, row.id)
    with database.scoped(Setting(tenant=account.id)) as session:
        return session.get_one(Archive, (account.id, row.id))


def test_what_hurts_asks_for_confirmation(app: Flask) -> None:
    marked = {name for name, view in app.view_functions.items() if name != "static" and access_of(view).fresh}
    assert marked >= HURTS
    assert set(app.view_functions) >= ASKS_ITSELF


def test_who_found_a_session_lets_nobody_in_with_it(
    sign_in: SignIn, database: Database, owner: User, account: Tenant
) -> None:
    """Neither themselves as an owner nor software that reads everything: first the password."""
    client, url = sign_in(owner), f"/c/{account.id}"
    a_while_ago(database, owner)
    for path, data in (
        (f"{url}/people/invite", {"email": "thief@example.com", "name": "Thief", "role": "owner"}),
        (f"{url}/software-users/new", {"name": "ERP", "groups": str(account.id)}),
        (f"{url}/access", {"email": "thief@example.com", "role": "editor"}),
        (f"{url}/data/kept", {"original_months": "12", "trace_days": "7"}),
    ):
        answer = client.post(path, data=data)
        assert answer.status_code == 303, path
        assert answer.location.startswith("/me/confirm"), path
    with database.scoped(Setting(tenant=account.id)) as session:
        assert len(members(Scope.system(session, account.id))) == 1


def test_an_archive_is_asked_for_made_and_fetched(
    sign_in: SignIn, database: Database, owner: User, account: Tenant
) -> None:
    client = sign_in(owner)
    assert "No archive yet" in words(client.get(f"/c/{account.id}/data").text)
    row = archive_of(database, account, client)
    page = words(client.get(f"/c/{account.id}/data").text)
    assert "ready until" in page
    assert row.sha256 is not None
    assert row.sha256.hex() in page
    answer = client.get(f"/c/{account.id}/data/archives/{row.id}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert hashlib.sha256(answer.data).digest() == row.sha256
    with zipfile.ZipFile(io.BytesIO(answer.data)) as zip_file:
        assert zip_file.testzip() is None
    with database.scoped(Setting(tenant=account.id)) as session:
        newest = timeline(Scope.system(session, account.id))[0]
    assert (newest.tag, newest.actor_name) == ("archive.fetched", "Claire Delmotte")
    assert client.post(f"/c/{account.id}/data/archives/{row.id}/remove").status_code == 303
    assert client.get(f"/c/{account.id}/data/archives/{row.id}").status_code == 404


def test_after_ten_minutes_the_password_is_asked_again(
    sign_in: SignIn, database: Database, owner: User, account: Tenant
) -> None:
    with database.scoped() as session:
        session.get_one(User, owner.id).password_hash = passwords.hash_password(PASSWORD)
    client = sign_in(owner)
    row = archive_of(database, account, client)
    a_while_ago(database, owner)
    fetch = f"/c/{account.id}/data/archives/{row.id}"
    answer = client.get(fetch)
    assert answer.status_code == 303
    assert answer.location == f"/me/confirm?next=/c/{account.id}/data/archives/{row.id}"
    button = client.post(f"/c/{account.id}/data/archives", headers={"Referer": f"http://localhost/c/{account.id}/data"})
    assert button.location == f"/me/confirm?next=/c/{account.id}/data"
    assert client.post(answer.location, data={"current": "wrong"}).status_code == 422
    assert client.get(fetch).status_code == 303
    confirmed = client.post(answer.location, data={"current": PASSWORD})
    assert confirmed.location == fetch
    assert client.get(fetch).status_code == 200


def test_confirming_leads_to_no_other_site(sign_in: SignIn, database: Database, owner: User) -> None:
    with database.scoped() as session:
        session.get_one(User, owner.id).password_hash = passwords.hash_password(PASSWORD)
    answer = sign_in(owner).post("/me/confirm?next=https://example.org/", data={"current": PASSWORD})
    assert answer.location == "/me/security"


def test_deleting_is_shown_dry_asked_by_name_and_taken_back(
    sign_in: SignIn, database: Database, owner: User, account: Tenant
) -> None:
    client, url = sign_in(owner), f"/c/{account.id}/data/erase"
    page = words(client.get(url).text)
    assert "People of this account 1" in page
    assert client.post(url, data={"name": "Another"}).status_code == 422
    assert client.post(url, data={"name": "boulangerie delmotte"}).status_code == 303
    assert "This account is to be deleted on" in words(client.get(f"/c/{account.id}/data").text)
    assert client.post(f"{url}/take-back").status_code == 303
    assert "The data of this account is yours" in words(client.get(f"/c/{account.id}/data").text)
    with database.scoped(Setting(tenant=account.id)) as session:
        (row,) = session.query(Erasure).all()
        assert row.state == "cancelled"


def test_periods_are_chosen_and_too_short_ones_refused(
    sign_in: SignIn, database: Database, owner: User, account: Tenant
) -> None:
    client, url = sign_in(owner), f"/c/{account.id}/data/kept"
    assert client.post(url, data={"original_months": "6", "trace_days": "30"}).status_code == 422
    assert client.post(url, data={"original_months": "84", "trace_days": "30", "hold": "y"}).status_code == 303
    with database.scoped(Setting(tenant=account.id)) as session:
        row = session.get_one(Retention, account.id)
        assert (row.original_months, row.trace_days, row.hold) == (84, 30, True)


def test_who_only_works_here_sees_none_of_it(sign_in: SignIn, database: Database, account: Tenant) -> None:
    editor = make.make_user(database, "Luc")
    other = make.make_tenant(database, "client", "Other", members={editor: "editor"})
    assert sign_in(editor).get(f"/c/{other.id}/data").status_code == 403
    assert sign_in(editor).get(f"/c/{account.id}/data").status_code == 404


def test_as_it_was_on_a_day_shows_who_was_let_in(
    sign_in: SignIn, database: Database, owner: User, account: Tenant
) -> None:
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts")
    make.make_grant(database, account, firm)
    client = sign_in(owner)
    page = words(client.get(f"/c/{account.id}/audit/on").text)
    assert str(firm.email) in page
    assert "Claire Delmotte Owner" in page
    earlier = words(client.get(f"/c/{account.id}/audit/on?date=2020-03-31").text)
    assert "As it was on 31/03/2020" in earlier
    assert str(firm.email) not in earlier
    assert client.get(f"/c/{account.id}/audit/on?date=tomorrow").status_code == 200
