"""What happened, append-only: the timeline people read, and the chain that proves it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class Activity(TenantRow, Base):
    """`tag` and `data` are stored and worded when shown. `hash` covers all columns and the row before."""

    __tablename__ = "activities"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("actor_kind IN ('person','system','provider')", name="actor_kind"),
        Index("uq_activities_seq", "tenant_id", "seq", unique=True),
        Index("ix_activities_subject", "tenant_id", "subject_id", "seq"),
        Index(
            "ix_activities_context", "tenant_id", "context_id", "seq", postgresql_where=text("context_id IS NOT NULL")
        ),
    )

    seq: Mapped[int]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str] = mapped_column(default="")
    via_id: Mapped[uuid.UUID | None]  # the firm through which a person acted
    tag: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    subject_kind: Mapped[str]
    subject_id: Mapped[uuid.UUID | None]
    # A second record on whose timeline it belongs, e.g. the coupling of an entry.
    context_id: Mapped[uuid.UUID | None]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]


class History(Base):
    """How a row was from one moment to another, written by triggers and by nothing else.

    `told`: from before the database kept history; as the row's own moments tell it.
    """

    __tablename__ = "histories"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("until_at > from_at", name="order"),
        Index("uq_histories_open", "tenant_id", "kind", "key", unique=True, postgresql_where=text("until_at IS NULL")),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # name of the table
    key: Mapped[str] = mapped_column(primary_key=True)
    from_at: Mapped[datetime] = mapped_column(primary_key=True)
    until_at: Mapped[datetime | None]
    row: Mapped[dict[str, Any]] = mapped_column(JSONB)
    told: Mapped[bool]


class ChainHead(Base):
    """Last link of a tenant's chain; its row lock puts a tenant's activities in one order."""

    __tablename__ = "chain_heads"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),)

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
    seal: Mapped[bytes | None]  # NULL: made before heads were sealed
