"""Signing up, signing in, and getting back in. Nothing here tells whether an address is known."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal.identity import passkeys, passwords, second_factor, sessions
from portal.identity.models import LOCALES, OneTimeToken, User
from portal.kernel import clock, mail
from portal.kernel.db import uuid7
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.vault import Vault

VERIFY_FOR = timedelta(days=3)
RESET_FOR = timedelta(hours=1)


def clean_email(address: str, field: str = "email") -> str:
    """Lower case, normalised; raises Invalid."""
    try:
        return validate_email(address.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        raise Invalid("email.invalid", field=field, email=address.strip()[:100]) from None


def find_user(session: Session, email: str) -> User | None:
    return session.scalars(select(User).where(func.lower(User.email) == email.lower())).one_or_none()


def sign_up(
    session: Session, vault: Vault, *, email: str, name: str, password: str, locale: str, base_url: str
) -> User | None:
    """A new user, and a mail to verify the address; for a known address only a mail that says so (None)."""
    email = clean_email(email)
    if not name.strip():
        raise Invalid("name.empty", field="name")
    passwords.check_strength(password, email, name)
    hashed = passwords.hash_password(password)  # before the look-up, so that both ways take as long
    known = find_user(session, email)
    if known is not None:
        values = {"name": known.name, "link": f"{base_url}/signin", "reset": f"{base_url}/reset"}
        mail.write(session, vault, to=email, template="known_already", locale=known.locale, values=values)
        return None
    now = clock.now()
    user = User(
        id=uuid7(),
        email=email,
        name=name.strip()[:120],
        password_hash=hashed,
        locale=locale if locale in LOCALES else LOCALES[0],
        password_changed_at=now,
        created_at=now,
    )
    session.add(user)
    session.flush()
    send_verification(session, vault, user, base_url)
    return user


def send_verification(session: Session, vault: Vault, user: User, base_url: str) -> None:
    token = make_token(session, "verify_email", user, user.email, VERIFY_FOR)
    values = {"name": user.name, "link": f"{base_url}/verify?t={token}"}
    mail.write(session, vault, to=user.email, template="verify_email", locale=user.locale, values=values)


def make_token(
    session: Session, purpose: str, user: User, email: str, valid: timedelta, tenant: uuid.UUID | None = None
) -> str:
    """A one-time token for a link; only its hash is kept."""
    token, now = secrets.token_urlsafe(32), clock.now()
    session.add(
        OneTimeToken(
            purpose=purpose,
            token_hash=hashlib.sha256(token.encode()).digest(),
            user_id=user.id,
            tenant_ref=tenant,
            email=email,
            created_at=now,
            expires_at=now + valid,
        )
    )
    return token


def look_at_token(session: Session, purpose: str, token: str) -> OneTimeToken:
    """The token when it would still work, without using it up (a GET must not). NotFound otherwise."""
    digest = hashlib.sha256(token.encode()).digest()
    query = select(OneTimeToken).where(
        OneTimeToken.token_hash == digest,
        OneTimeToken.purpose == purpose,
        OneTimeToken.used_at.is_(None),
        OneTimeToken.expires_at > clock.now(),
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("link.dead")
    return found


def use_token(session: Session, purpose: str, token: str) -> OneTimeToken:
    """Use a token up; NotFound when it is wrong, used or too old: nobody learns which."""
    found = look_at_token(session, purpose, token)
    used = update(OneTimeToken).where(OneTimeToken.id == found.id, OneTimeToken.used_at.is_(None))
    if session.execute(used.values(used_at=clock.now()).returning(OneTimeToken.id)).first() is None:
        raise NotFound("link.dead")
    return found


def verify_email(session: Session, token: str, password: str | None) -> User:
    """Prove an address: who holds the mailbox must be who chose the password.

    Otherwise somebody could sign up with another's address and have its holder open the
    account for him. `password` None: this very user is signed in already.
    """
    found = look_at_token(session, "verify_email", token)
    user = session.get_one(User, found.user_id)
    if user.email.lower() != found.email.lower():
        raise NotFound("link.dead")
    if password is not None and not passwords.matches(user.password_hash, password):
        raise Invalid("password.not_of_account", field="password")
    use_token(session, "verify_email", token)
    user.email_verified_at = user.email_verified_at or clock.now()
    return user


def log_in(session: Session, email: str, password: str) -> User | None:
    """The user when address and password are right and the user is not disabled."""
    user = find_user(session, email.strip())
    if not passwords.matches(user.password_hash if user else None, password):
        return None
    return user if user and user.disabled_at is None else None


def ask_reset(session: Session, vault: Vault, email: str, base_url: str) -> None:
    """A mail with a link, when the address is known; nothing otherwise, and no sign of either."""
    user = find_user(session, clean_email(email))
    if user is None or user.disabled_at:
        return
    token = make_token(session, "reset_password", user, user.email, RESET_FOR)
    values = {"name": user.name, "link": f"{base_url}/reset/new?t={token}"}
    mail.write(session, vault, to=user.email, template="reset_password", locale=user.locale, values=values)


def reset_password(session: Session, token: str, password: str) -> User:
    """A new password; every session ends, and the second factor stays in force (ASVS 6.4.3)."""
    found = look_at_token(session, "reset_password", token)
    user = session.get_one(User, found.user_id)
    passwords.check_strength(password, user.email, user.name)
    use_token(session, "reset_password", token)
    _set_password(user, password)
    if user.email_verified_at is None:
        # The link came by that mailbox, so its holder is proved; what was set up before was not theirs.
        user.email_verified_at = clock.now()
        second_factor.switch_off(session, user)
        passkeys.remove_all(session, user.id)
    sessions.revoke_all(session, user.id)
    return user


def change_password(session: Session, user: User, current: str, password: str, keep: uuid.UUID) -> None:
    """All sessions but the present one end."""
    if not passwords.matches(user.password_hash, current):
        raise Invalid("password.wrong", field="current")
    passwords.check_strength(password, user.email, user.name)
    _set_password(user, password)
    sessions.revoke_all(session, user.id, but=keep)


def _set_password(user: User, password: str) -> None:
    user.password_hash = passwords.hash_password(password)
    user.password_changed_at = clock.now()
