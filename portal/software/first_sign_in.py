"""The first sign-in of software in a browser: a password of its own, then a second factor; and later passwords."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.access import Actor, Scope
from portal.activity.service import record
from portal.identity import passwords, second_factor, sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.vault import Vault
from portal.software.models import SoftwareUser


def row_of(session: Session, user: User) -> SoftwareUser:
    """Of the software that is signed in: it sees its own."""
    row = session.scalars(select(SoftwareUser).where(SoftwareUser.user_id == user.id)).one_or_none()
    if row is None:
        raise NotFound()
    return row


def replace_one_time_password(session: Session, user: User, password: str, keep: uuid.UUID) -> None:
    """Raises Invalid "password.*" and "software.same_password", Conflict "software.step" when it was done before."""
    row = session.scalars(select(SoftwareUser).where(SoftwareUser.user_id == user.id).with_for_update()).one()
    if row.set_up_at is not None:
        raise Conflict("software.step")
    _set_password(session, row, user, password, keep)


def change_password(session: Session, user: User, password: str, keep: uuid.UUID) -> None:
    """After the first; the password from before is told from any other wrong one from then on."""
    check_own_password(session, user)
    _set_password(session, row_of(session, user), user, password, keep)


def check_own_password(session: Session, user: User) -> None:
    """Nothing goes on with the one-time password. Raises Conflict "software.step"."""
    if row_of(session, user).set_up_at is None:
        raise Conflict("software.step")


def confirm_second_factor(session: Session, vault: Vault, user: User, code: str) -> Sequence[str]:
    """From now on its calls are answered; returns the recovery codes, shown once."""
    codes = second_factor.confirm(session, vault, user, code)
    _record(session, row_of(session, user), user, "software.second_factor")
    return codes


def _set_password(session: Session, row: SoftwareUser, user: User, password: str, keep: uuid.UUID) -> None:
    passwords.check_strength(password, user.email, user.name)
    if passwords.matches(user.password_hash, password):
        raise Invalid("software.same_password", field="password")
    row.previous_password_hash, user.password_hash = user.password_hash, passwords.hash_password(password)
    row.set_up_at = user.password_changed_at = clock.now()
    sessions.revoke_all(session, user.id, but=keep)
    session.flush()
    _record(session, row, user, "software.password")


def _record(session: Session, row: SoftwareUser, user: User, tag: str) -> None:
    """In the log of whoever made it."""
    session.flush()
    scope = Scope.system(session, row.tenant_id, actor=Actor(user.id, user.name))
    if tag == "software.password":
        record(scope, "software.password", ("user", user.id), name=user.name)
    else:
        record(scope, "software.second_factor", ("user", user.id), name=user.name)
