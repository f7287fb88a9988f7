"""Lists of businesses that are being made into client accounts, row by row, by a job."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class NewcomerList(TenantRow, Base):
    """What a person of the firm asked to be made. `attempts`: how often it was begun since it last got on."""

    __tablename__ = "newcomer_lists"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        Index("ix_newcomer_lists_due", "next_try_at", postgresql_where=text("ended_at IS NULL")),
    )

    authorisation_id: Mapped[uuid.UUID | None]  # out of the dossiers of this log-in, to be coupled next
    asked_at: Mapped[datetime]
    asked_by: Mapped[uuid.UUID]
    asked_name: Mapped[str]
    next_try_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]


class NewcomerRow(TenantRow, Base):
    """One business of a list. `code` and `values` tell why it was refused."""

    __tablename__ = "newcomer_rows"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "list_id"], ["newcomer_lists.tenant_id", "newcomer_lists.id"], ondelete="CASCADE"
        ),
        CheckConstraint("state IN ('waits','made','refused')", name="state"),
        CheckConstraint("(state = 'made') = (client_id IS NOT NULL)", name="made"),
        CheckConstraint("(state = 'refused') = (code <> '')", name="refused"),
        Index("uq_newcomer_rows_row", "tenant_id", "list_id", "row", unique=True),
    )

    list_id: Mapped[uuid.UUID]
    row: Mapped[int]  # where it came from: the line of a file, from 1
    name: Mapped[str]
    scheme: Mapped[str]
    enterprise_number: Mapped[str]
    street: Mapped[str]
    postcode: Mapped[str]
    city: Mapped[str]
    billing_email: Mapped[str]
    state: Mapped[str] = mapped_column(default="waits")
    client_id: Mapped[uuid.UUID | None]  # no key: the row tells what was made, even when that is gone
    code: Mapped[str] = mapped_column(default="")
    values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
