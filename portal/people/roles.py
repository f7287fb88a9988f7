"""Job roles: rights under a name, made and changed by whoever holds those rights.

Every act takes the scope of who asks and plain data, and can be carried out later from the
same data as it was stored: everything is looked up and checked again then.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import delete

from portal.access import Scope
from portal.activity.service import record
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.people import giving
from portal.people.naming import require_free
from portal.people.payload import Payload, a_name, an_id, listed
from portal.people.users import people_having
from portal.permissions.deciding import JobRole
from portal.permissions.models import JobRoleRight, JobRoleRow, MemberJobRole
from portal.permissions.rights import Permission, Right
from portal.tenants.held import job_roles

MOST_NAME = 80


def create_role(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload`: name; rights {permission: [right]}; self_approve [permission]. Returns the id of the role.

    Raises Invalid for a name that is empty or taken and for a right that is none, Forbidden for
    a right or self-approve that the person in scope lacks.
    """
    scope.require(Permission.JOB_ROLES, Right.CREATE)
    name, wanted = a_name(payload, MOST_NAME), parse(payload)
    _require_to_give(scope, JobRole({}), wanted)
    require_free(scope, JobRoleRow, name)
    now = clock.now()
    row = JobRoleRow(tenant_id=scope.tenant_id, id=uuid7(), name=name, created_at=now, changed_at=now)
    scope.session.add(row)
    scope.session.flush()
    _store(scope, row.id, wanted)
    record(scope, "job_role.created", ("job_role", row.id), name=name, rights=told(wanted))
    return row.id


def change_role(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload`: id; name, or rights and self_approve, or all: what is not there stays. Returns the id.

    Counts at the next request of everybody who has the role.

    Raises as `create_role` does; NotFound for a role that is no more. What stays as it was needs
    not be held, so that somebody may take rights away that they lack.
    """
    row = scope.get(JobRoleRow, an_id(payload.get("id"), "id"), lock=True)
    before = job_roles(scope, [row.id])[row.id]
    name = a_name(payload, MOST_NAME) if "name" in payload else row.name
    wanted = parse(payload) if "rights" in payload else before
    if name != row.name:
        scope.require(Permission.JOB_ROLES, Right.EDIT)
        require_free(scope, JobRoleRow, name, row.id)
    _require_to_give(scope, before, wanted)
    if name == row.name and told(before) == told(wanted):
        return row.id
    _store(scope, row.id, wanted)
    old, row.name, row.changed_at = row.name, name, clock.now()
    record(
        scope, "job_role.changed", ("job_role", row.id), name=name, name_before=old, before=told(before),
        rights=told(wanted),
    )  # fmt: skip
    return row.id


def remove_role(scope: Scope, payload: Payload) -> None:
    """`payload`: id. Raises Conflict("job_role.held") while somebody has it."""
    scope.require(Permission.JOB_ROLES, Right.EDIT)
    row = scope.get(JobRoleRow, an_id(payload.get("id"), "id"), lock=True)
    if number := people_having(scope, MemberJobRole, MemberJobRole.job_role_id == row.id):
        raise Conflict("job_role.held", name=row.name, count=number)
    record(scope, "job_role.removed", ("job_role", row.id), name=row.name)
    scope.session.delete(row)
    scope.session.flush()


def parse(payload: Payload) -> JobRole:
    """The rights of a payload; whoever may anything may look. Raises Invalid for a permission or right that is none."""
    given = payload.get("rights") or {}
    if not isinstance(given, Mapping):
        raise Invalid("people.choice", field="rights")
    try:
        rights = {Permission(name): frozenset(Right(one) for one in listed(given, name)) for name in given}
        alone = frozenset(Permission(name) for name in listed(payload, "self_approve"))
    except ValueError:
        raise Invalid("people.choice", field="rights") from None
    rights = {permission: held | {Right.VIEW} for permission, held in rights.items() if held}
    for permission in alone:
        if Right.APPROVE not in rights.get(permission, ()):
            raise Invalid("job_role.self_approve", field="rights", missing=permission)
    return JobRole(rights, alone)


def told(role: JobRole) -> dict[str, list[str]]:
    """{permission: rights, and "self_approve"}, as the activity log keeps it."""
    return {
        permission.value: [right.value for right in Right if right in held]
        + (["self_approve"] if permission in role.self_approve else [])
        for permission in Permission
        if (held := role.rights.get(permission))
    }


def _require_to_give(scope: Scope, before: JobRole, wanted: JobRole) -> None:
    if before.rights != wanted.rights:
        scope.require(Permission.PERMISSIONS, Right.EDIT)
    if before.self_approve != wanted.self_approve:
        scope.require(Permission.SELF_APPROVED, Right.EDIT)
    more = {p: held - before.rights.get(p, frozenset()) for p, held in wanted.rights.items()}
    giving.require_held(scope, more, wanted.self_approve - before.self_approve)


def _store(scope: Scope, role_id: uuid.UUID, role: JobRole) -> None:
    mine = (JobRoleRight.tenant_id == scope.tenant_id, JobRoleRight.job_role_id == role_id)
    scope.session.execute(delete(JobRoleRight).where(*mine))
    scope.session.add_all(
        JobRoleRight(
            tenant_id=scope.tenant_id, job_role_id=role_id, permission=permission.value,
            rights=[right.value for right in Right if right in held], self_approve=permission in role.self_approve,
        )
        for permission, held in role.rights.items()
    )  # fmt: skip
    scope.session.flush()
