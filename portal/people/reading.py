"""What the pages show: job roles, account groups, legal entities, and what each person has of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text

from portal.access import Scope
from portal.identity.models import User
from portal.permissions.deciding import JobRole
from portal.permissions.models import AccountGroup, JobRoleRow, LegalEntity, MemberJobRole
from portal.tenants.held import job_roles, job_roles_of_members, names_of_groups
from portal.tenants.models import Membership

MOST_ACCOUNTS = 200  # shown at once when choosing; the search narrows them


@dataclass(frozen=True, slots=True)
class RoleRow:
    id: uuid.UUID
    name: str
    people: int
    role: JobRole


@dataclass(frozen=True, slots=True)
class GroupRow:
    id: uuid.UUID
    name: str
    entity_id: uuid.UUID | None
    entity: str
    accounts: int
    people: int


@dataclass(frozen=True, slots=True)
class EntityRow:
    id: uuid.UUID
    name: str
    scheme: str
    number: str
    groups: int


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A bank account within reach; `client` is the name of the client account it is of."""

    client_id: uuid.UUID
    id: uuid.UUID
    client: str
    name: str
    number: str
    chosen: bool

    @property
    def value(self) -> str:
        """As a form sends it."""
        return f"{self.client_id}:{self.id}"


@dataclass(frozen=True, slots=True)
class PersonRow:
    user_id: uuid.UUID
    membership_id: uuid.UUID
    name: str
    email: str
    role: str
    proved: bool
    job_roles: Sequence[str]
    groups: Sequence[str]


def roles(scope: Scope) -> Sequence[RoleRow]:
    """Every job role, by name."""
    having = (
        select(func.count())
        .select_from(MemberJobRole)
        .join(
            Membership,
            (Membership.tenant_id == MemberJobRole.tenant_id) & (Membership.id == MemberJobRole.membership_id),
        )
        .where(
            MemberJobRole.tenant_id == JobRoleRow.tenant_id,
            MemberJobRole.job_role_id == JobRoleRow.id,
            Membership.ended_at.is_(None),
        )
        .scalar_subquery()
    )
    query = select(JobRoleRow.id, JobRoleRow.name, having).where(JobRoleRow.tenant_id == scope.tenant_id)
    given = job_roles(scope)
    rows = scope.session.execute(query.order_by(func.lower(JobRoleRow.name)))
    return [RoleRow(key, name, people, given[key]) for key, name, people in rows]


_GROUPS = text(
    "SELECT g.id, g.name, g.legal_entity_id, coalesce(e.name, ''),"
    " (SELECT count(*) FROM account_group_accounts a JOIN bank_accounts b ON b.tenant_id = a.client_id"
    "  AND b.id = a.bank_account_id WHERE a.tenant_id = g.tenant_id AND a.group_id = g.id),"
    " (SELECT count(*) FROM member_groups h JOIN memberships m ON m.tenant_id = h.tenant_id AND m.id = h.membership_id"
    "  AND m.ended_at IS NULL WHERE h.tenant_id = g.tenant_id AND h.group_id = g.id)"
    " FROM account_groups g LEFT JOIN legal_entities e ON e.tenant_id = g.tenant_id AND e.id = g.legal_entity_id"
    " WHERE g.tenant_id = :tenant ORDER BY lower(g.name)"
)


def groups(scope: Scope) -> Sequence[GroupRow]:
    """Every account group, by name, with the accounts in it that are within reach now."""
    return [GroupRow(*row) for row in scope.session.execute(_GROUPS, {"tenant": scope.tenant_id})]


def entities(scope: Scope) -> Sequence[EntityRow]:
    of_it = (
        select(func.count())
        .where(AccountGroup.tenant_id == LegalEntity.tenant_id, AccountGroup.legal_entity_id == LegalEntity.id)
        .scalar_subquery()
    )
    query = (
        select(LegalEntity.id, LegalEntity.name, LegalEntity.scheme, LegalEntity.enterprise_number, of_it)
        .where(LegalEntity.tenant_id == scope.tenant_id)
        .order_by(func.lower(LegalEntity.name))
    )
    return [EntityRow(*row) for row in scope.session.execute(query)]


_ACCOUNTS = text(
    "SELECT b.tenant_id, b.id, t.name, b.name, b.number, a.bank_account_id IS NOT NULL AS chosen, count(*) OVER ()"
    " FROM bank_accounts b JOIN tenants t ON t.id = b.tenant_id"
    " LEFT JOIN account_group_accounts a ON a.tenant_id = :tenant AND a.group_id = :group_id"
    "  AND a.client_id = b.tenant_id AND a.bank_account_id = b.id"
    " WHERE :find = '' OR strpos(lower(b.name || ' ' || t.name), lower(:find)) > 0"
    "  OR strpos(b.number, upper(replace(:find, ' ', ''))) > 0"
    " ORDER BY chosen DESC, lower(t.name), b.name, b.number LIMIT :most"
)


def accounts(
    scope: Scope, group_id: uuid.UUID | None = None, find: str = "", most: int = MOST_ACCOUNTS
) -> tuple[Sequence[AccountRow], int]:
    """Those that answer to the search, in the group first; and how many they are in all."""
    asked = {"tenant": scope.tenant_id, "group_id": group_id, "find": find.strip(), "most": most}
    rows = scope.session.execute(_ACCOUNTS, asked).all()
    return [AccountRow(*row[:6]) for row in rows], rows[0][6] if rows else 0


def people(scope: Scope) -> Sequence[PersonRow]:
    """Everybody of the tenant, by name, with job roles and account groups."""
    query = (
        select(User.id, Membership.id, User.name, User.email, Membership.role, User.email_verified_at.is_not(None))
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.tenant_id == scope.tenant_id, Membership.ended_at.is_(None))
        .order_by(func.lower(User.name))
    )
    held, within = job_roles_of_members(scope), names_of_groups(scope)
    return [
        PersonRow(*row, tuple(held.get(row[1], ())), tuple(within.get(row[1], ())))
        for row in scope.session.execute(query)
    ]
