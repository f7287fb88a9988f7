"""Who sends the bills and at what prices; what was used and billed. Documents never change once they are made."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, FetchedValue, ForeignKey, ForeignKeyConstraint, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.billing.numbers import payment_reference
from portal.kernel.db import Base, TenantRow, uuid7
from portal.kernel.money import Amount

CURRENCY = "EUR"


class Seller(Base):
    """Whose documents these are: who runs this installation. Set from a shell, read by everybody."""

    __tablename__ = "sellers"
    __table_args__ = (CheckConstraint("due_days BETWEEN 0 AND 120", name="due_days"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    street: Mapped[str]
    postcode: Mapped[str]
    city: Mapped[str]
    country: Mapped[str]
    enterprise_number: Mapped[str]
    vat_number: Mapped[str]
    iban: Mapped[str]
    bic: Mapped[str]
    email: Mapped[str]
    prefix: Mapped[str]  # of its document numbers
    due_days: Mapped[int]
    changed_at: Mapped[datetime]


class PriceRow(Base):
    """What an item costs a month from a day on: "client_account", or the accounts of a feed: "ponto_account"."""

    __tablename__ = "prices"
    __table_args__ = (CheckConstraint("amount >= 0 AND amount % 1000 = 0", name="amount"),)  # whole cents

    seller_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sellers.id"), primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Amount)


class VatRate(Base):
    """The standard rate of a country from a day on; 0.21 for 21 %."""

    __tablename__ = "vat_rates"
    __table_args__ = (CheckConstraint("rate >= 0 AND rate < 1", name="rate"),)

    seller_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sellers.id"), primary_key=True)
    country: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    rate: Mapped[Decimal] = mapped_column(Numeric(5, 4))


class InvoiceCounter(Base):
    """The last number given out. Moves only with the document that carries it, in one transaction."""

    __tablename__ = "invoice_counters"

    seller_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sellers.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class ClosedMonth(Base):
    """A month of a portal that is billed; later changes to it are corrected in the next document."""

    __tablename__ = "closed_months"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),)

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)  # its first day
    closed_at: Mapped[datetime]


class Invoice(TenantRow, Base):
    """An invoice or a credit note to the portal that is its tenant, as it was sent. Amounts as printed."""

    __tablename__ = "invoices"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("kind IN ('invoice','credit')", name="kind"),
        CheckConstraint("gross = net + vat AND net >= 0 AND vat >= 0", name="sum"),
        Index("uq_invoices_serial", "seller_id", "year", "serial", unique=True),
        Index("uq_invoices_credits", "tenant_id", "credits", unique=True, postgresql_where=text("credits IS NOT NULL")),
        Index("ix_invoices_issued", "tenant_id", "issued_on"),
    )

    seller_id: Mapped[uuid.UUID]  # no key: `seller` says who it was, wherever the document is read later
    kind: Mapped[str]
    year: Mapped[int]
    serial: Mapped[int] = mapped_column(server_default=FetchedValue())  # the database counts, see invoice_counters
    number: Mapped[str] = mapped_column(server_default=FetchedValue())
    month: Mapped[date]  # the last one that it closes
    issued_on: Mapped[date]
    due_on: Mapped[date]
    net: Mapped[Decimal] = mapped_column(Amount)
    vat: Mapped[Decimal] = mapped_column(Amount)
    gross: Mapped[Decimal] = mapped_column(Amount)
    vat_rows: Mapped[list[dict[str, str]]] = mapped_column(JSONB)  # category, rate, net, vat
    line_count: Mapped[int]
    seller: Mapped[dict[str, Any]] = mapped_column(JSONB)  # as they were on that day
    buyer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    locale: Mapped[str]
    credits: Mapped[uuid.UUID | None]  # the invoice that this one takes back whole
    refers_to: Mapped[list[dict[str, str]]] = mapped_column(JSONB)  # number and date of those it corrects
    reason: Mapped[str] = mapped_column(default="")
    issued_at: Mapped[datetime]

    @property
    def payment_reference(self) -> str:
        return payment_reference(str(self.buyer["country"]), self.year, self.serial)


class InvoiceLine(TenantRow, Base):
    """`unit` "month": whole months, `quantity` accounts; "day": days of one account, `of_days` to the price."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoices.tenant_id", "invoices.id"], ondelete="CASCADE"),
        CheckConstraint("unit IN ('month','day')", name="unit"),
        Index("uq_invoice_lines_position", "tenant_id", "invoice_id", "position", unique=True),
    )

    invoice_id: Mapped[uuid.UUID]
    position: Mapped[int]
    month: Mapped[date]
    correction: Mapped[bool]
    item: Mapped[str]
    client_name: Mapped[str]  # "" on a line of several
    subject_name: Mapped[str]
    unit: Mapped[str]
    quantity: Mapped[int]
    of_days: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Amount)
    net: Mapped[Decimal] = mapped_column(Amount)
    category: Mapped[str]
    rate: Mapped[Decimal] = mapped_column(Numeric(5, 4))


class Usage(TenantRow, Base):
    """What stands behind a line, signed: over all documents it adds up to what was used."""

    __tablename__ = "usages"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoices.tenant_id", "invoices.id"], ondelete="CASCADE"),
        Index("ix_usages_invoice", "tenant_id", "invoice_id", "position"),
    )

    invoice_id: Mapped[uuid.UUID]
    position: Mapped[int]  # of the line
    month: Mapped[date]
    client_id: Mapped[uuid.UUID]
    client_name: Mapped[str]
    item: Mapped[str]
    subject_id: Mapped[uuid.UUID]
    subject_name: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Amount)
    days: Mapped[int]
    of_days: Mapped[int]
    net: Mapped[Decimal] = mapped_column(Amount)


class InvoiceFile(TenantRow, Base):
    """The document as it went out: "pdf" or "ubl"."""

    __tablename__ = "invoice_files"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoices.tenant_id", "invoices.id"], ondelete="CASCADE"),
        CheckConstraint("kind IN ('pdf','ubl')", name="kind"),
        Index("uq_invoice_files_kind", "tenant_id", "invoice_id", "kind", unique=True),
    )

    invoice_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    content: Mapped[bytes]
    sha256: Mapped[bytes]


class Payment(TenantRow, Base):
    """What was paid of an invoice, or paid back of a credit note. A negative one undoes another."""

    __tablename__ = "invoice_payments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoices.tenant_id", "invoices.id"], ondelete="CASCADE"),
        CheckConstraint("amount <> 0 AND (amount < 0) = (undoes IS NOT NULL)", name="amount"),
        CheckConstraint("currency = 'EUR'", name="currency"),
        Index("ix_invoice_payments_invoice", "tenant_id", "invoice_id"),
        Index("uq_invoice_payments_undoes", "tenant_id", "undoes", unique=True,
              postgresql_where=text("undoes IS NOT NULL")),
    )  # fmt: skip

    invoice_id: Mapped[uuid.UUID]
    amount: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str]
    paid_on: Mapped[date]
    noted_at: Mapped[datetime]
    noted_by: Mapped[str]  # who runs the installation has no account here, but a name
    undoes: Mapped[uuid.UUID | None]
