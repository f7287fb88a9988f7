"""What the pages show of files and dossiers, in few queries."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from portal.access import Scope
from portal.exchange import books
from portal.exchange.models import (
    ExchangeEntry,
    ExchangeFile,
    FileAccount,
    FileDossier,
    FileForm,
    FileJournal,
    FileYear,
)

PAGE = 50
_STANDING = text("""
SELECT d.id, d.number, d.name, d.authorisation_id, a.name AS authorisation, a.app,
  coalesce(w.waiting, 0) AS waiting, w.since, coalesce(f.made, 0) AS made, coalesce(f.fetched, 0) AS fetched,
  f.latest, count(*) OVER () AS total,
  sum(coalesce(w.waiting, 0)) OVER () AS all_waiting, sum(coalesce(f.made, 0)) OVER () AS all_made,
  sum(coalesce(f.fetched, 0)) OVER () AS all_fetched, max(f.latest) OVER () AS all_latest
FROM file_dossiers d
JOIN authorisations a ON a.tenant_id = d.tenant_id AND a.id = d.authorisation_id AND a.removed_at IS NULL
LEFT JOIN (SELECT tenant_id, dossier_id, count(*) AS waiting, min(kept_at) AS since FROM exchange_entries
  WHERE tenant_id = :tenant AND file_id IS NULL GROUP BY tenant_id, dossier_id) w
  ON w.tenant_id = d.tenant_id AND w.dossier_id = d.id
LEFT JOIN (SELECT tenant_id, dossier_id, count(*) FILTER (WHERE state = 'made') AS made,
  count(*) FILTER (WHERE state = 'fetched') AS fetched, max(made_at) AS latest FROM exchange_files
  WHERE tenant_id = :tenant GROUP BY tenant_id, dossier_id) f ON f.tenant_id = d.tenant_id AND f.dossier_id = d.id
WHERE d.tenant_id = :tenant
  AND (:app = '' OR d.authorisation_id = cast(nullif(:app, '') AS uuid))
  AND (:words = '' OR position(lower(:words) IN lower(d.number || ' ' || d.name)) > 0)
  AND CASE :only WHEN 'waiting' THEN coalesce(w.waiting, 0) > 0 WHEN 'made' THEN coalesce(f.made, 0) > 0
    WHEN 'fetched' THEN coalesce(f.fetched, 0) > 0 ELSE true END
ORDER BY coalesce(w.waiting, 0) = 0 AND coalesce(f.made, 0) = 0 AND coalesce(f.fetched, 0) = 0, lower(d.name), d.id
LIMIT :limit OFFSET :skip""")


@dataclass(frozen=True, slots=True)
class Standing:
    """A dossier in the list: entries that wait for a file, files not fetched, files fetched and not marked."""

    id: uuid.UUID
    number: str
    name: str
    authorisation_id: uuid.UUID
    authorisation: str
    app: str
    waiting: int
    since: datetime | None
    made: int
    fetched: int
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class Standings:
    """Of all that match: `latest` is when the last file was made, None when none ever was."""

    rows: Sequence[Standing]
    total: int
    waiting: int
    made: int
    fetched: int
    latest: datetime | None


def standings(
    scope: Scope, *, only: str = "", words: str = "", authorisation: uuid.UUID | None = None, skip: int = 0
) -> Standings:
    asked = {
        "tenant": scope.tenant_id, "only": only, "words": words[:80], "app": str(authorisation or ""), "limit": PAGE,
        "skip": skip,
    }  # fmt: skip
    found = scope.session.execute(_STANDING, asked).all()
    rows = [Standing(*row[:11]) for row in found]
    if not found:
        return Standings([], 0, 0, 0, 0, None)
    first = found[0]
    counts = int(first.all_waiting), int(first.all_made), int(first.all_fetched)
    return Standings(rows, first.total, *counts, first.all_latest)


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything of one dossier but the bytes of its files."""

    dossier: FileDossier
    app: str
    authorisation: str
    client_id: uuid.UUID | None  # the client account that is coupled to it
    waiting: Sequence[ExchangeEntry]
    waiting_count: int
    files: Sequence[ExchangeFile]
    accounts: Sequence[FileAccount]
    account_count: int
    journals: Sequence[FileJournal]
    years: Sequence[FileYear]


# Of entries, as row-level security leaves them, to whoever is limited to account groups.
_SEEN = text("EXISTS (SELECT 1 FROM entries e WHERE e.reference = exchange_entries.reference)")
_AROUND = text(
    "SELECT a.app, a.name, (SELECT c.tenant_id FROM couplings c WHERE c.authorisation_tenant_id = a.tenant_id"
    "  AND c.authorisation_id = a.id AND c.dossier_code = :code AND c.state = 'active') AS client"
    " FROM authorisations a WHERE a.tenant_id = :tenant AND a.id = :id"
)


def show(scope: Scope, dossier_id: uuid.UUID, words: str = "") -> Shown:
    """`words` narrow the ledger accounts. Raises NotFound."""
    row, session = scope.get(FileDossier, dossier_id), scope.session
    mine = {"tenant": row.tenant_id, "id": row.authorisation_id, "code": str(row.id)}
    around = session.execute(_AROUND, mine).one()
    waits = (
        ExchangeEntry.tenant_id == row.tenant_id, ExchangeEntry.dossier_id == row.id, ExchangeEntry.file_id.is_(None)
    )  # fmt: skip
    shown = waits if scope.accounts is None else (*waits, _SEEN)
    waiting = session.scalars(select(ExchangeEntry).where(*shown).order_by(ExchangeEntry.number).limit(PAGE)).all()
    files = select(ExchangeFile).where(ExchangeFile.tenant_id == row.tenant_id, ExchangeFile.dossier_id == row.id)
    accounts = select(FileAccount).where(FileAccount.tenant_id == row.tenant_id, FileAccount.dossier_id == row.id)
    if words:
        accounts = accounts.where(func.lower(FileAccount.code + " " + FileAccount.name).contains(words.lower()[:80]))
    journals = select(FileJournal).where(FileJournal.tenant_id == row.tenant_id, FileJournal.dossier_id == row.id)
    return Shown(
        dossier=row,
        app=around.app,
        authorisation=around.name,
        client_id=around.client,
        waiting=waiting,
        waiting_count=session.scalar(select(func.count()).select_from(ExchangeEntry).where(*waits)) or 0,
        files=session.scalars(files.order_by(ExchangeFile.number.desc()).limit(PAGE)).all(),
        accounts=session.scalars(accounts.order_by(FileAccount.code).limit(PAGE)).all(),
        account_count=session.scalar(select(func.count()).select_from(accounts.subquery())) or 0,
        journals=session.scalars(journals.order_by(FileJournal.code)).all(),
        years=books.years_of(session, row),
    )


def form_of(scope: Scope, authorisation_id: uuid.UUID) -> Mapping[str, str]:
    row = scope.session.get(FileForm, (scope.tenant_id, authorisation_id))
    return row.settings if row else {}
