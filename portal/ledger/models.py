"""What the bank says, and what goes out to the books."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow
from portal.kernel.money import Amount


class BankAccount(TenantRow, Base):
    __tablename__ = "bank_accounts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "number", "currency", name="uq_bank_accounts_number"),
    )

    number: Mapped[str]  # IBAN without spaces, or the bank's own number
    currency: Mapped[str]
    name: Mapped[str]
    bic: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class Import(TenantRow, Base):
    """One file that was offered, one fetch of a feed that brought lines, or one statement by hand.

    `sha256` tells the same bytes again; a feed's `format` is the provider.
    """

    __tablename__ = "imports"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("state IN ('stored','known','refused')", name="state"),
        CheckConstraint("origin IN ('file','feed','hand')", name="origin"),
        Index("ix_imports_created", "tenant_id", "created_at"),
    )

    filename: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[bytes]
    origin: Mapped[str] = mapped_column(default="file", server_default="file")
    format: Mapped[str]  # "" when not recognised
    state: Mapped[str]
    code: Mapped[str] = mapped_column(default="")  # why it was refused
    values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    line: Mapped[int | None]
    stored: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]


class Statement(TenantRow, Base):
    __tablename__ = "statements"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"]),
        ForeignKeyConstraint(["tenant_id", "import_id"], ["imports.tenant_id", "imports.id"]),
        # The same statement again, from whatever file: same account, numbers, balances and lines.
        UniqueConstraint("tenant_id", "bank_account_id", "digest", name="uq_statements_digest"),
        UniqueConstraint("tenant_id", "bank_account_id", "id", name="uq_statements_account"),
        Index("ix_statements_closing", "tenant_id", "bank_account_id", "closing_date"),
    )

    bank_account_id: Mapped[uuid.UUID]
    import_id: Mapped[uuid.UUID]
    number: Mapped[str]
    opening: Mapped[Decimal | None] = mapped_column(Amount)
    opening_date: Mapped[date | None]
    closing: Mapped[Decimal | None] = mapped_column(Amount)
    closing_date: Mapped[date | None]
    first_date: Mapped[date | None]
    last_date: Mapped[date | None]
    in_order: Mapped[bool]  # by date, and it shows which end is the older one
    line_count: Mapped[int]
    new_lines: Mapped[int]
    digest: Mapped[bytes]
    created_at: Mapped[datetime]


class StatementLine(TenantRow, Base):
    """`fingerprint` is the line's identity within its bank account, whatever file it came by."""

    __tablename__ = "statement_lines"
    __table_args__ = (
        # With the account in it: a line and its statement are always of one account.
        ForeignKeyConstraint(
            ["tenant_id", "bank_account_id", "statement_id"],
            ["statements.tenant_id", "statements.bank_account_id", "statements.id"],
        ),
        ForeignKeyConstraint(["tenant_id", "entry_id"], ["entries.tenant_id", "entries.id"]),
        UniqueConstraint("tenant_id", "bank_account_id", "fingerprint", name="uq_statement_lines_fingerprint"),
        CheckConstraint("matched BETWEEN least(amount, 0) AND greatest(amount, 0)", name="matched"),
        Index("ix_statement_lines_date", "tenant_id", "bank_account_id", "date", "id"),
        Index(
            "ix_statement_lines_waiting",
            "tenant_id",
            "bank_account_id",
            "date",
            postgresql_where=text("entry_id IS NULL"),
        ),
        Index("ix_statement_lines_entry", "tenant_id", "entry_id", postgresql_where=text("entry_id IS NOT NULL")),
    )

    bank_account_id: Mapped[uuid.UUID]
    statement_id: Mapped[uuid.UUID]
    position: Mapped[int]  # order within the statement, from 1
    value_date: Mapped[date | None]
    date: Mapped[date]  # last of the two: within the class its name then hides the type
    amount: Mapped[Decimal] = mapped_column(Amount)
    # After this line, lines taken in the order of their statement; None when it gives no balance.
    balance: Mapped[Decimal | None] = mapped_column(Amount)
    description: Mapped[str]
    counterparty: Mapped[str]
    counterparty_account: Mapped[str]
    reference: Mapped[str]
    end_to_end_id: Mapped[str]
    bank_reference: Mapped[str]
    transaction_code: Mapped[str]
    details: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    fingerprint: Mapped[bytes]
    # Of `amount`, by reconciliation: the database keeps it, nothing else writes it.
    matched: Mapped[Decimal] = mapped_column(Amount, default=Decimal(0), server_default="0")
    entry_id: Mapped[uuid.UUID | None]


class LineSource(TenantRow, Base):
    """Who told a line, and under which id: a line may have several sources, and one source several ids of it.

    A feed's row keeps the statement it was told in; the row of a file has no `remote_id` and is there
    only where a statement with balances took its line over. Lines are not referred to: a deleted
    line keeps its sources, so that none of them brings it back.
    """

    __tablename__ = "line_sources"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"]),
        UniqueConstraint(
            "tenant_id", "bank_account_id", "provider", "remote_id", "line_id", name="uq_line_sources_remote"
        ),
        Index("ix_line_sources_line", "tenant_id", "line_id"),
    )

    bank_account_id: Mapped[uuid.UUID]
    provider: Mapped[str]
    remote_id: Mapped[str]
    line_id: Mapped[uuid.UUID]
    statement_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]


class PendingLine(TenantRow, Base):
    """What a bank announces and has not booked, as the newest fetch told it."""

    __tablename__ = "pending_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"], ondelete="CASCADE"
        ),
        Index("ix_pending_lines_account", "tenant_id", "bank_account_id", "provider"),
    )

    bank_account_id: Mapped[uuid.UUID]
    provider: Mapped[str]
    remote_id: Mapped[str]
    date: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Amount)
    description: Mapped[str]
    counterparty: Mapped[str]
    counterparty_account: Mapped[str]
    created_at: Mapped[datetime]


class LineChange(TenantRow, Base):
    """What a line said before and after; `applied` False: told by a feed when the line was in an entry already."""

    __tablename__ = "line_changes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"], ondelete="CASCADE"
        ),
        Index("ix_line_changes_line", "tenant_id", "line_id", "changed_at"),
    )

    bank_account_id: Mapped[uuid.UUID]
    line_id: Mapped[uuid.UUID]
    source: Mapped[str]  # "person", or the provider or format that told it
    changed_by: Mapped[uuid.UUID | None]
    changed_name: Mapped[str]
    changed_at: Mapped[datetime]
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    applied: Mapped[bool]


class DeletedLine(TenantRow, Base):
    """A line that a person took out, kept so that no file or feed brings it back, and to put it back.

    `statement` holds the values of its statement when that was taken out with it.
    """

    __tablename__ = "deleted_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"], ondelete="CASCADE"
        ),
        Index("ix_deleted_lines_date", "tenant_id", "bank_account_id", "date", "id"),
    )

    bank_account_id: Mapped[uuid.UUID]
    statement_id: Mapped[uuid.UUID]
    position: Mapped[int]
    value_date: Mapped[date | None]
    date: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Amount)
    balance: Mapped[Decimal | None] = mapped_column(Amount)
    description: Mapped[str]
    counterparty: Mapped[str]
    counterparty_account: Mapped[str]
    reference: Mapped[str]
    end_to_end_id: Mapped[str]
    bank_reference: Mapped[str]
    transaction_code: Mapped[str]
    details: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    fingerprint: Mapped[bytes]
    reason: Mapped[str]
    deleted_by: Mapped[uuid.UUID | None]
    deleted_name: Mapped[str]
    deleted_at: Mapped[datetime]
    statement: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class Entry(TenantRow, Base):
    """A journal entry of one configuration and period; `sequence` > 0 for lines that came late.

    draft: may be corrected. offered: handed to a posting, bytes fixed. Whether it was booked
    is the posting's to say. An entry that `reverses_id` names another in is that one turned round,
    to undo it, and has its period and sequence; `reversed_at` is when that was booked.
    """

    __tablename__ = "entries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "configuration_id"], ["configurations.tenant_id", "configurations.id"]),
        ForeignKeyConstraint(["tenant_id", "coupling_id"], ["couplings.tenant_id", "couplings.id"]),
        ForeignKeyConstraint(["tenant_id", "reverses_id"], ["entries.tenant_id", "entries.id"]),
        UniqueConstraint("tenant_id", "reference", name="uq_entries_reference"),
        CheckConstraint("state IN ('draft','offered','dropped')", name="state"),
        CheckConstraint("(reverses_id IS NULL) = (reason = '')", name="reason"),
        Index(
            "uq_entries_period",
            "tenant_id",
            "configuration_id",
            "period_start",
            "sequence",
            unique=True,
            postgresql_where=text("reverses_id IS NULL"),
        ),
        # Undone once: what was thrown away does not count.
        Index(
            "uq_entries_reverses",
            "tenant_id",
            "reverses_id",
            unique=True,
            postgresql_where=text("reverses_id IS NOT NULL AND state <> 'dropped'"),
        ),
        CheckConstraint("kind IN ('bank','general','sales','purchase')", name="kind"),
        Index("ix_entries_state", "tenant_id", "state", "period_end"),
    )

    configuration_id: Mapped[uuid.UUID]
    coupling_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    reference: Mapped[str]  # ours, found again at the provider
    period_start: Mapped[date]
    period_end: Mapped[date]
    sequence: Mapped[int]
    journal: Mapped[str]
    bank_ledger_account: Mapped[str]
    date: Mapped[date]
    currency: Mapped[str]
    opening: Mapped[Decimal | None] = mapped_column(Amount)
    closing: Mapped[Decimal | None] = mapped_column(Amount)
    state: Mapped[str] = mapped_column(default="draft")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    offered_at: Mapped[datetime | None]
    offered_by: Mapped[uuid.UUID | None]
    reverses_id: Mapped[uuid.UUID | None]
    reason: Mapped[str] = mapped_column(default="", server_default="")  # why it undoes, in a person's words
    reversed_at: Mapped[datetime | None]


class EntryLine(TenantRow, Base):
    """The counter side of one statement line, or a part of it; the bank's side is the sum, made when rendered.

    The parts of a line are in one entry and together minus its amount: the database sees to it.
    A line of a reversal turns another entry's round. Once that is booked, the lines of the entry that
    it undoes let go of what they were made of, which can be drafted again.
    """

    __tablename__ = "entry_lines"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "entry_id"], ["entries.tenant_id", "entries.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "statement_line_id"], ["statement_lines.tenant_id", "statement_lines.id"]),
        ForeignKeyConstraint(["tenant_id", "match_id"], ["matches.tenant_id", "matches.id"]),
        Index("uq_entry_lines_statement_line", "tenant_id", "statement_line_id", "part", unique=True),
        ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"]),
        ForeignKeyConstraint(["tenant_id", "turns_id"], ["entry_lines.tenant_id", "entry_lines.id"]),
        CheckConstraint("num_nonnulls(statement_line_id, document_id, turns_id, undone_source_id) = 1", name="source"),
        CheckConstraint(
            "num_nulls(vat_category, vat_rate, vat_amount) IN (0, 3)"
            " AND (document_id IS NULL OR vat_amount IS NOT NULL)"
            " AND (statement_line_id IS NULL OR vat_amount IS NULL)",
            name="vat",
        ),
        Index("uq_entry_lines_turns", "tenant_id", "turns_id", unique=True),
        Index(
            "ix_entry_lines_undone",
            "tenant_id",
            "undone_source_id",
            postgresql_where=text("undone_source_id IS NOT NULL"),
        ),
        Index("ix_entry_lines_entry", "tenant_id", "entry_id", "position"),
        Index("ix_entry_lines_document", "tenant_id", "document_id", postgresql_where=text("document_id IS NOT NULL")),
    )

    entry_id: Mapped[uuid.UUID]
    statement_line_id: Mapped[uuid.UUID | None]
    document_id: Mapped[uuid.UUID | None]
    turns_id: Mapped[uuid.UUID | None]  # the entry line that this one turns round
    undone_source_id: Mapped[uuid.UUID | None]  # the statement line or document it was made of, since let go
    position: Mapped[int]  # of the statement line in the entry
    part: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")  # within the statement line
    match_id: Mapped[uuid.UUID | None]  # of a part that settles a document
    relation: Mapped[str] = mapped_column(default="", server_default="")  # the customer's or supplier's id there
    date: Mapped[date]
    ledger_account: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(Amount)  # of the counter side: minus the bank's amount
    description: Mapped[str]
    drafted_account: Mapped[str]  # as drafted, to show what was corrected
    drafted_description: Mapped[str]
    vat_category: Mapped[str | None]
    vat_rate: Mapped[Decimal | None] = mapped_column(Numeric(6, 4))
    vat_amount: Mapped[Decimal | None] = mapped_column(Amount)
    corrected_by: Mapped[uuid.UUID | None]
    corrected_at: Mapped[datetime | None]


class ParkedFile(TenantRow, Base):
    """A file that waits until somebody answers what it leaves open; forgotten after `expires_at`."""

    __tablename__ = "parked_files"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"]),
        Index("ix_parked_files_expires", "expires_at"),
    )

    filename: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[bytes]
    content: Mapped[bytes] = mapped_column(deferred=True)
    bank_account_id: Mapped[uuid.UUID | None]  # on whose page it was offered
    code: Mapped[str]  # the question, as a refusal
    values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    line: Mapped[int | None]
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]
    expires_at: Mapped[datetime]


class LearntMapping(TenantRow, Base):
    """What the columns under certain headings mean; of the firm whose people said it, or of the client account."""

    __tablename__ = "csv_mappings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "fingerprint", name="uq_csv_mappings_fingerprint"),
    )

    fingerprint: Mapped[str]
    headings: Mapped[list[str]] = mapped_column(JSONB)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)  # portal.connectors.files.csv_mapping.CsvMapping
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]


class AccountAnswer(TenantRow, Base):
    """How the files of one format are written for one bank account: said once, used from then on."""

    __tablename__ = "account_answers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "bank_account_id", "format", name="uq_account_answers_format"),
    )

    bank_account_id: Mapped[uuid.UUID]
    format: Mapped[str]  # "csv", "qif", "ofx"
    day_first: Mapped[bool | None]
    decimal: Mapped[str] = mapped_column(default="")  # "," or ".", "" when never asked
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]
