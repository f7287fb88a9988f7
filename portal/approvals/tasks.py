"""Doing something at once or submitting it, and what its makers do with a task that waits."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.access import Scope
from portal.activity.service import record
from portal.approvals import policies
from portal.approvals.models import Decision, State, Task, Verdict, Version
from portal.approvals.registry import Checked, Kind, Payload, kind_of
from portal.kernel import clock, queue
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Forbidden, Invalid

EXPIRES = timedelta(days=14)
NOTE_MOST = 500  # characters


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: done now, with the kind's own result, or a task that waits."""

    result: Any = None
    task: Task | None = None


def perform(scope: Scope, kind_name: str, payload: Payload, note: str = "") -> Outcome:
    """Do it at once where nobody needs to approve, else submit it.

    Raises what the kind's check raises, Forbidden, and Conflict("approval.waits_already") when a
    task for the same thing waits.
    """
    kind = kind_of(kind_name)
    scope.require(kind.permission, kind.right)
    checked = kind.check(scope, payload)
    number = policies.needed(scope, kind, checked, payload) if scope.actor.user_id else 0
    if not number:
        return Outcome(result=kind.carry_out(scope, payload))
    return Outcome(task=_submit(scope, kind, payload, checked, number, note))


def _submit(scope: Scope, kind: Kind, payload: Payload, checked: Checked, number: int, note: str) -> Task:
    now = clock.now()
    task = Task(
        tenant_id=scope.tenant_id, id=uuid7(), kind=kind.name, permission=kind.permission, version=1, needed=number,
        subject_kind=checked.subject_kind, subject_id=checked.subject_id, created_at=now, expires_at=now + EXPIRES,
        next_at=now, values={},
    )  # fmt: skip
    try:
        with scope.session.begin_nested():
            scope.session.add(task)
    except IntegrityError as error:
        if "uq_approval_tasks_subject" in str(error.orig):
            raise Conflict("approval.waits_already") from None
        raise
    _write(scope, task, 1, payload, checked, note)
    tell(scope, "approval.submitted", task, checked.shown, needed=number)
    return task


def edit(scope: Scope, task_id: uuid.UUID | str, version: int, payload: Payload, note: str = "") -> Task:
    """Another version of a task that waits. What was approved before no longer counts.

    Raises Conflict: "approval.settled", "approval.stale" when `version` is not the present one,
    "approval.other_subject"; Invalid("approval.same") when nothing differs; and as `perform` does.
    """
    task = waiting(scope, task_id, version)
    kind, made = kind_of(task.kind), version_of(scope, task)
    scope.require(kind.permission, kind.right)
    checked = kind.check(scope, payload)
    if (checked.subject_kind, checked.subject_id) != (task.subject_kind, task.subject_id):
        raise Conflict("approval.other_subject")
    if checked.sha256(kind.name, payload) == made.sha256 and note.strip() == made.note:
        raise Invalid("approval.same")
    voided = approved_by(scope, task)
    _write(scope, task, task.version + 1, payload, checked, note)
    task.version += 1
    task.needed = max(task.needed, policies.needed(scope, kind, checked, payload))
    task.expires_at, task.next_at, task.told = clock.now() + EXPIRES, clock.now(), 0
    scope.session.flush()
    tell(scope, "approval.edited", task, checked.shown, voided=", ".join(voided))
    return task


def withdraw(scope: Scope, task_id: uuid.UUID | str) -> Task:
    """By somebody who made a version of it. Raises Forbidden("approval.not_yours"), Conflict("approval.settled")."""
    task = waiting(scope, task_id)
    if scope.actor.user_id not in makers(scope, task):
        raise Forbidden("approval.not_yours")
    settle(task, State.WITHDRAWN)
    scope.session.flush()
    tell(scope, "approval.withdrawn", task, version_of(scope, task).shown)
    return task


# ------------------------------------------------------------------ what tasks are made of


def waiting(scope: Scope, task_id: uuid.UUID | str, version: int | None = None) -> Task:
    """The task, locked. Raises NotFound, Conflict "approval.settled", and "approval.stale" for another version."""
    task = scope.get(Task, task_id, lock=True)
    if task.state != State.WAITING or task.expires_at <= clock.now():
        raise Conflict("approval.settled")
    if version is not None and task.version != version:
        raise Conflict("approval.stale")
    return task


def version_of(scope: Scope, task: Task) -> Version:
    """The present one."""
    key = (Version.tenant_id == task.tenant_id, Version.task_id == task.id, Version.version == task.version)
    return scope.session.scalars(select(Version).where(*key)).one()


def makers(scope: Scope, task: Task) -> set[uuid.UUID]:
    """Everybody who made a version of it, whichever: they touched it."""
    query = select(Version.made_by).where(Version.tenant_id == task.tenant_id, Version.task_id == task.id)
    return set(scope.session.scalars(query))


def approved_by(scope: Scope, task: Task) -> Sequence[str]:
    """The names of those who approved the present version."""
    query = select(Decision.user_name).where(
        Decision.tenant_id == task.tenant_id, Decision.task_id == task.id, Decision.version == task.version,
        Decision.verdict == Verdict.APPROVED,
    )  # fmt: skip
    return scope.session.scalars(query.order_by(Decision.decided_at)).all()


def settle(task: Task, state: State, code: str = "", values: dict[str, Any] | None = None) -> None:
    task.state, task.code, task.values = state, code, values or {}
    task.settled_at = task.next_at = clock.now()


def tell(scope: Scope, tag: str, task: Task, shown: Any, **more: Any) -> None:
    """On the timeline of the task and of what it is about; and ring for the mails."""
    record(
        scope, tag, ("approval", task.id), context=task.subject_id, kind=task.kind, shown=dict(shown),
        version=task.version, **more,
    )  # fmt: skip
    if task.next_at is not None:
        queue.ring(scope.session, "approvals.attend", task.tenant_id, task.id)


def _write(scope: Scope, task: Task, number: int, payload: Payload, checked: Checked, note: str) -> None:
    """The version itself, before the task points at it: the database lets it point at none that is not there."""
    if scope.actor.user_id is None:
        raise Forbidden()
    made = Version(
        tenant_id=task.tenant_id, task_id=task.id, version=number, payload=dict(payload),
        subject_state=checked.state, shown=dict(checked.shown), changes=checked.rows(),
        sha256=checked.sha256(task.kind, payload), note=note.strip()[:NOTE_MOST], made_by=scope.actor.user_id,
        made_name=scope.actor.name, via_id=scope.actor.via_id, made_at=clock.now(),
    )  # fmt: skip
    scope.session.add(made)
    scope.session.flush()
