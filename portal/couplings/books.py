"""The books of a coupled dossier as they were read last: ledger accounts, journals, VAT codes, periods."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.connectors import registry
from portal.connectors.base import (
    Bookkeeping,
    EntryKind,
    Journal,
    JournalType,
    LedgerAccount,
    Period,
    Relation,
    VatCode,
)
from portal.couplings.models import Books, Configuration, Coupling
from portal.kernel import clock

STALE = timedelta(hours=24)
BANK, GENERAL = frozenset((JournalType.BANK, JournalType.CASH)), frozenset((JournalType.GENERAL,))
Lists = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class DossierBooks:
    accounts: Mapping[str, LedgerAccount]  # by code
    journals: Mapping[str, Journal]  # by code
    vat_codes: Mapping[str, VatCode]  # by code
    periods: Sequence[Period]
    fetched_at: datetime | None  # of the oldest part; None when a part was never read
    bank_entries: bool = True  # the package books the bank's side of a bank journal itself

    def kind_in(self, journal: Journal | None) -> EntryKind:
        """As what a statement is booked in this journal: with the bank's side as a line, or without."""
        general = journal is not None and journal.type is JournalType.GENERAL
        return EntryKind.GENERAL if general or not self.bank_entries else EntryKind.BANK

    def fitting(self, kind: EntryKind) -> frozenset[JournalType]:
        """The types of journal that take an entry of this kind."""
        if kind.is_invoice:
            return frozenset((JournalType(kind),))
        if self.bank_entries:
            return BANK if kind is EntryKind.BANK else GENERAL
        return frozenset() if kind is EntryKind.BANK else BANK | GENERAL

    def period_of(self, day: date) -> Period | None:
        return next((period for period in self.periods if period.starts_on <= day <= period.ends_on), None)

    @property
    def stale(self) -> bool:
        return self.fetched_at is None or clock.now() - self.fetched_at > STALE


def read_books(scope: Scope, coupling_id: uuid.UUID) -> DossierBooks:
    query = select(Books).where(
        Books.tenant_id == scope.tenant_id, Books.coupling_id == coupling_id, Books.kind != "relations"
    )
    fresh = query.execution_options(populate_existing=True)
    parts = {part.kind: part for part in scope.session.scalars(fresh)}
    rows: dict[str, list[dict[str, Any]]] = {kind: part.rows for kind, part in parts.items()}
    accounts = [LedgerAccount(**row) for row in rows.get("ledger_accounts", ())]
    journals = [Journal(**row | {"type": JournalType(row["type"])}) for row in rows.get("journals", ())]
    codes = [VatCode(**row | {"percentage": Decimal(row["percentage"])}) for row in rows.get("vat_codes", ())]
    whole = {"ledger_accounts", "journals", "periods"} <= set(parts)
    app = select(Coupling.app).where(Coupling.tenant_id == scope.tenant_id, Coupling.id == coupling_id)
    return DossierBooks(
        {account.code: account for account in accounts},
        {journal.code: journal for journal in journals},
        {code.code: code for code in codes},
        [_period(row) for row in rows.get("periods", ())],
        min(part.fetched_at for part in parts.values()) if whole else None,
        has_bank_entries(scope.session.scalar(app) or ""),
    )


def has_bank_entries(app: str) -> bool:
    """Whether this package books the bank's side of a statement itself."""
    return app not in registry.CONNECTORS or registry.load(app).MANIFEST.capabilities.bank_entries


def takes_documents(app: str) -> bool:
    """Whether sales and purchases can go to this package as such."""
    return app not in registry.CONNECTORS or registry.load(app).MANIFEST.capabilities.invoices


def read_relations(scope: Scope, coupling_id: uuid.UUID) -> list[Relation] | None:
    """The dossier's customers and suppliers; None when they were never read. Thousands, so read apart."""
    rows = scope.session.scalar(
        select(Books.rows).where(
            Books.tenant_id == scope.tenant_id, Books.coupling_id == coupling_id, Books.kind == "relations"
        )
    )
    return None if rows is None else [Relation(**row) for row in rows]


def wants_relations(scope: Scope, coupling_id: uuid.UUID) -> bool:
    """Customers and suppliers are read only where documents are booked."""
    books_documents = select(Configuration.id).where(
        Configuration.tenant_id == scope.tenant_id,
        Configuration.coupling_id == coupling_id,
        Configuration.state == "active",
        Configuration.bank_account_id.is_(None),
    )
    return bool(scope.session.scalar(select(books_documents.exists())))


def fetch_books(bookkeeping: Bookkeeping, dossier: str, *, relations: bool = False) -> Lists:
    """A dossier's lists as they are now. Raises the connector's errors."""
    lists: dict[str, Sequence[Any]] = {
        "ledger_accounts": bookkeeping.ledger_accounts(dossier),
        "journals": bookkeeping.journals(dossier),
        "vat_codes": bookkeeping.vat_codes(dossier),
        "periods": bookkeeping.periods(dossier),
    }
    return lists | ({"relations": bookkeeping.relations(dossier)} if relations else {})


def store_books(scope: Scope, coupling_id: uuid.UUID, lists: Lists) -> None:
    now = clock.now()
    values = [
        {
            "tenant_id": scope.tenant_id,
            "coupling_id": coupling_id,
            "kind": kind,
            "rows": _plain(rows),
            "fetched_at": now,
        }
        for kind, rows in lists.items()
    ]
    statement = insert(Books).values(values)
    fresh = {"rows": statement.excluded.rows, "fetched_at": statement.excluded.fetched_at}
    keys = ["tenant_id", "coupling_id", "kind"]
    scope.session.execute(statement.on_conflict_do_update(index_elements=keys, set_=fresh))


def refresh_books(scope: Scope, coupling: Coupling, bookkeeping: Bookkeeping) -> DossierBooks:
    """Read the lists anew and keep them. Makes calls; raises the connector's errors."""
    wanted = wants_relations(scope, coupling.id)
    store_books(scope, coupling.id, fetch_books(bookkeeping, coupling.dossier_code, relations=wanted))
    return read_books(scope, coupling.id)


def _plain(rows: Sequence[Any]) -> Any:
    return json.loads(json.dumps([asdict(row) for row in rows], default=_text))


def _text(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _period(row: Mapping[str, Any]) -> Period:
    return Period(
        row["year"],
        row["number"],
        date.fromisoformat(row["starts_on"]),
        date.fromisoformat(row["ends_on"]),
        frozenset(row.get("closed_journals", ())),
    )
