"""Tasks that wait for approval, each of their versions, what people decided, and how many must agree.

What the code refuses here the database refuses too: see the guards of their migration.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class State(StrEnum):
    WAITING = "waiting"
    CARRIED_OUT = "carried_out"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    FAILED = "failed"


class Verdict(StrEnum):
    APPROVED = "approved"
    REFUSED = "refused"


class Task(TenantRow, Base):
    """One thing to be done, of a kind in the registry. What exactly stands in its current version."""

    __tablename__ = "approval_tasks"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("state IN ('waiting','carried_out','refused','withdrawn','expired','failed')", name="state"),
        CheckConstraint("needed BETWEEN 1 AND 3", name="needed"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled"),
        CheckConstraint("(state = 'failed') = (code <> '')", name="code"),
        # Two tasks that wait for the same thing would undo each other.
        Index("uq_approval_tasks_subject", "tenant_id", "kind", "subject_id", unique=True,
              postgresql_where=text("state = 'waiting'")),
        Index("ix_approval_tasks_waiting", "tenant_id", "permission", postgresql_where=text("state = 'waiting'")),
        Index("ix_approval_tasks_settled", "tenant_id", "settled_at"),
        Index("ix_approval_tasks_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )  # fmt: skip

    kind: Mapped[str]
    permission: Mapped[str]  # whose holders approve
    subject_kind: Mapped[str]
    subject_id: Mapped[uuid.UUID | None]  # None: what is to be made is not there yet
    version: Mapped[int]
    needed: Mapped[int] = mapped_column(SmallInteger)  # approvals, of different people
    state: Mapped[str] = mapped_column(default=State.WAITING)
    code: Mapped[str] = mapped_column(default="")  # why it failed
    values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]  # a mail or its expiry is due then
    told: Mapped[int] = mapped_column(SmallInteger, default=0)  # 0 nobody, 1 who may approve, 2 reminded


class Version(Base):
    """What would be done, as somebody wrote it; never changed. Whoever made one has touched the task."""

    __tablename__ = "approval_versions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "task_id"], ["approval_tasks.tenant_id", "approval_tasks.id"], ondelete="CASCADE"
        ),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    task_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)  # plain, without secrets
    subject_state: Mapped[str]  # what the subject was like; when it is another, nothing is done
    shown: Mapped[dict[str, Any]] = mapped_column(JSONB)  # values of the title
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # rows of the diff
    sha256: Mapped[bytes]  # over kind, subject, its state and the payload
    note: Mapped[str] = mapped_column(default="")
    made_by: Mapped[uuid.UUID]
    made_name: Mapped[str]
    via_id: Mapped[uuid.UUID | None]  # the firm through which somebody acted in a client account
    made_at: Mapped[datetime]


class Decision(TenantRow, Base):
    """What one person decided on one version; never changed."""

    __tablename__ = "approval_decisions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "task_id", "version"],
            ["approval_versions.tenant_id", "approval_versions.task_id", "approval_versions.version"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("tenant_id", "task_id", "version", "user_id", name="uq_approval_decisions_person"),
        CheckConstraint("verdict IN ('approved','refused')", name="verdict"),
        CheckConstraint("verdict = 'approved' OR reason <> ''", name="reason"),
    )

    task_id: Mapped[uuid.UUID]
    version: Mapped[int]
    sha256: Mapped[bytes]
    verdict: Mapped[str]
    user_id: Mapped[uuid.UUID]
    user_name: Mapped[str]
    via_id: Mapped[uuid.UUID | None]
    own_work: Mapped[bool]  # by self-approve: this person touched the task
    reason: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime]


class Policy(Base):
    """How many must approve a kind of task in a tenant; a firm's also counts for its people in client accounts."""

    __tablename__ = "approval_policies"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("approvals BETWEEN 0 AND 3", name="approvals"),
        CheckConstraint("above >= 0", name="above"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    approvals: Mapped[int] = mapped_column(SmallInteger)
    above: Mapped[Decimal | None] = mapped_column(Numeric(19, 2))  # counts for larger amounts only, in their currency
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID | None]
