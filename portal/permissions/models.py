"""Job roles of a tenant's own making, groups of bank accounts, legal entities, and who has which.

Somebody with no group is not limited to any account; whoever has groups sees the accounts in them
and no other (see migrations 0023 and 0027, which also says so to the database).
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class LegalEntity(TenantRow, Base):
    """An enterprise whose bank accounts a tenant looks after, by its enterprise number."""

    __tablename__ = "legal_entities"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("scheme IN ('kbo','kvk','siren')", name="scheme"),
        CheckConstraint(
            "enterprise_number ~ CASE scheme WHEN 'kbo' THEN '^[01][0-9]{9}$' WHEN 'kvk' THEN '^[0-9]{8}$'"
            " ELSE '^[0-9]{9}$' END",
            name="enterprise_number",
        ),
        CheckConstraint("length(name) BETWEEN 1 AND 160", name="name"),
        Index("uq_legal_entities_number", "tenant_id", "scheme", "enterprise_number", unique=True),
    )

    name: Mapped[str]
    scheme: Mapped[str]
    enterprise_number: Mapped[str]  # digits only
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class JobRoleRow(TenantRow, Base):
    """A job role: a name; what it gives stands in its rights."""

    __tablename__ = "job_roles"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("length(name) BETWEEN 1 AND 80", name="name"),
        Index("uq_job_roles_name", "tenant_id", text("lower(name)"), unique=True),
    )

    name: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class JobRoleRight(Base):
    """What a job role may on one permission; no row: nothing. Whoever may anything may look."""

    __tablename__ = "job_role_rights"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "job_role_id"], ["job_roles.tenant_id", "job_roles.id"], ondelete="CASCADE"),
        CheckConstraint(
            "rights <@ ARRAY['view','create','edit','approve']::varchar[] AND 'view' = ANY(rights)", name="rights"
        ),
        CheckConstraint("NOT self_approve OR 'approve' = ANY(rights)", name="self_approve"),
        CheckConstraint("permission ~ '^[a-z_]+$'", name="permission"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_role_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    permission: Mapped[str] = mapped_column(primary_key=True)  # portal.permissions.rights.Permission
    rights: Mapped[list[str]] = mapped_column(ARRAY(String))  # portal.permissions.rights.Right
    self_approve: Mapped[bool] = mapped_column(default=False)


class AccountGroup(TenantRow, Base):
    """Bank accounts under one name, of the tenant itself or, for a firm, of the clients that let it in."""

    __tablename__ = "account_groups"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "legal_entity_id"], ["legal_entities.tenant_id", "legal_entities.id"]),
        CheckConstraint("length(name) BETWEEN 1 AND 80", name="name"),
        Index("uq_account_groups_name", "tenant_id", text("lower(name)"), unique=True),
        Index("ix_account_groups_legal_entity", "tenant_id", "legal_entity_id"),
    )

    name: Mapped[str]
    legal_entity_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class AccountGroupAccount(Base):
    """One bank account in one group. Counts only while the tenant reaches the client account."""

    __tablename__ = "account_group_accounts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "group_id"], ["account_groups.tenant_id", "account_groups.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["client_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"], ondelete="CASCADE"
        ),
        Index("ix_account_group_accounts_account", "client_id", "bank_account_id"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    group_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    client_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # whose account it is
    bank_account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    added_at: Mapped[datetime]


class MemberJobRole(Base):
    """A job role of a person. A role that somebody has cannot be removed."""

    __tablename__ = "member_job_roles"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "membership_id"], ["memberships.tenant_id", "memberships.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "job_role_id"], ["job_roles.tenant_id", "job_roles.id"]),
        Index("ix_member_job_roles_role", "tenant_id", "job_role_id"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    membership_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_role_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class MemberGroup(Base):
    """An account group of a person. A group that somebody has cannot be removed: the limit would go with it."""

    __tablename__ = "member_groups"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "membership_id"], ["memberships.tenant_id", "memberships.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "group_id"], ["account_groups.tenant_id", "account_groups.id"]),
        Index("ix_member_groups_group", "tenant_id", "group_id"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    membership_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    group_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
