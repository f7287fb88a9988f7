"""Somebody signs up with the address of another and prepares a way back in, before its holder comes."""

from __future__ import annotations

import re

from sqlalchemy import select

from portal.identity import inviting, passkeys, service
from portal.identity.models import Passkey, User
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.mail import Mail, place_of
from portal.kernel.vault import Vault
from tests import factories as make

OWN = "regenjas aan een spijker"


def claimed(database: Database, *, verified: bool = False) -> User:
    """Signed up by a stranger, who never saw the mail, with a passkey of the stranger's."""
    user = make.make_user(database, "Victim", verified=verified)
    with database.scoped() as session:
        session.add(
            Passkey(
                user_id=user.id, credential_id=user.id.bytes, public_key=b"x", sign_count=0, name="mine",
                created_at=clock.now(),
            )
        )  # fmt: skip
    return user


def mailed_token(database: Database, vault: Vault, user: User) -> str:
    with database.scoped() as session:
        row = session.scalars(select(Mail).where(Mail.to_email == user.email).order_by(Mail.id.desc())).first()
        assert row is not None
        found = re.search(r"\?t=([\w-]+)", vault.open(session, place_of(row.id), row.values))
    assert found
    return found[1]


def ways_in(database: Database, user: User) -> int:
    with database.scoped() as session:
        return len(passkeys.of_person(session, user.id))


def test_an_invitation_ends_the_passkeys_of_whoever_claimed_the_address(database: Database, vault: Vault) -> None:
    """From the invitation on there is something to see behind this address."""
    user = claimed(database)
    with database.scoped() as session:
        inviting.invite(
            session, vault, email=user.email, name="", locale="en-GB", to="Peeters", by="Nadia", base_url="http://x"
        )
    assert ways_in(database, user) == 0


def test_who_proves_the_address_by_its_mail_inherits_no_passkey(database: Database, vault: Vault) -> None:
    user = claimed(database)
    with database.scoped() as session:
        service.ask_reset(session, vault, user.email, "http://x")
    with database.scoped() as session:
        service.reset_password(session, mailed_token(database, vault, user), OWN)
    assert ways_in(database, user) == 0


def test_a_forgotten_password_leaves_the_passkeys_of_a_proved_person(database: Database, vault: Vault) -> None:
    user = claimed(database, verified=True)
    with database.scoped() as session:
        service.ask_reset(session, vault, user.email, "http://x")
    with database.scoped() as session:
        service.reset_password(session, mailed_token(database, vault, user), OWN)
    assert ways_in(database, user) == 1
