"""What of which bank line settles which document, and whose accounts are known by it."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow
from portal.kernel.money import Amount


class Match(TenantRow, Base):
    """A part of a line, of one sign with the document; without a document, what a person left on suspense.

    The database keeps `statement_lines.matched` and `documents.settled` as the sums of what is not
    undone, holds them within the line and the document, and lets nothing change once a line is sent.
    """

    __tablename__ = "matches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "line_id"], ["statement_lines.tenant_id", "statement_lines.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"),
        CheckConstraint("how IN ('certain','proposed','hand','rest')", name="how"),
        CheckConstraint("(how = 'rest') = (document_id IS NULL)", name="document"),
        CheckConstraint("amount <> 0", name="amount"),
        Index("ix_matches_line", "tenant_id", "line_id", postgresql_where=text("undone_at IS NULL")),
        Index("ix_matches_document", "tenant_id", "document_id", postgresql_where=text("undone_at IS NULL")),
    )

    line_id: Mapped[uuid.UUID]
    document_id: Mapped[uuid.UUID | None]
    amount: Mapped[Decimal] = mapped_column(Amount)  # the bank's sign for invoices, the other one for what is set off
    how: Mapped[str]  # certain: accepted with others in one go · proposed · hand · rest: left on suspense
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    matched_at: Mapped[datetime]
    matched_by: Mapped[uuid.UUID | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[uuid.UUID | None]


class PartyAccount(TenantRow, Base):
    """An account from which a customer paid, or on which a supplier was paid, as often as it was matched."""

    __tablename__ = "party_accounts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "account", "party_key", name="uq_party_accounts_account"),
    )

    account: Mapped[str]
    party_key: Mapped[str]
    times: Mapped[int]
