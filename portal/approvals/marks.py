"""What waits for approval, to be told on the thing that it is about."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select

from portal.access import Permission, Right, Scope
from portal.approvals.models import Decision, State, Task, Verdict, Version
from portal.kernel import clock


@dataclass(frozen=True, slots=True)
class Mark:
    """A task that waits, with its present version. `may_look`: this person may open the page of the task."""

    task: Task
    made: Version
    agreed: int
    may_look: bool


def marks(scope: Scope, subject_kind: str, *subjects: uuid.UUID) -> Sequence[Mark]:
    """Newest first: about these things, or about any of that kind in this tenant, also those that are not there yet."""
    agreed = select(func.count()).where(
        Decision.tenant_id == Task.tenant_id, Decision.task_id == Task.id, Decision.version == Task.version,
        Decision.verdict == Verdict.APPROVED,
    )  # fmt: skip
    present = and_(Version.tenant_id == Task.tenant_id, Version.task_id == Task.id, Version.version == Task.version)
    query = (
        select(Task, Version, agreed.scalar_subquery())
        .join(Version, present)
        .where(Task.subject_kind == subject_kind, Task.state == State.WAITING, Task.expires_at > clock.now())
        .where(Task.subject_id.in_(subjects) if subjects else Task.tenant_id == scope.tenant_id)
        .order_by(Task.created_at.desc())
    )
    return [
        Mark(task, made, number, _may_look(scope, task, made)) for task, made, number in scope.session.execute(query)
    ]


def _may_look(scope: Scope, task: Task, made: Version) -> bool:
    return made.made_by == scope.actor.user_id or scope.may(Permission(task.permission), Right.VIEW)
