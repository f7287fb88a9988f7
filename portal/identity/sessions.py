"""Server-side sessions: the cookie holds a random token, the row its hash. Revoked means dead at the next request."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from portal.identity.models import User, UserSession
from portal.kernel import clock
from portal.kernel.errors import NotFound

IDLE = timedelta(hours=8)
ABSOLUTE = timedelta(days=7)
CONFIRMED_FOR = timedelta(minutes=10)  # how long a given password counts for sensitive acts
_ENTER = text("SELECT * FROM enter(:token, :tenant, :now, :idle, :read_only)")


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came in by this cookie, and what they are in the tenant of the URL (None: nothing)."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    email: str
    user_name: str
    locale: str
    theme: str
    single_keys: bool
    verified: bool
    second_factor_due: bool
    has_second_factor: bool
    confirmed_at: datetime
    last_seen_at: datetime
    tenant_id: uuid.UUID | None
    kind: str | None
    tenant_name: str | None
    scheme: str | None
    enterprise_number: str | None
    zone: str | None
    rehearsal: bool | None
    role: str | None
    grant_role: str | None
    via_id: uuid.UUID | None
    via_name: str | None
    job_roles: Sequence[Sequence[Any]] | None  # for each role lists of [permission, rights, self-approve]
    accounts: Sequence[uuid.UUID] | None  # the bank accounts of the person's groups; None: not limited
    clients: Sequence[uuid.UUID] | None  # the client accounts assigned to them; None: not limited

    @property
    def is_software(self) -> bool:
        """Accounting software signs in with a user code; the database keeps that apart from addresses."""
        return "@" not in self.email


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def start(session: Session, user: User, *, address: str = "", agent: str = "", second_factor: bool = False) -> str:
    """A new session after a right password; returns the token for the cookie."""
    token, now = secrets.token_urlsafe(32), clock.now()
    session.add(
        UserSession(
            user_id=user.id,
            token_hash=token_hash(token),
            created_at=now,
            last_seen_at=now,
            confirmed_at=now,
            expires_at=now + ABSOLUTE,
            second_factor_at=now if second_factor else None,
            address=address[:64],
            agent=agent[:200],
        )
    )
    return token


def enter(
    session: Session, token: str, tenant_id: uuid.UUID | None = None, *, read_only: bool = False
) -> Entered | None:
    """One round trip: the living session, its user, and the role in the tenant.

    Sets the scope of this transaction and, with `read_only`, that it cannot write.
    """
    parameters = {
        "token": token_hash(token),
        "tenant": tenant_id,
        "now": clock.now(),
        "idle": IDLE,
        "read_only": read_only,
    }
    row = session.execute(_ENTER, parameters).one_or_none()
    return Entered(*row) if row else None


def is_stale(entered: Entered) -> bool:
    """Whether it is time to write down that the session lives: every five minutes, not every request."""
    return clock.now() - entered.last_seen_at > timedelta(minutes=5)


def is_fresh(entered: Entered) -> bool:
    """Whether this person showed of late that it is them, by password or passkey (ASVS 7.5.1)."""
    return clock.now() - entered.confirmed_at < CONFIRMED_FOR


def touch(session: Session, session_id: uuid.UUID) -> None:
    """Keep the session from idling out."""
    session.execute(update(UserSession).where(UserSession.id == session_id).values(last_seen_at=clock.now()))


def rotate(session: Session, session_id: uuid.UUID, **changes: Any) -> str:
    """A new token for the same session, after a change of what it may do (ASVS 7.2.4)."""
    token = secrets.token_urlsafe(32)
    session.execute(
        update(UserSession).where(UserSession.id == session_id).values(token_hash=token_hash(token), **changes)
    )
    return token


def living(session: Session, user_id: uuid.UUID) -> Sequence[UserSession]:
    now = clock.now()
    return session.scalars(
        select(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.last_seen_at > now - IDLE,
        )
        .order_by(UserSession.last_seen_at.desc())
    ).all()


def revoke(session: Session, user_id: uuid.UUID, session_id: uuid.UUID) -> None:
    """End one of this user's sessions; NotFound for anybody else's."""
    row = session.get(UserSession, session_id)
    if row is None or row.user_id != user_id:
        raise NotFound()
    row.revoked_at = row.revoked_at or clock.now()


def revoke_all(session: Session, user_id: uuid.UUID, *, but: uuid.UUID | None = None) -> None:
    query = update(UserSession).where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
    if but is not None:
        query = query.where(UserSession.id != but)
    session.execute(query.values(revoked_at=clock.now()))
