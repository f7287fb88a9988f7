"""Tenants, who belongs to them, and who was let in by whom."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow, uuid7

PORTAL_ROLES = ("administrator", "staff", "reader", "custom")
CLIENT_ROLES = ("owner", "editor", "reader", "custom")
GRANT_ROLES = ("editor", "reader")
SOFTWARE = "software"  # the role of accounting software, which is no person: see portal.software


class Tenant(Base):
    """A firm's portal, or a client account. Its own id is its tenant."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("kind IN ('portal','client')", name="kind"),
        CheckConstraint("scheme IN ('kbo','kvk','siren')", name="scheme"),
        CheckConstraint("country IN ('BE','NL','FR')", name="country"),
        CheckConstraint("kind = 'client' OR email IS NOT NULL", name="portal_email"),
        # A portal is found by its proved address, so that a grant can name it.
        Index(
            "uq_tenants_portal_email",
            text("lower(email)"),
            unique=True,
            postgresql_where=text("kind = 'portal' AND email_verified_at IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    kind: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None]
    email_verified_at: Mapped[datetime | None]
    country: Mapped[str]
    scheme: Mapped[str]
    enterprise_number: Mapped[str]  # digits only
    vat_number: Mapped[str] = mapped_column(default="")
    street: Mapped[str] = mapped_column(default="")
    postcode: Mapped[str] = mapped_column(default="")
    city: Mapped[str] = mapped_column(default="")
    billing_email: Mapped[str] = mapped_column(default="")
    zone: Mapped[str] = mapped_column(default="Europe/Brussels")
    rehearsal: Mapped[bool] = mapped_column(default=False)
    # In a firm: whoever comes to it sees assigned clients alone, unless it is said otherwise of the person.
    assigned_only: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Membership(TenantRow, Base):
    __tablename__ = "memberships"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        Index("uq_memberships_user", "tenant_id", "user_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_memberships_user_id", "user_id"),
        CheckConstraint("role IN ('administrator','staff','reader','owner','editor','custom','software')", name="role"),
        # Accounting software belongs to one tenant, once and for all.
        Index("uq_memberships_software", "user_id", unique=True, postgresql_where=text("role = 'software'")),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[str]
    assigned_only: Mapped[bool] = mapped_column(default=False, server_default="false")  # sees assigned clients alone
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Grant(TenantRow, Base):
    """A client lets an e-mail address into its account. Pending until somebody proves to hold it."""

    __tablename__ = "grants"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("role IN ('editor','reader')", name="role"),
        CheckConstraint("state IN ('pending','active','withdrawn','ended')", name="state"),
        CheckConstraint(
            "state IN ('pending','withdrawn','ended') OR num_nonnulls(portal_id, user_id) = 1", name="holder"
        ),
        Index(
            "uq_grants_email",
            "tenant_id",
            text("lower(email)"),
            unique=True,
            postgresql_where=text("state IN ('pending','active')"),
        ),
        Index("ix_grants_portal", "portal_id", "tenant_id", postgresql_where=text("state = 'active'")),
        Index("ix_grants_user", "user_id", "tenant_id", postgresql_where=text("state = 'active'")),
        Index("ix_grants_pending", text("lower(email)"), postgresql_where=text("state = 'pending'")),
    )

    email: Mapped[str]
    role: Mapped[str]
    state: Mapped[str]
    ends_on: Mapped[date | None]  # last day of access
    portal_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]
    activated_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[uuid.UUID | None]


class Assignment(TenantRow, Base):
    """Who of the firm looks after a client account, from when to when; it counts while it lasts.

    `ends_at` None: until further notice. With an end and a reason it is access for a time.
    """

    __tablename__ = "assignment_periods"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("ends_at >= starts_at", name="order"),
        Index(
            "uq_assignment_periods_open",
            "tenant_id",
            "client_id",
            "user_id",
            unique=True,
            postgresql_where=text("ends_at IS NULL"),
        ),
        Index("ix_assignment_periods_person", "tenant_id", "user_id", "client_id"),
        Index(
            "ix_assignment_periods_untold",
            "ends_at",
            postgresql_where=text("ends_at IS NOT NULL AND told_at IS NULL"),
        ),
    )

    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tenants.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ends_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="", server_default="")
    given_by: Mapped[uuid.UUID | None]
    told_at: Mapped[datetime | None]  # when its end was written down in the activity log


class AccessRequest(TenantRow, Base):
    """A firm (the tenant of this row) asks a person for access; that person's client account decides."""

    __tablename__ = "access_requests"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("state IN ('asked','granted','declined','withdrawn')", name="state"),
        Index("ix_access_requests_email", text("lower(email)"), postgresql_where=text("state = 'asked'")),
    )

    email: Mapped[str]
    firm_name: Mapped[str]
    firm_email: Mapped[str]
    role: Mapped[str]
    message: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    asked_by: Mapped[uuid.UUID | None]
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    client_id: Mapped[uuid.UUID | None]


class Takeover(TenantRow, Base):
    """A firm invites the owner of an enterprise to take over the client account that it made for it."""

    __tablename__ = "takeovers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("state IN ('asked','taken','declined','withdrawn')", name="state"),
        CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided"),
        Index("uq_takeovers_asked", "tenant_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index("ix_takeovers_email", text("lower(email)"), postgresql_where=text("state = 'asked'")),
    )

    email: Mapped[str]
    client_name: Mapped[str]
    firm_name: Mapped[str]
    state: Mapped[str]
    asked_by: Mapped[uuid.UUID | None]
    asked_at: Mapped[datetime]
    ends_at: Mapped[datetime]  # from then on it can be taken no more
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[uuid.UUID | None]


class Management(TenantRow, Base):
    """From when to when a firm manages a client account (the tenant of this row), and is billed for it.

    The client account of somebody who manages it alone has none.
    """

    __tablename__ = "managements"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("stops_on >= starts_on", name="order"),
        Index("ix_managements_portal", "portal_id", "tenant_id"),
    )

    portal_id: Mapped[uuid.UUID]  # no key: the account keeps its history when the firm goes
    starts_on: Mapped[date]
    stops_on: Mapped[date | None]  # the first day on which it no longer does
    noted_at: Mapped[datetime]
    noted_by: Mapped[uuid.UUID | None]
