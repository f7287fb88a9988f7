"""Approving and refusing; and carrying out, once, in the transaction of the last approval."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from portal.access import Right, Scope
from portal.approvals.models import Decision, State, Task, Verdict, Version
from portal.approvals.people import Person, acting, people
from portal.approvals.registry import kind_of
from portal.approvals.tasks import makers, settle, tell, version_of, waiting
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Forbidden, Invalid, PortalError
from portal.permissions.deciding import Reason, What
from portal.permissions.rights import Permission

REASON_MOST = 500  # characters


def approve(scope: Scope, task_id: uuid.UUID | str, version: int, sha256: str) -> Task:
    """Agree with exactly this version; the last one that is needed carries it out.

    `sha256` is the hash in hex that was shown. Raises Conflict: "approval.settled", "approval.stale"
    when another version waits by now, "approval.decided" the second time; Forbidden: without the
    right, or "approval.own_work" for whoever touched it. What stands in the way of carrying out
    raises nothing: the task has failed then, with a code.
    """
    task, made = _shown(scope, task_id, version, sha256)
    own_work = _may_decide(scope, task)
    _decide(scope, task, made, Verdict.APPROVED, own_work)
    known = people(scope)
    agreed = _agreed(scope, task, known)
    if len(agreed) >= task.needed:
        _carry_out(scope, task, made, known.get(made.made_by))
    tag = "approval.self_approved" if own_work else "approval.approved"
    tell(scope, tag, task, made.shown, agreed=len(agreed), needed=task.needed)
    if task.state == State.CARRIED_OUT:
        tell(scope, "approval.carried_out", task, made.shown, names=", ".join(agreed))
    elif task.state == State.FAILED:
        tell(scope, "approval.failed", task, made.shown, code=task.code)
    return task


def refuse(scope: Scope, task_id: uuid.UUID | str, version: int, sha256: str, reason: str) -> Task:
    """One no settles it. Raises as `approve` does, and Invalid("approval.reason") without a reason."""
    if not reason.strip():
        raise Invalid("approval.reason", field="reason")
    task, made = _shown(scope, task_id, version, sha256)
    own_work = _may_decide(scope, task)
    _decide(scope, task, made, Verdict.REFUSED, own_work, reason.strip()[:REASON_MOST])
    settle(task, State.REFUSED)
    scope.session.flush()
    tell(scope, "approval.refused", task, made.shown, reason=reason.strip()[:REASON_MOST])
    return task


def _shown(scope: Scope, task_id: uuid.UUID | str, version: int, sha256: str) -> tuple[Task, Version]:
    """The task, locked, when it is what was shown."""
    task = waiting(scope, task_id, version)
    made = version_of(scope, task)
    if made.sha256.hex() != sha256:
        raise Conflict("approval.stale")
    return task, made


def _may_decide(scope: Scope, task: Task) -> bool:
    """Whether it is by self-approve. Raises Forbidden for who may not decide it, Conflict the second time."""
    if scope.actor.user_id is None or not scope.role:
        raise Forbidden()
    permission, touched = Permission(task.permission), scope.actor.user_id in makers(scope, task)
    decision = scope.decide(What(permission, Right.APPROVE, touched=touched))
    if decision.reason is Reason.OWN_WORK:
        raise Forbidden("approval.own_work")
    if not decision.allowed:
        raise Forbidden(permission=permission, right=Right.APPROVE)
    mine = (Decision.task_id == task.id, Decision.version == task.version, Decision.user_id == scope.actor.user_id)
    if scope.session.scalar(select(Decision.id).where(Decision.tenant_id == task.tenant_id, *mine)):
        raise Conflict("approval.decided")
    return decision.reason is Reason.SELF_APPROVE


def _decide(scope: Scope, task: Task, made: Version, verdict: Verdict, own_work: bool, reason: str = "") -> None:
    scope.session.add(
        Decision(
            tenant_id=task.tenant_id, id=uuid7(), task_id=task.id, version=made.version, sha256=made.sha256,
            verdict=verdict, user_id=scope.actor.user_id, user_name=scope.actor.name, via_id=scope.actor.via_id,
            own_work=own_work, reason=reason, decided_at=clock.now(),
        )
    )  # fmt: skip
    scope.session.flush()


def _agreed(scope: Scope, task: Task, known: Mapping[uuid.UUID, Person]) -> Sequence[str]:
    """Names of those whose yes to the present version counts now: who lost the right since does not."""
    touched, permission = makers(scope, task), Permission(task.permission)
    query = select(Decision.user_id, Decision.user_name).where(
        Decision.tenant_id == task.tenant_id, Decision.task_id == task.id, Decision.version == task.version,
        Decision.verdict == Verdict.APPROVED,
    )  # fmt: skip
    return [
        name
        for user_id, name in scope.session.execute(query.order_by(Decision.decided_at))
        if user_id in known and known[user_id].may(permission, Right.APPROVE, touched=user_id in touched)
    ]


def _carry_out(scope: Scope, task: Task, made: Version, submitter: Person | None) -> None:
    """As who made this version, whose right counts now; exactly what was approved, of a subject that is as it was."""
    try:
        if submitter is None:
            raise Forbidden("approval.submitter_right", name=made.made_name)
        with acting(scope, submitter) as there, scope.session.begin_nested():
            _do(there, task, made)
    except PortalError as stopped:
        values = {key: str(value) for key, value in stopped.values.items()}
        settle(task, State.FAILED, stopped.code, values)
    scope.session.flush()


def _do(scope: Scope, task: Task, made: Version) -> None:
    kind = kind_of(task.kind)
    if not scope.may(kind.permission, kind.right):
        raise Forbidden("approval.submitter_right", name=made.made_name)
    checked = kind.check(scope, made.payload)
    if checked.sha256(task.kind, made.payload) != made.sha256:
        raise Conflict("approval.subject_changed")
    settle(task, State.CARRIED_OUT)
    scope.session.flush()  # the database looks at the approvals before anything is done
    kind.carry_out(scope, made.payload)
