"""What waits and what was settled, for the inbox and for the page of one task."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from portal.access import Permission, Right, Scope
from portal.approvals.attending import may_approve
from portal.approvals.models import Decision, State, Task, Version
from portal.approvals.people import Person
from portal.approvals.registry import Kind, kind_of, kinds
from portal.approvals.tasks import version_of
from portal.permissions.deciding import Reason, What

LIMIT = 100  # rows of a list

# Where this person is somebody: here and, for a firm's person, in the client accounts that let the firm in.
_FROM = """
WITH places AS (
  SELECT CAST(:tenant AS uuid) AS tenant_id, 'own' AS place
  UNION ALL SELECT g.tenant_id, g.role FROM grants g
  WHERE g.portal_id = app_portal() AND g.state = 'active' AND g.tenant_id IN (SELECT app_clients())
), rights AS (
  SELECT * FROM unnest(CAST(:places AS text[]), CAST(:permissions AS text[]), CAST(:views AS boolean[]),
    CAST(:approves AS boolean[]), CAST(:selves AS boolean[])) AS r(place, permission, views, approves, selves)
), found AS (
  SELECT t.*, r.views, r.approves AND t.state = 'waiting' AND (r.selves OR NOT m.touched) AND NOT m.decided AS mine,
    m.touched, m.decided
  FROM approval_tasks t JOIN places p ON p.tenant_id = t.tenant_id
  JOIN rights r ON r.place = p.place AND r.permission = t.permission
  CROSS JOIN LATERAL (SELECT
    EXISTS (SELECT 1 FROM approval_versions v WHERE v.tenant_id = t.tenant_id AND v.task_id = t.id
      AND v.made_by = :me) AS touched,
    EXISTS (SELECT 1 FROM approval_decisions d WHERE d.tenant_id = t.tenant_id AND d.task_id = t.id
      AND d.version = t.version AND d.user_id = :me) AS decided) m
)
"""
_WAITED = "SELECT count(*) FROM found f WHERE f.mine"
_COUNTED = """
SELECT count(*) FILTER (WHERE f.mine) AS todo, count(*) FILTER (WHERE f.touched AND f.state = 'waiting') AS mine,
  count(*) FILTER (WHERE f.state = 'waiting') AS waiting, count(*) FILTER (WHERE f.state <> 'waiting') AS done
FROM found f WHERE f.views OR f.touched OR f.decided
"""
_LISTED = """
SELECT f.tenant_id, f.id, f.kind, f.state, f.code, f.needed, f.created_at, f.expires_at, f.settled_at, f.mine,
  f.touched, f.decided, n.name AS account, v.shown, v.made_name, v.made_at, (SELECT count(*)
    FROM approval_decisions d WHERE d.tenant_id = f.tenant_id AND d.task_id = f.id AND d.version = f.version
      AND d.verdict = 'approved') AS agreed
FROM found f JOIN tenants n ON n.id = f.tenant_id
JOIN approval_versions v ON v.tenant_id = f.tenant_id AND v.task_id = f.id AND v.version = f.version
WHERE (f.views OR f.touched OR f.decided) AND CASE :view WHEN 'todo' THEN f.mine
  WHEN 'mine' THEN f.touched AND f.state = 'waiting' WHEN 'waiting' THEN f.state = 'waiting'
  ELSE f.state <> 'waiting' END
ORDER BY coalesce(f.settled_at, f.created_at) DESC, f.id DESC LIMIT :limit
"""
_COUNTS, _ROWS = text(_FROM + _COUNTED), text(_FROM + _LISTED)
# How many tasks wait for this person: a column for whatever a page asks anyway, with the parameters of `asked`.
WAITING = text("(" + _FROM + _WAITED + ") AS approvals")


@dataclass(frozen=True, slots=True)
class Row:
    """A task in a list. `mine`: waits for this person; `agreed` of `needed` approvals are there."""

    tenant_id: uuid.UUID
    id: uuid.UUID
    kind: str
    state: str
    code: str
    needed: int
    created_at: datetime
    expires_at: datetime
    settled_at: datetime | None
    mine: bool
    touched: bool
    decided: bool
    account: str
    shown: Mapping[str, Any]
    made_name: str
    made_at: datetime
    agreed: int


@dataclass(frozen=True, slots=True)
class Inbox:
    rows: Sequence[Row]
    counts: Mapping[str, int]  # by view: todo, mine, waiting, done


@dataclass(frozen=True, slots=True)
class View:
    """One task with all that its page tells. `able`: whose approval would still count, while it waits."""

    task: Task
    kind: Kind
    made: Version  # the present one
    versions: Sequence[Version]
    decisions: Sequence[Decision]
    able: Sequence[Person]
    touched: bool
    decided: bool
    may_decide: bool
    may_edit: bool

    @property
    def waits(self) -> bool:
        return self.task.state == State.WAITING

    @property
    def agreed(self) -> int:
        return sum(one.version == self.task.version and one.verdict == "approved" for one in self.decisions)


def inbox(scope: Scope, view: str) -> Inbox:
    """`view` is todo, mine, waiting or done."""
    values = asked(scope)
    rows = scope.session.execute(_ROWS, values | {"limit": LIMIT, "view": view})
    counts = scope.session.execute(_COUNTS, values).one()
    return Inbox([Row(**row._mapping) for row in rows], dict(counts._mapping))


def view_task(scope: Scope, task_id: uuid.UUID) -> View | None:
    """None for a task that this person may neither see nor touched."""
    task = scope.get(Task, task_id)
    mine = (Version.tenant_id == task.tenant_id, Version.task_id == task.id)
    versions = scope.session.scalars(select(Version).where(*mine).order_by(Version.version)).all()
    of_task = (Decision.tenant_id == task.tenant_id, Decision.task_id == task.id)
    decisions = scope.session.scalars(select(Decision).where(*of_task).order_by(Decision.decided_at)).all()
    me, permission = scope.actor.user_id, Permission(task.permission)
    touched = any(one.made_by == me for one in versions)
    decided = any(one.user_id == me and one.version == task.version for one in decisions)
    if not (touched or decided or scope.may(permission, Right.VIEW)):
        return None
    kind, waits = kind_of(task.kind), task.state == State.WAITING
    allowed = scope.decide(What(permission, Right.APPROVE, touched=touched)).allowed
    return View(
        task, kind, versions[task.version - 1], versions, decisions, may_approve(scope, task) if waits else (),
        touched, decided, waits and allowed and not decided,
        waits and kind.choices is not None and scope.may(kind.permission, kind.right),
    )  # fmt: skip


def names_of_approvers(scope: Scope, task: Task) -> Sequence[str]:
    return [one.name for one in may_approve(scope, task)]


def payload_of(scope: Scope, task: Task) -> Mapping[str, Any]:
    """What the present version would do, to be edited."""
    return version_of(scope, task).payload


def asked(scope: Scope) -> dict[str, Any]:
    """The parameters of every statement here: where, who, and with which rights."""
    rights = list(_rights(scope))
    columns: Sequence[Sequence[Any]] = list(zip(*rights, strict=True))
    names = ("places", "permissions", "views", "approves", "selves")
    return {name: list(column) for name, column in zip(names, columns, strict=True)} | {
        "tenant": scope.tenant_id, "me": scope.actor.user_id,
    }  # fmt: skip


def _rights(scope: Scope) -> Iterator[tuple[str, str, bool, bool, bool]]:
    """By place ("own", or the role of the grant in a client account) and permission: may see, approve, own work."""
    places = {"own": scope}
    if scope.kind == "portal":
        places |= {role: scope.inside(scope.tenant_id, "", role) for role in ("editor", "reader")}
    for place, there in places.items():
        for permission in sorted({kind.permission for kind in kinds().values()}):
            own = there.decide(What(permission, Right.APPROVE, touched=True))
            others = own.allowed or own.reason is Reason.OWN_WORK
            yield place, str(permission), there.may(permission, Right.VIEW), others, own.allowed
