"""Job roles and account groups as people of a tenant have them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, select

from portal.access import Scope
from portal.permissions.deciding import JobRole
from portal.permissions.models import AccountGroup, JobRoleRight, JobRoleRow, MemberGroup, MemberJobRole


def job_roles(scope: Scope, role_ids: Iterable[uuid.UUID] | None = None) -> dict[uuid.UUID, JobRole]:
    """What job roles of the tenant give, by id; all of them when none are named."""
    query = (
        select(JobRoleRow.id, JobRoleRight.permission, JobRoleRight.rights, JobRoleRight.self_approve)
        .outerjoin(
            JobRoleRight,
            (JobRoleRight.tenant_id == JobRoleRow.tenant_id) & (JobRoleRight.job_role_id == JobRoleRow.id),
        )
        .where(JobRoleRow.tenant_id == scope.tenant_id)
    )
    if role_ids is not None:
        query = query.where(JobRoleRow.id.in_(list(role_ids)))
    rows: dict[uuid.UUID, list[tuple[str, list[str], bool]]] = {}
    for role_id, permission, rights, alone in scope.session.execute(query):
        rows.setdefault(role_id, []).extend([(permission, rights, alone)] if permission else [])
    return {role_id: JobRole.of(told) for role_id, told in rows.items()}


def job_roles_of_members(scope: Scope) -> Mapping[uuid.UUID, Mapping[str, JobRole]]:
    """Of each membership, its job roles by name."""
    query = (
        select(
            MemberJobRole.membership_id, JobRoleRow.name, JobRoleRight.permission, JobRoleRight.rights,
            JobRoleRight.self_approve,
        )
        .join(
            JobRoleRow,
            (JobRoleRow.tenant_id == MemberJobRole.tenant_id) & (JobRoleRow.id == MemberJobRole.job_role_id),
        )
        .outerjoin(
            JobRoleRight,
            (JobRoleRight.tenant_id == JobRoleRow.tenant_id) & (JobRoleRight.job_role_id == JobRoleRow.id),
        )
        .where(MemberJobRole.tenant_id == scope.tenant_id)
        .order_by(func.lower(JobRoleRow.name))
    )  # fmt: skip
    found: dict[uuid.UUID, dict[str, list[tuple[str, list[str], bool]]]] = {}
    for member, name, permission, rights, alone in scope.session.execute(query):
        rows = found.setdefault(member, {}).setdefault(name, [])
        rows.extend([(permission, rights, alone)] if permission else [])
    return {member: {name: JobRole.of(rows) for name, rows in held.items()} for member, held in found.items()}


def names_of_groups(scope: Scope) -> Mapping[uuid.UUID, Sequence[str]]:
    """Of each membership, the names of its account groups."""
    query = (
        select(MemberGroup.membership_id, func.array_agg(AccountGroup.name))
        .join(
            AccountGroup,
            (AccountGroup.tenant_id == MemberGroup.tenant_id) & (AccountGroup.id == MemberGroup.group_id),
        )
        .where(MemberGroup.tenant_id == scope.tenant_id)
        .group_by(MemberGroup.membership_id)
    )
    return {member: sorted(names) for member, names in scope.session.execute(query)}
