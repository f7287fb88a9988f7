"""Archives that were asked for, how long things are kept, and accounts that are being deleted."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class Archive(TenantRow, Base):
    """All of an account in one file, asked for by a person, made by a job, gone after a few days."""

    __tablename__ = "archives"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("state IN ('asked','ready','failed','expired')", name="state"),
        Index("uq_archives_asked", "tenant_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index("ix_archives_due", "next_try_at", postgresql_where=text("state = 'asked'")),
    )

    with_clients: Mapped[bool]  # a firm: also the client accounts that let it in
    state: Mapped[str] = mapped_column(default="asked")
    asked_at: Mapped[datetime]
    asked_by: Mapped[uuid.UUID | None]
    asked_name: Mapped[str] = mapped_column(default="")
    next_try_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    accounts: Mapped[int] = mapped_column(default=0)
    files: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)  # bytes
    sha256: Mapped[bytes | None]


class ArchivePart(Base):
    """A mebibyte of an archive."""

    __tablename__ = "archive_parts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "archive_id"], ["archives.tenant_id", "archives.id"], ondelete="CASCADE"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    archive_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class Retention(Base):
    """How long an account keeps what it need not keep for ever; no row: the usual periods."""

    __tablename__ = "retentions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("original_months >= 12", name="original_months"),
        CheckConstraint("trace_days >= 7", name="trace_days"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    original_months: Mapped[int]  # files of documents as they were handed in
    trace_days: Mapped[int]  # what was fetched when, and calls of other software
    hold: Mapped[bool]  # a dispute or an inspection: nothing is removed
    changed_at: Mapped[datetime]


class Erasure(TenantRow, Base):
    """An account that is to be deleted, or was. It outlives the account, so it names nobody.

    `seal` is a keyed digest over the end of the account's log, so that a log which is gone with
    its account is told from one that was taken away.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint("state IN ('held','cancelled','done')", name="state"),
        CheckConstraint("kind IN ('portal','client')", name="kind"),
        Index("uq_erasures_held", "tenant_id", unique=True, postgresql_where=text("state = 'held'")),
        Index("ix_erasures_due", "due_at", postgresql_where=text("state = 'held'")),
    )

    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="held")
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)  # table → rows that were removed
    head_seq: Mapped[int | None]
    head_hash: Mapped[bytes | None]
    seal: Mapped[bytes | None]
