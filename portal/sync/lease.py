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
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Executable,
    Integer,
    Select,
    String,
    Uuid,
    bindparam,
    column,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session

from portal.connectors.base import EntryKind
from portal.couplings.models import Coupling
from portal.kernel import clock, crash
from portal.kernel.db import Database, Executes, Setting
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
    found = _take(database, tenant_id, _THIS, posting=posting_id)
    return found[0] if found else None


def take_due(database: Database, tenant_id: uuid.UUID, coupling_id: uuid.UUID) -> Attempt | None:
    """Take the lease of what waits longest in a dossier; None when nothing is due, or what is due is held back."""
    found = _take(database, tenant_id, _NEXT, coupling=coupling_id)
    return found[0] if found else None


def take_alike(first: Attempt, room: int) -> Sequence[Attempt]:
    """Take the leases of others in its dossier that can go in the same call: never sent yet, and of its kind."""
    return _take(first.database, first.tenant_id, _ALIKE, coupling=first.coupling_id, kind=first.kind, room=room)


def _take(database: Database, tenant_id: uuid.UUID, statement: Executable, **chosen: Any) -> list[Attempt]:
    """With a new fence each, in the order in which they wait."""
    now = clock.now()
    asked = {"tenant": tenant_id, "now": now, "until": now + LEASE, **chosen}
    with database.direct(Setting(tenant=tenant_id)) as connection:
        rows = connection.execute(statement, asked).all()
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
# Put together once: for every entry that is posted it would take longer than the database takes to answer.
_TENANT, _OF = bindparam("tenant", type_=Uuid()), bindparam("coupling", type_=Uuid())
_NOW, _UNTIL = (bindparam(name, type_=DateTime(timezone=True)) for name in ("now", "until"))
_UNLEASED = Posting.lease_until.is_(None) | (Posting.lease_until < _NOW)
_HELD = select(Coupling.held_until).where(Coupling.tenant_id == _TENANT, Coupling.id == _OF).scalar_subquery()
_DUE = (
    select(Posting.id)
    .where(
        Posting.tenant_id == _TENANT,
        Posting.coupling_id == _OF,
        Posting.state.in_(OPEN),
        Posting.next_try_at <= _NOW,
        _UNLEASED,
        (Posting.state != PostingState.INTENT) | (func.coalesce(_HELD, _NOW) <= _NOW),
    )
    .order_by(Posting.next_try_at, Posting.id)
    .with_for_update(skip_locked=True)
)
_OF_KIND = select(Entry.id).where(Entry.tenant_id == _TENANT, Entry.kind == bindparam("kind", type_=String()))
_FRESH = _DUE.where(
    Posting.state == PostingState.INTENT, Posting.sends == 0, Posting.tries < MAX_TRIES, Posting.entry_id.in_(_OF_KIND)
)


def _taking(*chosen: ColumnElement[bool]) -> Executable:
    return (
        update(Posting)
        .where(
            Posting.tenant_id == _TENANT,
            *chosen,
            Entry.tenant_id == Posting.tenant_id,
            Entry.id == Posting.entry_id,
            Coupling.tenant_id == Posting.tenant_id,
            Coupling.id == Posting.coupling_id,
        )
        .values(fence=Posting.fence + 1, tries=Posting.tries + 1, lease_until=_UNTIL)
        .returning(Posting.next_try_at, Posting.id, *_TAKEN)
    )


def _among(chosen: Select[uuid.UUID]) -> ColumnElement[bool]:
    """As a CTE: a subquery that locks and skips would be run for every row it is compared with."""
    return Posting.id.in_(select(chosen.cte("chosen").c.id))


_THIS = _taking(Posting.id == bindparam("posting", type_=Uuid()), Posting.state.in_(OPEN), _UNLEASED)
_NEXT = _taking(_among(_DUE.limit(1)))
_ALIKE = _taking(_among(_FRESH.limit(bindparam("room", type_=Integer()))))


def renew(attempt: Attempt) -> bool:
    """Keep the lease while a call lasts; False when somebody else has taken the posting up."""
    with attempt.database.direct(attempt.setting) as connection:
        return write(connection, attempt, lease_until=clock.now() + LEASE)


def release(attempt: Attempt, at: datetime) -> None:
    """Let go without a result; it is taken up again at `at`."""
    with attempt.database.direct(attempt.setting) as connection:
        write(connection, attempt, lease_until=None, next_try_at=at, tries=0)


_OURS = (
    func.unnest(
        bindparam("postings", type_=ARRAY(Uuid())),
        bindparam("fences", type_=ARRAY(Integer())),
        bindparam("states", type_=ARRAY(String())),
    )
    .table_valued(column("id", Uuid()), column("fence", Integer()), column("state", String()), name="ours")
    .render_derived()
)
_STILL_OURS = (Posting.id == _OURS.c.id, Posting.fence == _OURS.c.fence, Posting.state == _OURS.c.state)


def write(session: Executes, attempt: Attempt, *, sends_by: int = 0, **values: Any) -> bool:
    """Change the row if the fence is still ours; `sends_by`: so many sendings more, or fewer."""
    return bool(write_all(session, [attempt], sends_by=sends_by, **values))


def write_all(session: Executes, attempts: Sequence[Attempt], *, sends_by: int = 0, **values: Any) -> list[Attempt]:
    """The same change to several of one tenant, each under its own fence; those that are still ours."""
    told = {f"to_{name}": value for name, value in values.items()}
    ours = {
        "tenant": attempts[0].tenant_id, "postings": [one.id for one in attempts],
        "fences": [one.fence for one in attempts], "states": [one.state for one in attempts],
    }  # fmt: skip
    # Past the session, which would look for objects to bring up to date at every move.
    connection = session.connection() if isinstance(session, Session) else session
    still = set(connection.scalars(_changing(tuple(values)), {**ours, **told, "sends_by": sends_by}))
    return [one for one in attempts if one.id in still]


@cache
def _changing(names: tuple[str, ...]) -> Executable:
    """Change these columns; put together once for each move."""
    columns = Posting.__table__.columns
    return (
        update(Posting)
        .where(Posting.tenant_id == _TENANT, *_STILL_OURS)
        .values(
            sends=Posting.sends + bindparam("sends_by", type_=Integer()),
            **{name: bindparam(f"to_{name}", type_=columns[name].type) for name in names},
        )
        .returning(Posting.id)
    )
