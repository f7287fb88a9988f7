"""Dossiers of file apps, what is in their books, the entries kept for them, and the files made of these."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class FileState(StrEnum):
    MADE = "made"
    FETCHED = "fetched"
    IMPORTED = "imported"
    WITHDRAWN = "withdrawn"


class FileForm(Base):
    """How the files of an authorisation look, where that is not as the layout's own defaults have it."""

    __tablename__ = "file_forms"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"], ["authorisations.tenant_id", "authorisations.id"], ondelete="CASCADE"
        ),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    authorisation_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    settings: Mapped[dict[str, str]] = mapped_column(JSONB)
    changed_at: Mapped[datetime]


class FileDossier(TenantRow, Base):
    """A dossier as the firm keeps it here; its id is the code by which couplings know it."""

    __tablename__ = "file_dossiers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"], ["authorisations.tenant_id", "authorisations.id"], ondelete="CASCADE"
        ),
        Index("uq_file_dossiers_number", "tenant_id", "authorisation_id", text("lower(number)"), unique=True),
        CheckConstraint("last_entry >= 0 AND last_file >= 0", name="counters"),
    )

    authorisation_id: Mapped[uuid.UUID]
    number: Mapped[str]
    name: Mapped[str]
    country: Mapped[str]
    currency: Mapped[str]
    enterprise_number: Mapped[str]  # in France the SIREN, nine figures
    last_entry: Mapped[int] = mapped_column(default=0)  # numbers that are given out
    last_file: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class FileAccount(Base):
    __tablename__ = "file_accounts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "dossier_id"], ["file_dossiers.tenant_id", "file_dossiers.id"], ondelete="CASCADE"
        ),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    dossier_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]  # see connectors.base.LedgerAccount
    blocked: Mapped[bool] = mapped_column(default=False)


class FileJournal(Base):
    __tablename__ = "file_journals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "dossier_id"], ["file_dossiers.tenant_id", "file_dossiers.id"], ondelete="CASCADE"
        ),
        CheckConstraint("type IN ('cash','bank','sales','purchase','general','other')", name="type"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    dossier_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    type: Mapped[str]
    ledger_account: Mapped[str]  # "" for a journal that has none of its own
    blocked: Mapped[bool] = mapped_column(default=False)


class FileYear(TenantRow, Base):
    """A fiscal year. No two of a dossier share a day."""

    __tablename__ = "file_years"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "dossier_id"], ["file_dossiers.tenant_id", "file_dossiers.id"], ondelete="CASCADE"
        ),
        CheckConstraint("ends_on >= starts_on", name="span"),
    )

    dossier_id: Mapped[uuid.UUID]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    closed_at: Mapped[datetime | None]


class ExchangeFile(TenantRow, Base):
    """A file as it was made: its bytes never change. A withdrawn one stays as evidence, and so does its number."""

    __tablename__ = "exchange_files"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "dossier_id"], ["file_dossiers.tenant_id", "file_dossiers.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "dossier_id", "number", name="uq_exchange_files_number"),
        CheckConstraint("state IN ('made','fetched','imported','withdrawn')", name="state"),
        CheckConstraint("(state = 'made') = (fetched_at IS NULL) OR state = 'withdrawn'", name="fetched"),
        CheckConstraint("(state = 'imported') = (imported_at IS NOT NULL)", name="imported"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
    )

    dossier_id: Mapped[uuid.UUID]
    number: Mapped[int]
    name: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size: Mapped[int]
    sha256: Mapped[bytes]
    entries: Mapped[int]
    first_on: Mapped[date]
    last_on: Mapped[date]
    state: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    fetched_at: Mapped[datetime | None]  # the first time
    fetched_by: Mapped[str] = mapped_column(default="")
    fetches: Mapped[int] = mapped_column(default=0)
    imported_at: Mapped[datetime | None]
    imported_by: Mapped[str] = mapped_column(default="")
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")


class ExchangeEntry(TenantRow, Base):
    """The approved bytes of one entry, kept once under our reference. In one file at most: `file_id`."""

    __tablename__ = "exchange_entries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "dossier_id"], ["file_dossiers.tenant_id", "file_dossiers.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "file_id"], ["exchange_files.tenant_id", "exchange_files.id"]),
        UniqueConstraint("tenant_id", "dossier_id", "reference", name="uq_exchange_entries_reference"),
        UniqueConstraint("tenant_id", "dossier_id", "number", name="uq_exchange_entries_number"),
        Index("ix_exchange_entries_waiting", "tenant_id", "dossier_id", postgresql_where=text("file_id IS NULL")),
        Index("ix_exchange_entries_file", "tenant_id", "file_id"),
        Index("ix_exchange_entries_journal", "tenant_id", "dossier_id", "journal", "date"),
        CheckConstraint("kind IN ('bank','general')", name="kind"),
    )

    dossier_id: Mapped[uuid.UUID]
    number: Mapped[int]
    reference: Mapped[str]
    kind: Mapped[str]
    journal: Mapped[str]
    date: Mapped[date]
    payload: Mapped[bytes]
    sha256: Mapped[bytes]
    file_id: Mapped[uuid.UUID | None]
    kept_at: Mapped[datetime]
