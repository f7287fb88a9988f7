"""The chain of activities: each link is keyed, the head is sealed, and heads are anchored outside the database.

Three things hold a tenant's chain. Every link is an HMAC over all columns and the link before,
so nothing in it can be changed, moved or left out. The head carries a seal of the same key, so
the end cannot be cut off by somebody without the key. An anchor is a copy of a sealed head in a
file (`portal.activity.anchors`), so not even an older genuine head can be put back.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Uuid, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.activity.models import Activity, ChainHead

GENESIS = bytes(32)
BROKEN = b"broken"  # a seal that did not hold is never made to hold again
_HEAD = (
    select(ChainHead.tenant_id, ChainHead.seq, ChainHead.hash, ChainHead.seal)
    .where(ChainHead.tenant_id == bindparam("tenant", type_=Uuid()))
    .with_for_update()
)
_MOVE = (
    update(ChainHead)
    .where(ChainHead.tenant_id == bindparam("tenant", type_=Uuid()))
    .values({name: bindparam(f"to_{name}", type_=ChainHead.__table__.c[name].type) for name in ("seq", "hash", "seal")})
)
_ADD = insert(Activity)
_key: bytes | None = None


def set_key(key: bytes) -> None:
    """The audit key of this installation; it never enters the database."""
    global _key
    _key = key


def ensure_key(key: bytes) -> None:
    """For a database of the moment: this key, unless the process has one."""
    if _key is None:
        set_key(key)


def digest(*parts: bytes) -> bytes:
    """HMAC-SHA-256 with the audit key, 32 bytes."""
    if _key is None:
        raise RuntimeError("The audit key is not set.")
    return hmac.new(_key, b"".join(parts), hashlib.sha256).digest()


def link(row: Activity) -> bytes:
    """The hash of a row: over every column and the hash before."""
    told = [
        row.tenant_id, row.id, row.seq, row.at.isoformat(), row.actor_kind, row.actor_id, row.actor_name, row.via_id,
        row.tag, row.data, row.subject_kind, row.subject_id, row.context_id,
    ]  # fmt: skip
    canonical = json.dumps(told, default=str, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return digest(row.prev_hash, canonical.encode())


def seal_of(tenant_id: uuid.UUID, seq: int, last: bytes) -> bytes:
    return digest(b"head", tenant_id.bytes, seq.to_bytes(8, "big"), last)


def end_seal(tenant_id: uuid.UUID, seq: int, last: bytes) -> bytes:
    """Of a log that was deleted with its account; no head can be made of it."""
    return digest(b"end", tenant_id.bytes, seq.to_bytes(8, "big"), last)


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain, as it was read under its lock."""

    tenant_id: uuid.UUID
    seq: int
    hash: bytes
    seal: bytes | None


def holds(head: Head | ChainHead) -> bool:
    return head.seal is not None and hmac.compare_digest(head.seal, seal_of(head.tenant_id, head.seq, head.hash))


def locked_head(session: Session, tenant_id: uuid.UUID) -> Head:
    """The head, made on first use. Its row lock puts a tenant's activities in one order."""
    session.flush()  # what happened is written before it is told
    connection, asked = session.connection(), {"tenant": tenant_id}
    row = connection.execute(_HEAD, asked).one_or_none()
    if row is None:  # two that come first at once meet here
        first = {"tenant_id": tenant_id, "seq": 0, "hash": GENESIS, "seal": seal_of(tenant_id, 0, GENESIS)}
        connection.execute(insert(ChainHead).values(first).on_conflict_do_nothing())
        row = connection.execute(_HEAD, asked).one()
    return Head(*row)


def add(session: Session, head: Head, told: Sequence[Mapping[str, Any]]) -> None:
    """Put links at the end, and the head on to the last; `told` is all columns of each but seq and hashes.

    Work goes on after a tampering, but a seal that was broken stays so.
    """
    rows, seq, last = [], head.seq, head.hash
    for columns in told:
        seq += 1
        row = {**columns, "tenant_id": head.tenant_id, "seq": seq, "prev_hash": last}
        last = link(Activity(**row))
        rows.append({**row, "hash": last})
    seal = seal_of(head.tenant_id, seq, last) if holds(head) else BROKEN if head.seal is not None else None
    connection = session.connection()
    connection.execute(_ADD, rows)
    _move(connection, Head(head.tenant_id, seq, last, seal))


def _move(connection: Connection, head: Head) -> None:
    to = {"to_seq": head.seq, "to_hash": head.hash, "to_seal": head.seal}
    connection.execute(_MOVE, {"tenant": head.tenant_id, **to})


@dataclass(frozen=True, slots=True)
class Break:
    """Where a tenant's chain does not hold: the first bad `seq`, and why."""

    tenant_id: uuid.UUID
    seq: int
    reason: str


def verify(session: Session, tenant_id: uuid.UUID, anchored: Mapping[int, bytes] | None = None) -> Iterator[Break]:
    """Walk one tenant's chain; nothing when it holds.

    `anchored` is seq → hash of heads kept outside the database; every one must still be there.
    """
    anchored = anchored or {}
    previous, expected = GENESIS, 1
    # In pages rather than by a cursor on the server, which a break half-way would leave open.
    for row in _links(session, tenant_id):
        if row.seq != expected:
            yield Break(tenant_id, expected, "missing")
            return
        if row.prev_hash != previous or not hmac.compare_digest(row.hash, link(row)):
            yield Break(tenant_id, row.seq, "changed")
            return
        if anchored.get(row.seq, row.hash) != row.hash:
            yield Break(tenant_id, row.seq, "not_the_anchored_head")
            return
        previous, expected = row.hash, row.seq + 1
    if max(anchored, default=0) >= expected:
        yield Break(tenant_id, expected, "truncated")
        return
    yield from _head_breaks(session, tenant_id, expected, previous)


def _head_breaks(session: Session, tenant_id: uuid.UUID, expected: int, last: bytes) -> Iterator[Break]:
    head = session.get(ChainHead, tenant_id, populate_existing=True)
    if head is None:
        if expected > 1:
            yield Break(tenant_id, expected, "no_head")
    elif head.seq != expected - 1 or head.hash != last:
        yield Break(tenant_id, expected, "head")
    elif not holds(head):
        yield Break(tenant_id, expected, "unsealed" if head.seal is None else "seal")


def _links(session: Session, tenant_id: uuid.UUID, page: int = 1000) -> Iterator[Activity]:
    query = select(Activity).where(Activity.tenant_id == tenant_id).order_by(Activity.seq).limit(page)
    last: int | None = None
    while rows := session.scalars(
        query if last is None else query.where(Activity.seq > last), execution_options={"populate_existing": True}
    ).all():
        yield from rows
        last = rows[-1].seq
        session.expunge_all()


def seal(session: Session, tenant_id: uuid.UUID, anchored: Mapping[int, bytes] | None = None) -> bool:
    """Seal a head that never was, as after an upgrade, when the whole chain holds; whether it was done."""
    head = locked_head(session, tenant_id)
    if head.seal is not None or [b for b in verify(session, tenant_id, anchored) if b.reason != "unsealed"]:
        return False
    _move(session.connection(), replace(head, seal=seal_of(tenant_id, head.seq, head.hash)))
    return True
