"""record() what happened, read it back as a timeline, and verify the chain."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.activity.models import Activity, ChainHead
from portal.kernel import clock
from portal.kernel.db import uuid7

_key: bytes | None = None
GENESIS = bytes(32)


def set_key(key: bytes) -> None:
    """The audit key of this installation; it never enters the database."""
    global _key
    _key = key


def ensure_key(key: bytes) -> None:
    """For a database of the moment: this key, unless the process has one."""
    if _key is None:
        set_key(key)


def record(
    scope: Scope,
    tag: str,
    subject: tuple[str, uuid.UUID] | None = None,
    *,
    context: uuid.UUID | None = None,
    provider: str = "",
    **data: Any,
) -> Activity:
    """Write down what happened, in the caller's transaction.

    `tag` is worded when shown ("coupling.activated"); `data` holds strings, numbers and ids,
    no secrets. `subject` is (kind, id); `context` a second record on whose timeline it belongs.
    """
    head = _locked_head(scope.session, scope.tenant_id)
    actor = scope.actor
    row = Activity(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        seq=head.seq + 1,
        at=clock.now(),
        actor_kind="provider" if provider else "person" if actor.user_id else "system",
        actor_id=actor.user_id,
        actor_name=provider or actor.name,
        via_id=actor.via_id,
        tag=tag,
        data=json.loads(json.dumps(data, default=str)),
        subject_kind=subject[0] if subject else "tenant",
        subject_id=subject[1] if subject else None,
        context_id=context,
        prev_hash=head.hash,
        hash=b"",
    )
    row.hash = _link(row)
    head.seq, head.hash = row.seq, row.hash
    scope.session.add(row)
    return row


def timeline(
    scope: Scope, subject_id: uuid.UUID | None = None, *, kind: str = "", before: int | None = None, limit: int = 30
) -> Sequence[Activity]:
    """Newest first; of one record when `subject_id` is given; `kind` is person, system or provider."""
    query = select(Activity).where(Activity.tenant_id == scope.tenant_id)
    if subject_id is not None:
        query = query.where(or_(Activity.subject_id == subject_id, Activity.context_id == subject_id))
    if kind:
        query = query.where(Activity.actor_kind == kind)
    if before is not None:
        query = query.where(Activity.seq < before)
    return scope.session.scalars(query.order_by(Activity.seq.desc()).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class Break:
    """Where a tenant's chain does not hold: the first bad `seq`, and why."""

    tenant_id: uuid.UUID
    seq: int
    reason: str


def verify(session: Session, tenant_id: uuid.UUID, exported_head: tuple[int, bytes] | None = None) -> Iterator[Break]:
    """Walk one tenant's chain. Truncation at the end shows only against an exported head."""
    previous, expected = GENESIS, 1
    # In pages rather than by a cursor on the server, which a break half-way would leave open.
    for row in _links(session, tenant_id):
        if row.seq != expected:
            yield Break(tenant_id, expected, "missing")
            return
        if row.prev_hash != previous or not hmac.compare_digest(row.hash, _link(row)):
            yield Break(tenant_id, row.seq, "changed")
            return
        if exported_head and row.seq == exported_head[0] and row.hash != exported_head[1]:
            yield Break(tenant_id, row.seq, "not_the_exported_head")
            return
        previous, expected = row.hash, row.seq + 1
    head = session.get(ChainHead, tenant_id, populate_existing=True)
    if (head.seq if head else 0) != expected - 1 or (head and head.hash != previous):
        yield Break(tenant_id, expected, "head")
    elif exported_head and exported_head[0] > expected - 1:
        yield Break(tenant_id, expected, "truncated")


def _links(session: Session, tenant_id: uuid.UUID, page: int = 1000) -> Iterator[Activity]:
    query = select(Activity).where(Activity.tenant_id == tenant_id).order_by(Activity.seq).limit(page)
    last: int | None = None
    while rows := session.scalars(
        query if last is None else query.where(Activity.seq > last), execution_options={"populate_existing": True}
    ).all():
        yield from rows
        last = rows[-1].seq
        session.expunge_all()


def _locked_head(session: Session, tenant_id: uuid.UUID) -> ChainHead:
    session.execute(insert(ChainHead).values(tenant_id=tenant_id, seq=0, hash=GENESIS).on_conflict_do_nothing())
    query = select(ChainHead).where(ChainHead.tenant_id == tenant_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _link(row: Activity) -> bytes:
    if _key is None:
        raise RuntimeError("The audit key is not set.")
    told = [
        row.tenant_id, row.id, row.seq, row.at.isoformat(), row.actor_kind, row.actor_id, row.actor_name, row.via_id,
        row.tag, row.data, row.subject_kind, row.subject_id, row.context_id,
    ]  # fmt: skip
    canonical = json.dumps(told, default=str, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(_key, row.prev_hash + canonical.encode(), hashlib.sha256).digest()
