"""Credentials at providers, and everything that keeps their tokens from being lost or used twice."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class State(StrEnum):
    INACTIVE = "inactive"
    ACTIVE = "active"
    NEEDS_CONSENT = "needs_consent"
    REFUSED = "refused"
    REVOKED = "revoked"


class Authorisation(TenantRow, Base):
    """One log-in at one provider, under a name. "Expiring" is derived from its credential, not stored."""

    __tablename__ = "authorisations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        Index(
            "uq_authorisations_name",
            "tenant_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index(
            "uq_authorisations_login",
            "tenant_id",
            "app",
            "environment",
            "remote_user_id",
            unique=True,
            postgresql_where=text("remote_user_id <> '' AND removed_at IS NULL"),
        ),
        CheckConstraint("state IN ('inactive','active','needs_consent','refused','revoked')", name="state"),
    )

    app: Mapped[str]
    environment: Mapped[str]  # key of the manifest's hosts, or the address of a server that people named
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default=State.INACTIVE)
    state_code: Mapped[str] = mapped_column(default="")  # why, e.g. "exact.refresh_token_used"
    state_since: Mapped[datetime]
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    deputy_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    remote_user_id: Mapped[str] = mapped_column(default="")
    remote_user_name: Mapped[str] = mapped_column(default="")
    remote_email: Mapped[str] = mapped_column(default="")
    remote_company: Mapped[str] = mapped_column(default="")
    default_dossier: Mapped[str] = mapped_column(default="")
    form: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)  # what was typed for it, without secrets
    dossiers_fetched_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class Credential(Base):
    """The tokens of an authorisation, sealed. `generation` grows by one with each new pair.

    Of one that is signed in by a key, `access_token` holds the secrets of its form as JSON and
    `refresh_token` nothing; it was received when it was last seen to work.
    """

    __tablename__ = "credentials"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"], ["authorisations.tenant_id", "authorisations.id"], ondelete="CASCADE"
        ),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    authorisation_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    generation: Mapped[int]
    access_token: Mapped[bytes]
    refresh_token: Mapped[bytes]
    received_at: Mapped[datetime]
    # The same moment by the steady clock of the machine that received it; see steady.py.
    received_on: Mapped[str] = mapped_column(default="")
    received_tick: Mapped[float | None]
    expires_at: Mapped[datetime]
    refresh_expires_at: Mapped[datetime]
    # Transient failures push the next attempt out; they never change the grant.
    failures: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None]


class RefreshAttempt(TenantRow, Base):
    """Written and committed before the token call, so that a crash during it is known afterwards."""

    __tablename__ = "refresh_attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"], ["authorisations.tenant_id", "authorisations.id"], ondelete="CASCADE"
        ),
        Index("ix_refresh_attempts_open", "tenant_id", "authorisation_id", postgresql_where=text("outcome = 'open'")),
        CheckConstraint("outcome IN ('open','renewed','refused','transient','unknown')", name="outcome"),
    )

    authorisation_id: Mapped[uuid.UUID]
    generation: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(default="open")
    detail: Mapped[str] = mapped_column(default="")


class LoginState(TenantRow, Base):
    """The one-time `state` of a log-in at a provider, bound to session, tenant, provider and purpose."""

    __tablename__ = "login_states"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"], ["authorisations.tenant_id", "authorisations.id"], ondelete="CASCADE"
        ),
        Index("uq_login_states_hash", "tenant_id", "state_hash", unique=True),
    )

    state_hash: Mapped[bytes]
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_sessions.id", ondelete="CASCADE"))
    app: Mapped[str]
    environment: Mapped[str]
    authorisation_id: Mapped[uuid.UUID | None]
    verifier: Mapped[bytes]  # sealed PKCE verifier
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class CallBudget(TenantRow, Base):
    """What a provider still allows, per authorisation, dossier and endpoint ("" = all endpoints).

    The row with endpoint "" counts calls; the others count errors for the breaker. Where all dossiers
    share one limit, the row of dossier "" counts.
    """

    __tablename__ = "call_budgets"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"], ["authorisations.tenant_id", "authorisations.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "authorisation_id", "dossier", "endpoint", name="uq_call_budgets_endpoint"),
    )

    authorisation_id: Mapped[uuid.UUID]
    dossier: Mapped[str]
    endpoint: Mapped[str]
    # Calls by slots of the window, the newest first, that of number `slot` since 1970.
    slot: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    slots: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list, server_default="{}")
    day: Mapped[datetime | None]
    day_used: Mapped[int] = mapped_column(default=0)
    blocked_until: Mapped[datetime | None]
    # When each call under way counts as ended at the latest.
    under_way: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), default=list, server_default="{}")
    free_at: Mapped[datetime | None]  # a sending that was held back may be tried then
    error_hour: Mapped[datetime | None]
    errors: Mapped[int] = mapped_column(default=0)
