"""record() what happened, and read it back as a timeline."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from portal.access import Scope
from portal.activity import chain
from portal.activity.chain import ensure_key, set_key
from portal.activity.models import Activity
from portal.kernel import clock
from portal.kernel.db import uuid7

__all__ = ["Happening", "ensure_key", "record", "record_all", "set_key", "timeline"]


@dataclass(frozen=True, slots=True)
class Happening:
    """What `record` is told."""

    tag: str
    subject: tuple[str, uuid.UUID] | None
    context: uuid.UUID | None
    data: Mapping[str, Any]


def record(
    scope: Scope,
    tag: str,
    subject: tuple[str, uuid.UUID] | None = None,
    *,
    context: uuid.UUID | None = None,
    provider: str = "",
    **data: Any,
) -> None:
    """Write down what happened, in the caller's transaction.

    `tag` is worded when shown ("coupling.activated"); `data` holds strings, numbers and ids,
    no secrets. `subject` is (kind, id); `context` a second record on whose timeline it belongs.
    """
    record_all(scope, [Happening(tag, subject, context, data)], provider=provider)


def record_all(scope: Scope, happenings: Sequence[Happening], *, provider: str = "") -> None:
    """The same for several, in their order: the end of the log is locked once, and they go in together."""
    head = chain.locked_head(scope.session, scope.tenant_id)
    actor = scope.actor
    told = [
        {
            "id": uuid7(),
            "at": clock.now(),
            "actor_kind": "provider" if provider else "person" if actor.user_id else "system",
            "actor_id": actor.user_id,
            "actor_name": provider or actor.name,
            "via_id": actor.via_id,
            "tag": one.tag,
            "data": json.loads(json.dumps(one.data, default=str)),
            "subject_kind": one.subject[0] if one.subject else "tenant",
            "subject_id": one.subject[1] if one.subject else None,
            "context_id": one.context,
        }
        for one in happenings
    ]
    chain.add(scope.session, head, told)


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
