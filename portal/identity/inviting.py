"""Letting somebody in who may never have been here: a person of that address, and a mail to choose a password."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from portal.identity import passkeys, sessions
from portal.identity.models import LOCALES, User
from portal.identity.service import clean_email, find_user, make_token
from portal.kernel import clock, mail
from portal.kernel.db import uuid7
from portal.kernel.errors import Invalid
from portal.kernel.vault import Vault

INVITED_FOR = timedelta(days=7)
NO_PASSWORD = "!"  # noqa: S105 (matches none)


def invite(
    session: Session, vault: Vault, *, email: str, name: str, locale: str, to: str, by: str, base_url: str
) -> User:
    """The person of this address, made when nobody has proved it yet. `to`: what they are let into, `by` whom.

    Whoever set a password or a passkey for the address without proving it is put out: only who opens
    the mail comes in. Raises Invalid for an address that is none, and for no name where one is needed.
    """
    address = clean_email(email)
    user = find_user(session, address)
    if user is not None and user.email_verified_at is not None:
        _write(session, vault, user, "invited", to, by, f"{base_url}/signin")
        return user
    if user is None:
        user = _create(session, address, name, locale)
    user.password_hash, user.password_changed_at = NO_PASSWORD, clock.now()
    sessions.revoke_all(session, user.id)
    passkeys.remove_all(session, user.id)
    token = make_token(session, "reset_password", user, user.email, INVITED_FOR)
    _write(session, vault, user, "invited_new", to, by, f"{base_url}/reset/new?t={token}")
    return user


def _create(session: Session, address: str, name: str, locale: str) -> User:
    if not name.strip():
        raise Invalid("name.empty", field="name")
    now = clock.now()
    user = User(
        id=uuid7(), email=address, name=" ".join(name.split())[:120], password_hash=NO_PASSWORD,
        locale=locale if locale in LOCALES else LOCALES[0], password_changed_at=now, created_at=now,
    )  # fmt: skip
    session.add(user)
    session.flush()
    return user


def _write(session: Session, vault: Vault, user: User, template: str, to: str, by: str, link: str) -> None:
    values = {"name": user.name, "to": to, "by": by, "link": link}
    mail.write(session, vault, to=user.email, template=template, locale=user.locale, values=values)
