"""The lease of a posting: who holds it may make the next move, under a fence of their own.

`take` hands out the lease with a new fence. A worker that was paused or thought dead finds its
fence outdated and changes nothing any more; the worker after it knows only that a call may be
under way, and looks instead of sending.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session

from portal.connectors.base import EntryKind
from portal.couplings.models import Coupling
from portal.kernel import clock, crash
from portal.kernel.db import Database, Setting
from portal.ledger.models import Entry
from portal.sync.models import Posting, PostingState

LEASE = timedelta(seconds=20)
MAX_TRIES = 5
OPEN = (PostingState.INTENT, PostingState.SENDING, PostingState.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One posting in our hands, until the lease runs out."""

    database: Database
    tenant_id: uuid.UUID
    id: uuid.UUID
    fence: int
    state: PostingState
    tries: int
    sends: int
    looks: int
    since: datetime  # when it came into this state
    settles_at: datetime | None
    sent_at: datetime | None  # the last sending before this one that may have arrived
    payload: bytes
    reference: str
    entry_id: uuid.UUID
    reverses_id: uuid.UUID | None
    configuration_id: uuid.UUID
    coupling_id: uuid.UUID
    kind: EntryKind
    journal: str
    on: date
    period_start: date
    app: str
    dossier: str
    holder: uuid.UUID  # the tenant of the authorisation
    authorisation_id: uuid.UUID

    @property
    def setting(self) -> Setting:
        return Setting(tenant=self.tenant_id, via=self.holder)


def take(database: Database, tenant_id: uuid.UUID, posting_id: uuid.UUID) -> Attempt | None:
    """Take the lease; None when somebody holds it or there is nothing left to do."""
    found = _take(database, tenant_id, [Posting.id == posting_id, Posting.state.in_(OPEN), _unleased()])
    return found[0] if found else None


def take_due(database: Database, tenant_id: uuid.UUID, coupling_id: uuid.UUID) -> Attempt | None:
    """Take the lease of what waits longest in a dossier; None when nothing is due, or what is due is held back."""
    found = _take(database, tenant_id, [_among(_due(tenant_id, coupling_id).limit(1))])
    return found[0] if found else None


def take_alike(first: Attempt, room: int) -> Sequence[Attempt]:
    """Take the leases of others in its dossier that can go in the same call: never sent yet, and of its kind."""
    fresh = _due(first.tenant_id, first.coupling_id).where(
        Posting.state == PostingState.INTENT,
        Posting.sends == 0,
        Posting.tries < MAX_TRIES,
        Posting.entry_id.in_(select(Entry.id).where(Entry.tenant_id == first.tenant_id, Entry.kind == first.kind)),
    )
    return _take(first.database, first.tenant_id, [_among(fresh.limit(room))])


def _among(chosen: Select[uuid.UUID]) -> ColumnElement[bool]:
    """As a CTE: a subquery that locks and skips would be run for every row it is compared with."""
    return Posting.id.in_(select(chosen.cte("chosen").c.id))


def _unleased() -> ColumnElement[bool]:
    return Posting.lease_until.is_(None) | (Posting.lease_until < clock.now())


def _due(tenant_id: uuid.UUID, coupling_id: uuid.UUID) -> Select[uuid.UUID]:
    now = clock.now()
    held = select(Coupling.held_until).where(Coupling.tenant_id == tenant_id, Coupling.id == coupling_id)
    return (
        select(Posting.id)
        .where(
            Posting.tenant_id == tenant_id,
            Posting.coupling_id == coupling_id,
            Posting.state.in_(OPEN),
            Posting.next_try_at <= now,
            _unleased(),
            (Posting.state != PostingState.INTENT) | (func.coalesce(held.scalar_subquery(), now) <= now),
        )
        .order_by(Posting.next_try_at, Posting.id)
        .with_for_update(skip_locked=True)
    )


def _take(database: Database, tenant_id: uuid.UUID, chosen: Sequence[ColumnElement[bool]]) -> list[Attempt]:
    """With a new fence each, in the order in which they wait."""
    with database.scoped(Setting(tenant=tenant_id)) as session:
        rows = session.execute(
            update(Posting)
            .where(
                Posting.tenant_id == tenant_id,
                *chosen,
                Entry.tenant_id == Posting.tenant_id,
                Entry.id == Posting.entry_id,
                Coupling.tenant_id == Posting.tenant_id,
                Coupling.id == Posting.coupling_id,
            )
            .values(fence=Posting.fence + 1, tries=Posting.tries + 1, lease_until=clock.now() + LEASE)
            .returning(Posting.next_try_at, Posting.id, *_TAKEN)
            .execution_options(synchronize_session=False)
        ).all()
    if rows:
        crash.point("posting.leased")
    attempts = []
    for row in sorted(rows, key=lambda row: (row.next_try_at, row.id)):
        told = row._asdict()
        del told["next_try_at"]
        told |= {"state": PostingState(row.state), "kind": EntryKind(row.kind)}
        attempts.append(Attempt(database=database, tenant_id=tenant_id, **told))
    return attempts


# What an attempt is told of its posting, entry and coupling, by the names of its fields.
_TAKEN = (
    Posting.fence, Posting.state, Posting.tries, Posting.sends, Posting.looks, Posting.changed_at.label("since"),
    Posting.settles_at, Posting.sending_at.label("sent_at"), Posting.payload, Posting.reference, Posting.entry_id,
    Entry.reverses_id, Entry.configuration_id, Posting.coupling_id, Entry.kind, Entry.journal, Entry.date.label("on"),
    Entry.period_start,
    Coupling.app, Coupling.dossier_code.label("dossier"), Coupling.authorisation_tenant_id.label("holder"),
    Coupling.authorisation_id,
)  # fmt: skip


def renew(attempt: Attempt) -> bool:
    """Keep the lease while a call lasts; False when somebody else has taken the posting up."""
    with attempt.database.scoped(attempt.setting) as session:
        return write(session, attempt, lease_until=clock.now() + LEASE)


def release(attempt: Attempt, at: datetime) -> None:
    """Let go without a result; it is taken up again at `at`."""
    with attempt.database.scoped(attempt.setting) as session:
        write(session, attempt, lease_until=None, next_try_at=at, tries=0)


def write(session: Session, attempt: Attempt, **values: Any) -> bool:
    """Change the row if the fence is still ours."""
    changed = session.execute(
        update(Posting)
        .where(
            Posting.tenant_id == attempt.tenant_id,
            Posting.id == attempt.id,
            Posting.fence == attempt.fence,
            Posting.state == attempt.state,
        )
        .values(**values)
        .returning(Posting.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
