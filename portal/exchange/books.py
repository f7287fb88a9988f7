"""What a dossier's books hold, as the connectors tell it, and what a layout is given of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.connectors.base import Journal, JournalType, LedgerAccount, OutgoingEntry
from portal.connectors.layouts import Book, sides
from portal.exchange.models import FileAccount, FileDossier, FileForm, FileJournal, FileYear
from portal.kernel import clock


def accounts_of(
    session: Session, dossier: FileDossier, codes: Collection[str] | None = None
) -> Mapping[str, LedgerAccount]:
    """By code; only these, where a chart of thousands need not be read."""
    query = select(FileAccount).where(FileAccount.tenant_id == dossier.tenant_id, FileAccount.dossier_id == dossier.id)
    if codes is not None:
        query = query.where(FileAccount.code.in_(codes))
    rows = session.scalars(query.order_by(FileAccount.code))
    return {row.code: LedgerAccount(row.code, row.name, row.code, row.kind, row.blocked) for row in rows}


def journals_of(session: Session, dossier: FileDossier) -> Mapping[str, Journal]:
    query = select(FileJournal).where(FileJournal.tenant_id == dossier.tenant_id, FileJournal.dossier_id == dossier.id)
    return {
        row.code: Journal(
            code=row.code,
            name=row.name,
            type=JournalType(row.type),
            id=row.code,
            currency=dossier.currency,
            ledger_account=row.ledger_account,
            blocked=row.blocked,
        )
        for row in session.scalars(query.order_by(FileJournal.code))
    }


def years_of(session: Session, dossier: FileDossier) -> Sequence[FileYear]:
    query = select(FileYear).where(FileYear.tenant_id == dossier.tenant_id, FileYear.dossier_id == dossier.id)
    return session.scalars(query.order_by(FileYear.starts_on)).all()


def year_on(years: Sequence[FileYear], day: date) -> FileYear | None:
    return next((year for year in years if year.starts_on <= day <= year.ends_on), None)


def year_of(years: Sequence[FileYear], entry: OutgoingEntry) -> FileYear | None:
    """The one fiscal year in which all lines of an entry are; None when it is in none, or in two."""
    found = {year_on(years, day) for day in {entry.date, *(side.on for side in sides(entry))}}
    return found.pop() if len(found) == 1 else None


def settings_of(session: Session, dossier: FileDossier) -> Mapping[str, str]:
    row = session.get(FileForm, (dossier.tenant_id, dossier.authorisation_id))
    return row.settings if row else {}


def codes_in(entries: Iterable[OutgoingEntry]) -> set[str]:
    """The ledger accounts that these entries book on."""
    return {line.ledger_account for entry in entries for line in entry.lines} | {
        entry.bank_account for entry in entries if entry.bank_account
    }


def book_of(
    session: Session, app: str, dossier: FileDossier, year: FileYear, number: int, entries: Sequence[OutgoingEntry]
) -> Book:
    """What file `number` of a dossier is made with, if it holds these entries."""
    return Book(
        app=app,
        company=dossier.name,
        number=dossier.number,
        siren=dossier.enterprise_number if dossier.country == "FR" else "",
        currency=dossier.currency,
        starts_on=year.starts_on,
        ends_on=year.ends_on,
        file=number,
        accounts=accounts_of(session, dossier, codes_in(entries)),
        journals=journals_of(session, dossier),
        settings=settings_of(session, dossier),
        made_at=clock.now(),
    )
