"""Client account ↔ dossier, and what is synced between them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class Dossier(TenantRow, Base):
    """A dossier as the provider listed it last; belongs to the tenant of the authorisation."""

    __tablename__ = "dossiers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"], ["authorisations.tenant_id", "authorisations.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "authorisation_id", "code", name="uq_dossiers_code"),
        CheckConstraint("status IN ('active','inactive','archived','blocked')", name="status"),
    )

    authorisation_id: Mapped[uuid.UUID]
    code: Mapped[str]
    number: Mapped[str]
    name: Mapped[str]
    status: Mapped[str]
    country: Mapped[str]
    currency: Mapped[str]
    vat_number: Mapped[str]
    enterprise_number: Mapped[str]
    siret: Mapped[str]
    customer_name: Mapped[str]
    archived_on: Mapped[date | None]
    blocking: Mapped[str]
    seen_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]  # no longer in the provider's list


class Coupling(TenantRow, Base):
    """`authorisation_tenant_id` is the firm's portal, or this tenant itself for the client's own log-in."""

    __tablename__ = "couplings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["authorisation_tenant_id", "authorisation_id"], ["authorisations.tenant_id", "authorisations.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "replaces_id"], ["couplings.tenant_id", "couplings.id"]),
        CheckConstraint("state IN ('active','ended')", name="state"),
        Index("uq_couplings_active", "tenant_id", "app", unique=True, postgresql_where=text("state = 'active'")),
        # One dossier belongs to one client account: two would mix their books.
        Index(
            "uq_couplings_dossier",
            "authorisation_tenant_id",
            "authorisation_id",
            "dossier_code",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
    )

    app: Mapped[str]
    authorisation_tenant_id: Mapped[uuid.UUID]
    authorisation_id: Mapped[uuid.UUID]
    authorisation_name: Mapped[str]  # as it was called at the time, for the history
    dossier_code: Mapped[str]
    dossier_number: Mapped[str]
    dossier_name: Mapped[str]
    country: Mapped[str]
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default="active")
    activated_at: Mapped[datetime]
    activated_by: Mapped[uuid.UUID | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[uuid.UUID | None]
    ended_code: Mapped[str] = mapped_column(default="")
    # On which reconciled lines go out; "": as the dossier's own list proposes.
    receivable_account: Mapped[str] = mapped_column(default="", server_default="")
    payable_account: Mapped[str] = mapped_column(default="", server_default="")
    replaces_id: Mapped[uuid.UUID | None]
    # Whose turn it is: see `portal.sync.dispatch`.
    served_at: Mapped[datetime | None]  # when it had its last turn
    taken_until: Mapped[datetime | None]  # at work for it, or else the worker died
    held_until: Mapped[datetime | None]  # nothing is sent to it before


class Books(Base):
    """What we last read of a coupled dossier: its accounts, journals, VAT codes and periods, and who is in it."""

    __tablename__ = "books"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "coupling_id"], ["couplings.tenant_id", "couplings.id"], ondelete="CASCADE"),
        CheckConstraint("kind IN ('ledger_accounts','journals','vat_codes','periods','relations')", name="kind"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    coupling_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    fetched_at: Mapped[datetime]


class Configuration(TenantRow, Base):
    """What a coupling syncs: one bank account, or all sales or purchase documents, into one journal.

    For documents `suspense_account` is the ledger account of the lines, `bank_ledger_account` that of
    the journal ("" when the dossier does not tell), and `relation` whom sales without a customer go to.
    """

    __tablename__ = "configurations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "coupling_id"], ["couplings.tenant_id", "couplings.id"]),
        ForeignKeyConstraint(["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"]),
        CheckConstraint("state IN ('active','inactive','deleted')", name="state"),
        CheckConstraint("frequency IN ('daily','monthly')", name="frequency"),
        CheckConstraint("entry_kind IN ('bank','general','sales','purchase')", name="entry_kind"),
        CheckConstraint("(entry_kind IN ('sales','purchase')) = (bank_account_id IS NULL)", name="source"),
        CheckConstraint("delay_days BETWEEN 0 AND 14", name="delay"),
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="span"),
        # A bank account is booked by one configuration at a time, or its lines would go out twice.
        Index(
            "uq_configurations_bank_account",
            "tenant_id",
            "bank_account_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index(
            "uq_configurations_documents",
            "tenant_id",
            "entry_kind",
            unique=True,
            postgresql_where=text("state = 'active' AND bank_account_id IS NULL"),
        ),
    )

    coupling_id: Mapped[uuid.UUID]
    bank_account_id: Mapped[uuid.UUID | None]
    entry_kind: Mapped[str]
    journal: Mapped[str]
    bank_ledger_account: Mapped[str]
    suspense_account: Mapped[str]
    frequency: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    delay_days: Mapped[int]
    automatic: Mapped[bool]
    relation: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="active")
    next_due_at: Mapped[datetime | None]  # when the next period plus delay has passed
    last_run_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class VatMapping(TenantRow, Base):
    """Which VAT code of the dossier stands for a category and rate of documents; said by a person."""

    __tablename__ = "vat_mappings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "coupling_id"], ["couplings.tenant_id", "couplings.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "coupling_id", "side", "category", "rate", name="uq_vat_mappings_rate"),
        CheckConstraint("side IN ('sales','purchase')", name="side"),
    )

    coupling_id: Mapped[uuid.UUID]
    side: Mapped[str]
    category: Mapped[str]  # UNCL 5305: S, Z, E, AE, K, G, O
    rate: Mapped[Decimal] = mapped_column(Numeric(6, 4))  # 0.21 for 21 %
    code: Mapped[str]  # as the dossier writes it
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID | None]


class Preference(Base):
    """What new configurations of an app start from: a firm's, or what one client account does differently."""

    __tablename__ = "preferences"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),)

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    app: Mapped[str] = mapped_column(primary_key=True)
    values: Mapped[dict[str, str]] = mapped_column(JSONB)  # by the names of `preferences.FIELDS`
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID | None]
