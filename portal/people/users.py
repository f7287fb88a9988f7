"""People of a tenant: invited, changed, let go. What they get is never more than whoever gives it has.

Every act takes the scope of who asks and plain data, and can be carried out later from the
same data as it was stored: everything is looked up and checked again then.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, select

from portal import runtime
from portal.access import Scope
from portal.activity.service import record
from portal.identity.inviting import invite
from portal.identity.models import LOCALES, User
from portal.identity.service import clean_email, find_user
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.people import giving
from portal.people.payload import Payload, an_id, ids
from portal.permissions.models import AccountGroup, JobRoleRow, MemberGroup, MemberJobRole
from portal.permissions.rights import Permission, Right
from portal.tenants.models import CLIENT_ROLES, PORTAL_ROLES, Membership, Tenant
from portal.tenants.service import end_membership, get_tenant, members


def create_user(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload`: email; name (of somebody new here); role; job_roles [id]; groups [id]. Returns the membership's id.

    Somebody who has not proved the address gets a mail to choose a password, anybody else one that
    says so. Raises Invalid for an address, name or role that cannot be and for somebody who is
    here already; NotFound for a job role or group that is not; Forbidden for what whoever asks lacks.
    """
    scope.require(Permission.CREATE_USER, Right.CREATE)
    role = checked_role(scope, payload)
    roles, groups = _chosen(scope, payload)
    giving.require_built_in(scope, role)
    giving.require_job_roles(scope, roles)
    giving.require_within(scope, groups)
    _require_new(scope, payload)
    made, asker = runtime.get(), scope.session.get(User, scope.actor.user_id) if scope.actor.user_id else None
    tenant = get_tenant(scope)
    user = invite(
        scope.session, made.vault, email=str(payload.get("email") or ""), name=str(payload.get("name") or ""),
        locale=asker.locale if asker else LOCALES[0], to=tenant.name, by=scope.actor.name or tenant.name,
        base_url=made.settings.base_url,
    )  # fmt: skip
    row = Membership(
        tenant_id=scope.tenant_id, id=uuid7(), user_id=user.id, role=role, created_at=clock.now(),
        assigned_only=(tenant.assigned_only or scope.clients is not None) and role != "administrator",
    )  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    _give(scope, row.id, roles, groups)
    record(
        scope, "member.added", ("user", user.id), name=user.name, role=role, job_roles=names(scope, JobRoleRow, roles),
        groups=names(scope, AccountGroup, groups),
    )  # fmt: skip
    return row.id


def change_user(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload`: membership_id; role, job_roles and groups, each only where it changes. Returns the membership's id.

    Counts at that person's next request. Raises as `create_user` does; Conflict("member.last_head")
    when nobody would be left who may put everything right.
    """
    scope.require(Permission.USERS, Right.EDIT)
    lock_tenant(scope)
    row = living(scope, payload)
    had_roles, had_groups = roles_of(scope, row.id), groups_of(scope, row.id)
    role = checked_role(scope, payload) if "role" in payload else row.role
    roles, groups = _chosen(scope, payload, had_roles, had_groups)
    keep_a_head(scope, row, role, groups)
    if role != row.role:
        giving.require_built_in(scope, role)
    giving.require_job_roles(scope, set(roles) - set(had_roles))
    if set(groups) != set(had_groups):
        giving.require_within(scope, groups)
    before = {"role": row.role, "job_roles": had_roles, "groups": had_groups}
    if before == {"role": role, "job_roles": roles, "groups": groups}:
        return row.id
    row.role, row.assigned_only = role, row.assigned_only and role != "administrator"
    _take(scope, row.id)
    _give(scope, row.id, roles, groups)
    _record_change(scope, row, before, roles, groups)
    return row.id


def end_user(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload`: membership_id. Takes effect at that person's next request; returns the person's id."""
    scope.require(Permission.USERS, Right.EDIT)
    lock_tenant(scope)
    row = living(scope, payload)
    keep_a_head(scope, row, "", [])
    end_membership(scope, row.id)
    return row.user_id


# ------------------------------------------------------------------ what is checked


def _require_new(scope: Scope, payload: Payload) -> None:
    """Somebody who is not here yet; and where no name is asked for, nobody who has not been here before."""
    user = find_user(scope.session, clean_email(str(payload.get("email") or "")))
    if user is not None and any(member.user_id == user.id for member in members(scope)):
        raise Invalid("member.already", field="email", email=user.email)
    if "name" not in payload and (user is None or user.email_verified_at is None):
        raise Invalid("member.unknown", field="email", email=str(payload.get("email") or "").strip())


def checked_role(scope: Scope, payload: Payload) -> str:
    """A built-in role of this kind of tenant, or "custom": job roles and nothing else. Raises Invalid."""
    role = str(payload.get("role") or "")
    if role not in (PORTAL_ROLES if scope.kind == "portal" else CLIENT_ROLES):
        raise Invalid("role.unknown", field="role")
    return role


def living(scope: Scope, payload: Payload) -> Membership:
    row = scope.get(Membership, an_id(payload.get("membership_id"), "membership_id"), lock=True)
    if row.ended_at is not None:
        raise NotFound()
    return row


def lock_tenant(scope: Scope) -> None:
    """Two people who put each other out at the same moment come one after the other."""
    scope.session.get(Tenant, scope.tenant_id, with_for_update={"key_share": True}, populate_existing=True)


def keep_a_head(scope: Scope, row: Membership, role: str, groups: Collection[uuid.UUID]) -> None:
    """One administrator or owner remains who sees every account; whoever sees some of them can add none."""
    head = giving.HEADS[scope.kind]
    if row.role != head or (role == head and not groups):
        return
    limited = (MemberGroup.tenant_id == Membership.tenant_id) & (MemberGroup.membership_id == Membership.id)
    query = select(func.count()).where(
        Membership.tenant_id == scope.tenant_id, Membership.role == head, Membership.ended_at.is_(None),
        Membership.id != row.id, ~select(MemberGroup.group_id).where(limited).exists(),
    )  # fmt: skip
    if not scope.session.scalar(query):
        raise Conflict("member.last_head")


def _chosen(
    scope: Scope, payload: Payload, roles: Sequence[uuid.UUID] = (), groups: Sequence[uuid.UUID] = ()
) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Job roles and groups of the payload, else those that are given. Raises NotFound for another tenant's."""
    chosen = ids(payload, "job_roles") if "job_roles" in payload else list(roles)
    within = ids(payload, "groups") if "groups" in payload else list(groups)
    _require_here(scope, JobRoleRow, chosen)
    _require_here(scope, AccountGroup, within)
    return sorted(chosen), sorted(within)


def _require_here(scope: Scope, model: type[Any], wanted: Collection[uuid.UUID]) -> None:
    query = select(model.id).where(model.tenant_id == scope.tenant_id, model.id.in_(wanted))
    if wanted and set(wanted) - set(scope.session.scalars(query.with_for_update(key_share=True, read=True))):
        raise NotFound()


# ------------------------------------------------------------------ what a person has


def roles_of(scope: Scope, membership_id: uuid.UUID) -> list[uuid.UUID]:
    query = select(MemberJobRole.job_role_id).where(
        MemberJobRole.tenant_id == scope.tenant_id, MemberJobRole.membership_id == membership_id
    )
    return sorted(scope.session.scalars(query))


def groups_of(scope: Scope, membership_id: uuid.UUID) -> list[uuid.UUID]:
    query = select(MemberGroup.group_id).where(
        MemberGroup.tenant_id == scope.tenant_id, MemberGroup.membership_id == membership_id
    )
    return sorted(scope.session.scalars(query))


def _give(scope: Scope, membership_id: uuid.UUID, roles: Sequence[uuid.UUID], groups: Sequence[uuid.UUID]) -> None:
    common = {"tenant_id": scope.tenant_id, "membership_id": membership_id}
    scope.session.add_all(MemberJobRole(**common, job_role_id=role) for role in roles)
    scope.session.add_all(MemberGroup(**common, group_id=group) for group in groups)
    scope.session.flush()


def people_having(scope: Scope, link: type[Any], of_it: Any) -> int:
    """How many still belong here and have this; whoever has left no longer counts, and has it no more."""
    gone = select(Membership.id).where(Membership.tenant_id == scope.tenant_id, Membership.ended_at.is_not(None))
    mine = (link.tenant_id == scope.tenant_id, of_it)
    scope.session.execute(delete(link).where(*mine, link.membership_id.in_(gone)))
    return scope.session.scalar(select(func.count()).where(*mine)) or 0


def _take(scope: Scope, membership_id: uuid.UUID) -> None:
    for model in (MemberJobRole, MemberGroup):
        mine = (model.tenant_id == scope.tenant_id, model.membership_id == membership_id)
        scope.session.execute(delete(model).where(*mine))


def _record_change(
    scope: Scope, row: Membership, before: dict[str, Any], roles: Sequence[uuid.UUID], groups: Sequence[uuid.UUID]
) -> None:
    subject, name = ("user", row.user_id), scope.session.get_one(User, row.user_id).name
    if before["role"] != row.role:
        record(scope, "member.role_changed", subject, name=name, before=before["role"], role=row.role)
    if before["job_roles"] != roles:
        old, new = names(scope, JobRoleRow, before["job_roles"]), names(scope, JobRoleRow, roles)
        record(scope, "member.job_roles_changed", subject, name=name, before=old, after=new)
    if before["groups"] != groups:
        old, new = names(scope, AccountGroup, before["groups"]), names(scope, AccountGroup, groups)
        record(scope, "member.groups_changed", subject, name=name, before=old, after=new)


def names(scope: Scope, model: type[Any], wanted: Collection[uuid.UUID]) -> str:
    query = select(model.name).where(model.tenant_id == scope.tenant_id, model.id.in_(wanted)).order_by(model.name)
    return ", ".join(scope.session.scalars(query)) or "–"
