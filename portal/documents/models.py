"""What customers and suppliers were sent, each once, with the file it came in."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow
from portal.kernel.money import Amount

DIRECTIONS = ("sales", "purchase")
KINDS = ("invoice", "credit", "takings")


class DocumentFile(TenantRow, Base):
    """One file that was handed in, and what became of it. `content` is kept unless it was refused."""

    __tablename__ = "document_files"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "api_key_id"], ["api_keys.tenant_id", "api_keys.id"]),
        CheckConstraint("state IN ('stored','known','refused')", name="state"),
        CheckConstraint("source IN ('upload','api')", name="source"),
        Index("ix_document_files_created", "tenant_id", "created_at"),
    )

    filename: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[bytes]
    format: Mapped[str]  # "ubl", "cii", "takings"; "" when not recognised
    source: Mapped[str]
    state: Mapped[str]
    code: Mapped[str] = mapped_column(default="")  # why it was refused
    values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    line: Mapped[int | None]
    stored: Mapped[int] = mapped_column(default=0)  # documents
    known: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    content: Mapped[bytes | None] = mapped_column(deferred=True)
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]
    api_key_id: Mapped[uuid.UUID | None]


class Document(TenantRow, Base):
    """One invoice, credit note or day of takings. Never changed once stored, but for what it is settled with.

    Amounts are as printed: those of a credit note are positive too. `due` alone has the bank's sign.
    """

    __tablename__ = "documents"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "file_id"], ["document_files.tenant_id", "document_files.id"]),
        ForeignKeyConstraint(["tenant_id", "entry_id"], ["entries.tenant_id", "entries.id"]),
        # The same number of the same supplier is the same document; our own numbers are one series.
        UniqueConstraint("tenant_id", "direction", "kind", "issuer_key", "number_key", name="uq_documents_number"),
        CheckConstraint("direction IN ('sales','purchase')", name="direction"),
        CheckConstraint("kind IN ('invoice','credit','takings')", name="kind"),
        Index("ix_documents_date", "tenant_id", "date", "id"),
        Index("ix_documents_waiting", "tenant_id", "direction", "date", postgresql_where=text("entry_id IS NULL")),
        Index("ix_documents_entry", "tenant_id", "entry_id", postgresql_where=text("entry_id IS NOT NULL")),
        # What reconciliation looks among: open, by amount and by reference.
        Index("ix_documents_open", "tenant_id", "currency", "open", postgresql_where=text("settled <> due")),
        *(
            Index(f"ix_documents_open_{name}", "tenant_id", name, postgresql_where=text("settled <> due"))
            for name in ("party_key", "party_words", "party_iban", "number_key")
        ),
        CheckConstraint("settled BETWEEN least(due, 0) AND greatest(due, 0)", name="settled"),
        Index(
            "ix_documents_reference", "tenant_id", "payment_reference", postgresql_where=text("payment_reference <> ''")
        ),
        Index("ix_documents_file", "tenant_id", "file_id"),
    )

    file_id: Mapped[uuid.UUID]
    direction: Mapped[str]
    kind: Mapped[str]
    format: Mapped[str]
    number: Mapped[str]  # as printed
    number_key: Mapped[str]  # letters and digits in capitals
    issuer_key: Mapped[str]  # who numbered it; "" for this client itself
    due_date: Mapped[date | None]
    date: Mapped[date]  # of issue; after `due_date`, because the name then hides the type
    currency: Mapped[str]
    # The other side: the supplier of a purchase, the customer of a sale.
    party_name: Mapped[str]
    party_key: Mapped[str]  # "kbo:0417497106", "vat:NL…", "iban:…" or "name:…"
    party_words: Mapped[str] = mapped_column(default="", server_default="")  # of the name, as names are compared
    party_country: Mapped[str]  # ISO 3166 alpha-2, "" when not told
    party_vat: Mapped[str]  # no blanks or points, "" when not told
    party_enterprise: Mapped[str]  # digits
    party_iban: Mapped[str]  # where it says to pay to: of whoever issued it
    payment_reference: Mapped[str]  # 12 digits (Belgian), RF…, or 16 digits (Dutch); "" when not structured
    net: Mapped[Decimal] = mapped_column(Amount)
    vat: Mapped[Decimal] = mapped_column(Amount)
    gross: Mapped[Decimal] = mapped_column(Amount)
    payable: Mapped[Decimal] = mapped_column(Amount)  # gross less what was paid before
    due: Mapped[Decimal] = mapped_column(Amount)  # what the bank shows when it is paid: > 0 comes in
    settled: Mapped[Decimal] = mapped_column(Amount, default=Decimal(0))  # of `due`, by reconciled bank lines
    open: Mapped[Decimal] = mapped_column(Amount, Computed("due - settled", persisted=True))
    note: Mapped[str] = mapped_column(default="")
    content_hash: Mapped[bytes]  # of what it says, so that another file with the same document is known
    entry_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]


class DocumentLine(TenantRow, Base):
    __tablename__ = "document_lines"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"),
        Index("ix_document_lines_document", "tenant_id", "document_id", "position"),
    )

    document_id: Mapped[uuid.UUID]
    position: Mapped[int]
    description: Mapped[str]
    quantity: Mapped[Decimal | None] = mapped_column(Numeric)
    net: Mapped[Decimal] = mapped_column(Amount)
    vat_category: Mapped[str]
    vat_rate: Mapped[Decimal] = mapped_column(Numeric(6, 4))


class DocumentVat(TenantRow, Base):
    """What a document charges at one rate. `rate` 0.21 for 21 %; `category` as in UNCL 5305 (S, Z, E, AE, K, G, O)."""

    __tablename__ = "document_vat"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "document_id", "category", "rate", name="uq_document_vat_rate"),
    )

    document_id: Mapped[uuid.UUID]
    category: Mapped[str]
    rate: Mapped[Decimal] = mapped_column(Numeric(6, 4))
    net: Mapped[Decimal] = mapped_column(Amount)
    vat: Mapped[Decimal] = mapped_column(Amount)
