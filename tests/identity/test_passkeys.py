"""Where passkeys count, and what is refused before a device is believed. The whole way is walked in the browser."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select
from webauthn.helpers import bytes_to_base64url

from portal.identity import passkeys, sign_ins
from portal.identity.models import Passkey, PasskeyChallenge, SignIn
from portal.identity.passkeys import Place
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.errors import Invalid, NotFound
from tests import factories as make

HERE = Place("portal.example", "https://portal.example")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://portal.example", HERE),
        ("https://portal.example:8443", Place("portal.example", "https://portal.example:8443")),
        ("http://127.0.0.1:8000", Place("localhost", "http://localhost:8000")),
    ],
)
def test_a_passkey_belongs_to_a_host_with_a_name(url: str, place: Place) -> None:
    assert Place.of(url) == place


def _answer(challenge: str, origin: str = HERE.origin) -> str:
    told = json.dumps({"type": "webauthn.create", "challenge": challenge, "origin": origin}).encode()
    response = {"clientDataJSON": bytes_to_base64url(told), "attestationObject": "AA"}
    return json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": response})


def test_a_challenge_works_once_and_for_one_person(database: Database) -> None:
    mine, other = make.make_user(database), make.make_user(database)
    with database.session() as session:
        challenge = passkeys.begin_registering(session, HERE, mine)["challenge"]
        session.flush()
        query = select(PasskeyChallenge).where(PasskeyChallenge.user_id == mine.id)
        for user, left in ((other, 1), (mine, 0), (mine, 0)):  # in one transaction, so that what is spent stays so
            with pytest.raises(Invalid, match="refused"):
                passkeys.register(session, HERE, user, _answer(challenge), "phone")
            assert len(session.scalars(query).all()) == left


def test_a_late_answer_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make.make_user(database)
    with database.scoped() as session:
        challenge = passkeys.begin_registering(session, HERE, user)["challenge"]
    later = clock.now() + timedelta(minutes=6)
    monkeypatch.setattr(clock, "now", lambda: later)
    with database.scoped() as session, pytest.raises(Invalid, match="refused"):
        passkeys.register(session, HERE, user, _answer(challenge), "phone")


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"response": {}}', '{"response": {"clientDataJSON": "!"}}', "1"])
def test_what_no_device_says_is_refused(database: Database, answer: str) -> None:
    with database.scoped() as session, pytest.raises(Invalid, match="refused"):
        passkeys.sign_in(session, HERE, answer)


def test_nobody_removes_the_passkey_of_another(database: Database) -> None:
    mine, other = make.make_user(database), make.make_user(database)
    with database.scoped() as session:
        key = Passkey(
            user_id=mine.id, credential_id=mine.id.bytes, public_key=b"x", sign_count=0, name="phone",
            created_at=clock.now(),
        )  # fmt: skip
        session.add(key)
    for act in (passkeys.remove, lambda s, u, k: passkeys.rename(s, u, k, "mine now")):
        with database.scoped() as session, pytest.raises(NotFound):
            act(session, other.id, key.id)


def test_a_refused_password_is_written_down_for_whose_account_it_was(database: Database) -> None:
    user = make.make_user(database)
    with database.scoped() as session:
        for email in (user.email.upper(), "nobody@example.com"):
            sign_ins.note_refused(session, email, address="192.0.2.1", agent="tests")
    with database.scoped() as session:
        (row,) = sign_ins.recent(session, user.id)
        assert (row.method, row.accepted, row.address) == ("password", False, "192.0.2.1")
        assert session.scalars(select(SignIn).where(SignIn.agent == "tests", SignIn.user_id != user.id)).all() == []
