"""TOTP (RFC 6238) and recovery codes. A code works once, within half a minute either side."""

from __future__ import annotations

import hashlib
import secrets

import pyotp
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from portal.identity.models import RecoveryCode, User
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.vault import NO_TENANT, Place, Vault

STEP = 30
RECOVERY_CODES = 10
ISSUER = "Koppelpoort"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no letters that look like digits


def place_of(user: User) -> Place:
    return Place("users", NO_TENANT, user.id, "totp_secret")


def begin(session: Session, vault: Vault, user: User) -> str:
    """A new secret, not yet in force; returns it in base32 to be shown once. Conflict when one is in force."""
    if user.totp_confirmed_at:
        raise Conflict("second_factor.in_force")
    secret = pyotp.random_base32()
    user.totp_secret = vault.seal(session, place_of(user), secret)
    return secret


def pending_secret(session: Session, vault: Vault, user: User) -> str:
    """The secret that waits for its first code; a new one when there is none."""
    if user.totp_secret and not user.totp_confirmed_at:
        return vault.open(session, place_of(user), user.totp_secret)
    return begin(session, vault, user)


def provisioning_uri(user: User, secret: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)


def confirm(session: Session, vault: Vault, user: User, code: str) -> list[str]:
    """Put the second factor in force with its first code; returns the recovery codes, shown once."""
    if user.totp_secret is None or user.totp_confirmed_at:
        raise Conflict("second_factor.nothing_to_confirm")
    if not use_code(session, vault, user, code):
        raise Invalid("second_factor.code", field="code")
    user.totp_confirmed_at = clock.now()
    return new_recovery_codes(session, user)


def use_code(session: Session, vault: Vault, user: User, code: str) -> bool:
    """Accept a code once. The step is moved on by one UPDATE, so that two at once cannot both win."""
    digits = "".join(c for c in code if c.isdigit())
    if user.totp_secret is None or len(digits) != 6:
        return False
    totp = pyotp.TOTP(vault.open(session, place_of(user), user.totp_secret))
    now = int(clock.now().timestamp()) // STEP
    for step in (now, now - 1, now + 1):
        if secrets.compare_digest(totp.generate_otp(step), digits):
            fresh = (User.totp_last_step.is_(None)) | (User.totp_last_step < step)
            moved = update(User).where(User.id == user.id, fresh).values(totp_last_step=step).returning(User.id)
            return session.execute(moved).first() is not None
    return False


def use_recovery_code(session: Session, user: User, code: str) -> bool:
    digest = _digest(code)
    used = (
        update(RecoveryCode)
        .where(RecoveryCode.user_id == user.id, RecoveryCode.code_hash == digest, RecoveryCode.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(RecoveryCode.id)
    )
    return session.execute(used).first() is not None


def new_recovery_codes(session: Session, user: User) -> list[str]:
    """Ten new codes; older ones stop working."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(3)) for _ in range(RECOVERY_CODES)
    ]
    session.add_all(RecoveryCode(user_id=user.id, code_hash=_digest(code)) for code in codes)
    return codes


def codes_left(session: Session, user: User) -> int:
    query = select(RecoveryCode.id).where(RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None))
    return len(session.scalars(query).all())


def switch_off(session: Session, user: User) -> None:
    user.totp_secret = user.totp_confirmed_at = user.totp_last_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))


def _digest(code: str) -> bytes:
    # 75 bits of randomness: a plain hash cannot be guessed back.
    return hashlib.sha256("".join(c for c in code.lower() if c.isalnum()).encode()).digest()
