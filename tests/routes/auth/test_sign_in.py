"""Signing up, in and out, through the pages."""

from __future__ import annotations

import re
import secrets

import pytest
from flask import Flask
from sqlalchemy import select

from portal import runtime
from portal.kernel.db import Database
from portal.kernel.errors import TooMany
from portal.kernel.mail import Mail
from portal.notifications import service as notifications
from portal.routes._limits import limiter, spend
from tests.routes.conftest import SignIn
from tests.world import World

PASSWORD = "drie blauwe fietsen"


def _last_link(database: Database, email: str) -> str:
    made = runtime.get()
    with database.scoped() as session:
        mail = session.scalars(select(Mail).where(Mail.to_email == email).order_by(Mail.id.desc())).first()
        assert mail is not None
        found = re.search(r"http://[^\s]+", notifications.read(session, made.vault, mail)[1])
    assert found
    return found.group(0).partition(":8000")[2]


def _sign_up(sign_in: SignIn, email: str) -> None:
    form = {"name": "Nora Maes", "email": email, "password": PASSWORD, "agree": "y"}
    assert sign_in(None).post("/signup", data=form).status_code == 200


def test_somebody_signs_up_proves_the_address_and_signs_in(app: Flask, sign_in: SignIn, database: Database) -> None:
    email = f"nora{secrets.token_hex(3)}@example.com"
    _sign_up(sign_in, email)
    client, link = sign_in(None), _last_link(database, email)
    assert client.get(link).status_code == 200
    assert client.post(link, data={"password": "the guess of another"}).status_code == 422
    assert client.post(link, data={"password": PASSWORD}).status_code == 303
    assert client.post(link, data={"password": PASSWORD}).status_code == 404  # once only
    answer = client.post("/signin", data={"email": email.upper(), "password": PASSWORD})
    assert answer.status_code == 303
    assert client.get("/me/accounts").status_code == 200


def test_a_wrong_password_and_an_unknown_address_read_the_same(sign_in: SignIn, database: Database) -> None:
    email = f"nora{secrets.token_hex(3)}@example.com"
    _sign_up(sign_in, email)
    known = sign_in(None).post("/signin", data={"email": email, "password": "not the password"})
    unknown = sign_in(None).post("/signin", data={"email": "x" + email, "password": "not the password"})
    assert known.status_code == unknown.status_code == 422
    shape = re.compile(r"x?" + re.escape(email) + r"|nonce=\"[^\"]+\"|value=\"[^\"]{40,}\"|CSRFToken\": \"[^\"]+\"")
    assert 'id="errors"' in known.text
    assert shape.sub("", known.text) == shape.sub("", unknown.text)


def test_signing_up_twice_tells_only_the_mailbox(sign_in: SignIn, database: Database) -> None:
    email = f"nora{secrets.token_hex(3)}@example.com"
    _sign_up(sign_in, email)
    _sign_up(sign_in, email)
    with database.scoped() as session:
        mails = session.scalars(select(Mail.template).where(Mail.to_email == email).order_by(Mail.id)).all()
    assert mails == ["verify_email", "known_already"]


def test_a_reset_ends_every_session(sign_in: SignIn, database: Database) -> None:
    email = f"nora{secrets.token_hex(3)}@example.com"
    _sign_up(sign_in, email)
    client = sign_in(None)
    client.post("/signin", data={"email": email, "password": PASSWORD})
    assert client.get("/me/profile").status_code == 200
    other = sign_in(None)
    other.post("/reset", data={"email": email})
    link = _last_link(database, email)
    assert other.post(link, data={"password": "short"}).status_code == 422
    assert other.post(link, data={"password": "vier groene bussen"}).status_code == 303
    assert client.get("/me/profile").status_code == 303
    assert "/signin" in client.get("/me/profile").headers["Location"]


def test_a_form_without_its_token_is_refused(sign_in: SignIn, world: World) -> None:
    answer = sign_in(world.owner).post(f"/c/{world.client.id}/access", data={"email": "a@example.com"}, csrf=False)
    assert answer.status_code == 400


def test_another_site_is_never_the_next_page(sign_in: SignIn, world: World) -> None:
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "/%5Cevil"):
        answer = sign_in(world.owner).get("/signin", query_string={"next": target})
        assert "evil.example" not in answer.headers["Location"]


def test_who_holds_the_mailbox_does_not_open_an_account_for_somebody_else(
    sign_in: SignIn, database: Database, world: World
) -> None:
    """Somebody signed up with my address: my click alone proves nothing for him, and a reset makes it mine."""
    email = f"jan{secrets.token_hex(3)}@example.com"
    _sign_up(sign_in, email)
    holder = sign_in(None)
    assert holder.post(_last_link(database, email)).status_code == 422
    holder.post("/reset", data={"email": email})
    assert holder.post(_last_link(database, email), data={"password": "vier groene bussen"}).status_code == 303
    thief = sign_in(None)
    assert thief.post("/signin", data={"email": email, "password": PASSWORD}).status_code == 422


def test_links_in_mails_keep_their_token_out_of_the_path(sign_in: SignIn, database: Database) -> None:
    """Access logs hold paths; a token that is not used yet would lie there for everybody who reads them."""
    email = f"log{secrets.token_hex(3)}@example.com"
    _sign_up(sign_in, email)
    path, _, query = _last_link(database, email).partition("?")
    assert path == "/verify"
    assert len(query) > 40


def test_recovery_codes_ask_for_the_password(sign_in: SignIn, database: Database) -> None:
    email = f"desk{secrets.token_hex(3)}@example.com"
    _sign_up(sign_in, email)
    client = sign_in(None)
    client.post("/signin", data={"email": email, "password": PASSWORD})
    for address in ("/me/security/recovery-codes", "/me/security/second-factor", "/me/security/second-factor/off"):
        assert client.post(address, data={"current": "somebody else's guess"}).status_code == 422
    assert client.post("/me/security/second-factor", data={"current": PASSWORD}).status_code == 200


def test_tries_of_one_person_are_counted_from_all_machines_together(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "enabled", True)
    with app.app_context():
        for _ in range(10):
            spend("second factor", "one person", "10 per 15 minutes")
        with pytest.raises(TooMany):
            spend("second factor", "one person", "10 per 15 minutes")
        spend("second factor", "another person", "10 per 15 minutes")
