"""Runs, the postings by which entries reach the package, and the proof that they did."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow
from portal.kernel.money import Amount


class PostingState(StrEnum):
    INTENT = "intent"  # approved bytes, waiting for their turn
    SENDING = "sending"  # committed before the socket opens; a death from here on is uncertain
    UNCERTAIN = "uncertain"  # may or may not stand in the package: look, do not send
    CONFIRMED = "confirmed"  # found or answered, with the remote id
    REJECTED = "rejected"  # the provider refused it; nothing was booked
    PARKED = "parked"  # a person has to decide, with the evidence


# The only moves there are; the database holds the same table in a trigger.
MOVES: dict[PostingState, frozenset[PostingState]] = {
    # To uncertain only by a restore: what a back-up calls unsent may have been sent since.
    PostingState.INTENT: frozenset(
        {PostingState.SENDING, PostingState.REJECTED, PostingState.PARKED, PostingState.UNCERTAIN}
    ),
    PostingState.SENDING: frozenset(
        {PostingState.CONFIRMED, PostingState.REJECTED, PostingState.UNCERTAIN, PostingState.INTENT}
    ),
    PostingState.UNCERTAIN: frozenset({PostingState.CONFIRMED, PostingState.INTENT, PostingState.PARKED}),
    PostingState.REJECTED: frozenset({PostingState.INTENT}),
    PostingState.PARKED: frozenset({PostingState.INTENT, PostingState.CONFIRMED, PostingState.UNCERTAIN}),
    PostingState.CONFIRMED: frozenset(),
}


class RunBatch(TenantRow, Base):
    """Several runs started together by a firm ("synchronise all"); belongs to the portal."""

    __tablename__ = "run_batches"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),)

    started_by: Mapped[uuid.UUID | None]
    started_at: Mapped[datetime]
    total: Mapped[int]


class Run(TenantRow, Base):
    """One sync of one configuration: drafts what is due, offers what is automatic."""

    __tablename__ = "runs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "configuration_id"], ["configurations.tenant_id", "configurations.id"]),
        CheckConstraint("state IN ('queued','running','done','failed')", name="state"),
        CheckConstraint("cause IN ('schedule','person')", name="cause"),
        Index("ix_runs_batch", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
        Index("ix_runs_configuration", "tenant_id", "configuration_id", "created_at"),
        Index("ix_runs_due", "next_try_at", postgresql_where=text("state IN ('queued','running')")),
        Index(
            "uq_runs_open",
            "tenant_id",
            "configuration_id",
            unique=True,
            postgresql_where=text("state IN ('queued','running')"),
        ),
    )

    configuration_id: Mapped[uuid.UUID]
    batch_id: Mapped[uuid.UUID | None]
    cause: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    started_by: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lines: Mapped[int] = mapped_column(default=0)
    drafted: Mapped[int] = mapped_column(default=0)
    offered: Mapped[int] = mapped_column(default=0)
    blocked: Mapped[int] = mapped_column(default=0)
    code: Mapped[str] = mapped_column(default="")
    values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


class Posting(TenantRow, Base):
    """The one record by which an entry reaches the package. One per entry, for ever."""

    __tablename__ = "postings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "entry_id"], ["entries.tenant_id", "entries.id"]),
        ForeignKeyConstraint(["tenant_id", "coupling_id"], ["couplings.tenant_id", "couplings.id"]),
        UniqueConstraint("tenant_id", "entry_id", name="uq_postings_entry"),
        UniqueConstraint("tenant_id", "reference", name="uq_postings_reference"),
        CheckConstraint("state IN ('intent','sending','uncertain','confirmed','rejected','parked')", name="state"),
        CheckConstraint("state <> 'confirmed' OR remote_id <> ''", name="confirmed_has_remote_id"),
        CheckConstraint("payload_hash = sha256(payload)", name="payload_hash"),
        CheckConstraint("sends <= 2", name="sends"),
        Index("ix_postings_due", "next_try_at", postgresql_where=text("state IN ('intent','sending','uncertain')")),
        Index("ix_postings_coupling", "tenant_id", "coupling_id", "state"),
        Index(
            "ix_postings_turn",
            "tenant_id",
            "coupling_id",
            "next_try_at",
            "id",
            postgresql_where=text("state IN ('intent','sending','uncertain')"),
        ),
    )

    entry_id: Mapped[uuid.UUID]
    coupling_id: Mapped[uuid.UUID]
    reference: Mapped[str]
    payload: Mapped[bytes]  # exactly what is sent
    payload_hash: Mapped[bytes]  # SHA-256, what was previewed and approved
    approved_by: Mapped[uuid.UUID | None]  # None: by the configuration (automatic)
    approved_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default=PostingState.INTENT)
    # The lease: only the holder of the current fence may write `sending` or a result.
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    next_try_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)  # times it was taken up since the last result
    sends: Mapped[int] = mapped_column(default=0)  # times the socket was opened with these bytes
    sending_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(default=0)  # empty look-ups since it became uncertain
    looked_at: Mapped[datetime | None]
    settles_at: Mapped[datetime | None]  # an empty look-up before this moment proves nothing
    remote_id: Mapped[str] = mapped_column(default="")
    remote_number: Mapped[str] = mapped_column(default="")
    remote_debit: Mapped[Decimal | None] = mapped_column(Amount)
    remote_lines: Mapped[int | None]
    confirmed_at: Mapped[datetime | None]
    code: Mapped[str] = mapped_column(default="")
    provider_text: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    @property
    def looked_empty(self) -> bool:
        """Whether it was never sent, or a look-up after the last sending had settled found nothing."""
        if self.sends == 0:
            return True
        since = self.sending_at
        return self.looks > 0 and self.looked_at is not None and (since is None or self.looked_at > since)

    @property
    def surely_unbooked(self) -> bool:
        """Whether no sending is in doubt: refused, parked before any call, or not found twice where nothing is sent.

        `sending_at` and `settles_at` are there as long as something may have arrived.
        """
        if self.state == PostingState.REJECTED:
            return True
        if self.state != PostingState.PARKED:
            return False
        never_sent = self.sending_at is None and self.settles_at is None and self.code != "posting.restored"
        return never_sent or (self.code == "posting.coupling_ended" and self.looks > 1 and self.looked_empty)


class Comparison(TenantRow, Base):
    """Both sides laid beside each other for one coupling: what we booked, what stands there."""

    __tablename__ = "comparisons"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "coupling_id"], ["couplings.tenant_id", "couplings.id"], ondelete="CASCADE"),
        Index("ix_comparisons_night", "tenant_id", "night"),
        UniqueConstraint("tenant_id", "coupling_id", "night", name="uq_comparisons_night"),
    )

    coupling_id: Mapped[uuid.UUID]
    night: Mapped[date]
    compared_at: Mapped[datetime]
    offered: Mapped[int]
    booked: Mapped[int]
    found: Mapped[int]
    missing: Mapped[int]
    doubled: Mapped[int]
    altered: Mapped[int]
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)


class CopyList(TenantRow, Base):
    """A configuration that a person of the firm asked to be made at many clients, by a job.

    `choices` are those that were shown. `attempts`: how often it was begun since it last got on.
    """

    __tablename__ = "copy_lists"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        Index("ix_copy_lists_due", "next_try_at", postgresql_where=text("ended_at IS NULL")),
    )

    client_id: Mapped[uuid.UUID]  # whose configuration it is
    configuration_id: Mapped[uuid.UUID]
    app: Mapped[str]
    choices: Mapped[dict[str, Any]] = mapped_column(JSONB)
    asked_at: Mapped[datetime]
    asked_by: Mapped[uuid.UUID]
    asked_name: Mapped[str]
    next_try_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]


class CopyRow(TenantRow, Base):
    """What became of one client of a list: how many bank accounts were configured, and why others were not."""

    __tablename__ = "copy_rows"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "list_id"], ["copy_lists.tenant_id", "copy_lists.id"], ondelete="CASCADE"),
        CheckConstraint("state IN ('waits','made','refused')", name="state"),
        CheckConstraint("(state = 'made') = (made > 0)", name="made"),
        Index("uq_copy_rows_client", "tenant_id", "list_id", "client_id", unique=True),
    )

    list_id: Mapped[uuid.UUID]
    position: Mapped[int]
    client_id: Mapped[uuid.UUID]  # no key: it stays told when the client is gone
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default="waits")
    made: Mapped[int] = mapped_column(default=0)
    reasons: Mapped[list[Any]] = mapped_column(JSONB, default=list)  # [code, values] of each that was not made


class Standing(Base):
    """How a client account stands, kept up in the transactions that change it; one row each.

    The state of the authorisation is not in here: it is joined when read, so that one expired
    consent changes one row and shows at every client at once.
    """

    __tablename__ = "standings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("state IN ('active','attention','stopped','wait_client','none')", name="state"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    code: Mapped[str] = mapped_column(default="")  # the cause, worded when shown
    values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    since: Mapped[datetime]
    last_sync_at: Mapped[datetime | None]
    next_sync_at: Mapped[datetime | None]
    waiting_lines: Mapped[int] = mapped_column(default=0)
    waiting_entries: Mapped[int] = mapped_column(default=0)
    coupling_id: Mapped[uuid.UUID | None]
    changed_at: Mapped[datetime]


class Restore(Base):
    """A moment at which a back-up was put back: entries of before may stand in the package unknown to us."""

    __tablename__ = "restores"

    moment: Mapped[datetime] = mapped_column(primary_key=True)


class Tick(Base):
    """A scheduled task that was started for one moment; the key makes it start once."""

    __tablename__ = "ticks"

    task: Mapped[str] = mapped_column(primary_key=True)
    moment: Mapped[datetime] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    instance: Mapped[str]
