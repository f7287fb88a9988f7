"""Who tried to sign in as whom, from where, and whether it was accepted (ASVS 16.3.1)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import func, insert, literal, select, text
from sqlalchemy.orm import Session

from portal.identity.models import SignIn, User
from portal.kernel import clock
from portal.kernel.db import uuid7

SHOWN = 20


def note(session: Session, user: User, method: str, *, accepted: bool, address: str, agent: str) -> None:
    """`method` is password, code, recovery_code or passkey."""
    session.add(
        SignIn(
            user_id=user.id, at=clock.now(), method=method, accepted=accepted, address=address[:64], agent=agent[:200]
        )
    )


def note_refused(session: Session, email: str, *, address: str, agent: str) -> None:
    """A password that was not right: one statement, the same for an address that nobody has."""
    session.execute(text("SET LOCAL synchronous_commit = off"))  # so that a row takes no longer than none
    values = (uuid7(), User.id, clock.now(), "password", False, address[:64], agent[:200])
    whose = select(*(value if value is User.id else literal(value) for value in values)).where(
        func.lower(User.email) == email.strip().lower()
    )
    names = ["id", "user_id", "at", "method", "accepted", "address", "agent"]
    session.execute(insert(SignIn).from_select(names, whose))


def recent(session: Session, user_id: uuid.UUID) -> Sequence[SignIn]:
    """Newest first."""
    query = select(SignIn).where(SignIn.user_id == user_id).order_by(SignIn.at.desc()).limit(SHOWN)
    return session.scalars(query).all()
