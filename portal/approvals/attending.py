"""What a task needs while it waits and once it is settled: mails, a reminder after a day, its expiry."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import select, text

from portal.access import Permission, Right, Scope
from portal.approvals.models import Decision, State, Task, Version
from portal.approvals.people import Person, people
from portal.approvals.tasks import makers, settle, tell, version_of
from portal.kernel import clock, mail, queue
from portal.kernel.db import Database, Setting
from portal.runtime import Runtime
from portal.tenants.models import Tenant

REMIND_AFTER = timedelta(days=1)
TOLD, REMINDED = 1, 2
OF_ACCOUNTS = ("entry", "account_group")  # subjects that are about bank accounts
_DUE = text("SELECT tenant_id, id FROM due_approvals(:now, :room)")


def ring_due(database: Database, room: int) -> None:
    """Ring for tasks whose moment has come; a bell that was lost is rung again here."""
    if room <= 0:
        return
    with database.scoped() as session:
        for tenant_id, task_id in session.execute(_DUE, {"now": clock.now(), "room": room}).all():
            queue.ring(session, "approvals.attend", tenant_id, task_id)


def attend(runtime: Runtime, tenant_id: uuid.UUID, task_id: uuid.UUID) -> int:
    """Do what is due for one task, whatever that is; how many mails. Safe to call at any time, any number of times."""
    with runtime.database.scoped(Setting(tenant=tenant_id)) as session:
        tenant = session.get_one(Tenant, tenant_id)
        scope = Scope.system(session, tenant_id, tenant.kind)
        scope.tenant_name = tenant.name
        task = scope.get(Task, task_id, lock=True)
        if task.next_at is None or task.next_at > clock.now():
            return 0
        if task.state == State.WAITING and task.expires_at <= clock.now():
            settle(task, State.EXPIRED)
            session.flush()
            tell(scope, "approval.expired", task, version_of(scope, task).shown)
        if task.state == State.WAITING:
            return _ask(runtime, scope, task)
        task.next_at = None
        return _tell_outcome(runtime, scope, task)


def may_approve(scope: Scope, task: Task) -> list[Person]:
    """Whose approval would count and has not been given yet, by name.

    Not people with account groups where it is about an entry: it may be of an account that they do not see.
    """
    touched, permission = makers(scope, task), Permission(task.permission)
    query = select(Decision.user_id).where(
        Decision.tenant_id == task.tenant_id, Decision.task_id == task.id, Decision.version == task.version
    )
    decided = set(scope.session.scalars(query))
    able = (
        one
        for one in people(scope).values()
        if one.user_id not in decided
        and not (one.limited and task.subject_kind in OF_ACCOUNTS)
        and one.may(permission, Right.APPROVE, touched=one.user_id in touched)
    )
    return sorted(able, key=lambda one: (one.name.lower(), one.user_id))


def _ask(runtime: Runtime, scope: Scope, task: Task) -> int:
    """To everybody who may approve: once when it is submitted, and once more after a day."""
    reminder = task.told == TOLD
    task.told = REMINDED if reminder else TOLD
    task.next_at = task.expires_at if reminder else min(clock.now() + REMIND_AFTER, task.expires_at)
    return _mail(runtime, scope, task, may_approve(scope, task), "approval_waits", reminder="1" if reminder else "")


def _tell_outcome(runtime: Runtime, scope: Scope, task: Task) -> int:
    """To those who made it; not to whoever withdrew it, who knows."""
    if task.state == State.WITHDRAWN:
        return 0
    touched = makers(scope, task)
    query = select(Decision.user_name, Decision.reason).where(
        Decision.tenant_id == task.tenant_id, Decision.task_id == task.id, Decision.version == task.version
    )
    decided = scope.session.execute(query.order_by(Decision.decided_at)).all()
    more = {
        "state": task.state, "names": ", ".join(name for name, _reason in decided), "code": task.code,
        "values": json.dumps(task.values), "reason": next((reason for _name, reason in decided if reason), ""),
    }  # fmt: skip
    to = [one for one in people(scope).values() if one.user_id in touched]
    return _mail(runtime, scope, task, to, "approval_outcome", **more)


def _mail(runtime: Runtime, scope: Scope, task: Task, to: Iterable[Person], template: str, **more: str) -> int:
    made: Version = version_of(scope, task)
    place = "p" if scope.kind == "portal" else "c"
    values = {
        "kind": task.kind, "shown": json.dumps(made.shown), "by": made.made_name, "note": made.note,
        "account": scope.tenant_name, "expires": clock.day(task.expires_at).isoformat(),
        "link": f"{runtime.settings.base_url}/{place}/{task.tenant_id}/approvals/{task.id}",
    }  # fmt: skip
    recipients = list(to)
    for one in recipients:
        mail.write(
            scope.session, runtime.vault, to=one.email, template=template, locale=one.locale,
            values=values | {"person": one.name} | more,
        )  # fmt: skip
    return len(recipients)
