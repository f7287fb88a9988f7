"""The books of a coupled dossier as we read them last, typed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from portal.access import Scope
from portal.connectors.base import Bookkeeping, Journal, JournalType, LedgerAccount, Period
from portal.couplings.models import Books
from portal.kernel import clock


@dataclass(frozen=True, slots=True)
class DossierBooks:
    accounts: Mapping[str, LedgerAccount]  # by code
    journals: Mapping[str, Journal]  # by code
    periods: Sequence[Period]
    fetched_at: datetime | None  # of the oldest part; None when a part was never read

    def period_of(self, day: date) -> Period | None:
        return next((period for period in self.periods if period.starts_on <= day <= period.ends_on), None)


def read_books(scope: Scope, coupling_id: uuid.UUID) -> DossierBooks:
    query = select(Books).where(Books.tenant_id == scope.tenant_id, Books.coupling_id == coupling_id)
    parts = {part.kind: part for part in scope.session.scalars(query)}
    rows: dict[str, list[dict[str, Any]]] = {kind: part.rows for kind, part in parts.items()}
    accounts = [LedgerAccount(**row) for row in rows.get("ledger_accounts", ())]
    journals = [Journal(**row | {"type": JournalType(row["type"])}) for row in rows.get("journals", ())]
    whole = {"ledger_accounts", "journals", "periods"} <= set(parts)
    return DossierBooks(
        {account.code: account for account in accounts},
        {journal.code: journal for journal in journals},
        [_period(row) for row in rows.get("periods", ())],
        min(part.fetched_at for part in parts.values()) if whole else None,
    )


def _period(row: Mapping[str, Any]) -> Period:
    return Period(
        row["year"],
        row["number"],
        date.fromisoformat(row["starts_on"]),
        date.fromisoformat(row["ends_on"]),
        frozenset(row.get("closed_journals", ())),
    )


def fetch_books(connection: Bookkeeping, dossier: str) -> dict[str, Sequence[Any]]:
    """A dossier's lists as they are now. Raises the connector's errors."""
    return {
        "ledger_accounts": connection.ledger_accounts(dossier),
        "journals": connection.journals(dossier),
        "vat_codes": connection.vat_codes(dossier),
        "periods": connection.periods(dossier),
    }


def store_books(scope: Scope, coupling_id: uuid.UUID, lists: Mapping[str, Sequence[Any]]) -> None:
    for kind, rows in lists.items():
        plain = json.loads(json.dumps([asdict(row) for row in rows], default=_plain))
        key: dict[str, Any] = {"tenant_id": scope.tenant_id, "coupling_id": coupling_id, "kind": kind}
        scope.session.merge(Books(**key, rows=plain, fetched_at=clock.now()))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value)
