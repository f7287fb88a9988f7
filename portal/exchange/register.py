"""The register of one authorisation: a bookkeeping connection whose package is our own database.

`post` keeps the approved bytes once under our reference, in one transaction with the number that they get; `find` looks
there. So a look-up is proof, whenever a process died.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.connectors import layouts, registry
from portal.connectors.base import (
    Dossier,
    DossierStatus,
    EntryKind,
    Identity,
    Journal,
    LedgerAccount,
    OutgoingEntry,
    Period,
    Relation,
    RemoteEntry,
    VatCode,
)
from portal.connectors.errors import AlreadyPosted, AuthorisationExpired, Rejected, Temporary
from portal.connectors.layouts import Booked, refusal
from portal.exchange import books
from portal.exchange.models import ExchangeEntry, FileDossier
from portal.kernel import clock, crash
from portal.kernel.db import Database, Setting, uuid7

_HOLDER = text(
    "SELECT app, name, state, state_code, removed_at IS NOT NULL AS removed FROM authorisations"
    " WHERE tenant_id = :tenant AND id = :id"
)


@dataclass(frozen=True, slots=True)
class Register:
    """`tenant_id` is that of the authorisation. `trial`: also for one that is about to be activated."""

    database: Database
    tenant_id: uuid.UUID
    authorisation_id: uuid.UUID
    app: str
    trial: bool = False

    # -------------------------------------------------------------------------- lists

    def identity(self) -> Identity:
        with self._session() as session:
            name = self._allowed(session)
        return Identity(str(self.authorisation_id), name, "", "", "")

    def dossiers(self) -> Sequence[Dossier]:
        with self._reading() as session:
            query = select(FileDossier).where(
                FileDossier.tenant_id == self.tenant_id, FileDossier.authorisation_id == self.authorisation_id
            )
            rows = session.scalars(query.order_by(FileDossier.number)).all()
        return [
            Dossier(
                code=str(row.id),
                name=row.name,
                number=row.number,
                status=DossierStatus.ACTIVE,
                country=row.country,
                currency=row.currency,
                enterprise_number=row.enterprise_number,
            )
            for row in rows
        ]

    def ledger_accounts(self, dossier: str) -> Sequence[LedgerAccount]:
        with self._reading() as session:
            return list(books.accounts_of(session, self._dossier(session, dossier)).values())

    def journals(self, dossier: str) -> Sequence[Journal]:
        with self._reading() as session:
            return list(books.journals_of(session, self._dossier(session, dossier)).values())

    def vat_codes(self, dossier: str) -> Sequence[VatCode]:
        """A file holds journal entries, and these know accounts only."""
        with self._reading() as session:
            self._dossier(session, dossier)
        return []

    def relations(self, dossier: str) -> Sequence[Relation]:
        with self._reading() as session:
            self._dossier(session, dossier)
        return []

    def periods(self, dossier: str) -> Sequence[Period]:
        """Each fiscal year is one period: it is open or closed as a whole."""
        with self._reading() as session:
            row = self._dossier(session, dossier)
            codes = frozenset(books.journals_of(session, row))
            years = books.years_of(session, row)
        return [
            Period(year.ends_on.year, 1, year.starts_on, year.ends_on, codes if year.closed_at else frozenset())
            for year in years
        ]

    # -------------------------------------------------------------------------- entries

    def render(self, entry: OutgoingEntry, accounts: Mapping[str, LedgerAccount]) -> bytes:
        return layouts.render(self.app, entry, accounts)

    def post(self, dossier: str, kind: EntryKind, payload: bytes) -> RemoteEntry:
        try:
            entry = layouts.read_back(payload)
        except (ValueError, KeyError, TypeError):
            raise refusal(self.app, "unreadable", "what was approved cannot be read back") from None
        with self._writing() as session:
            self._allowed(session)
            row = self._dossier(session, dossier, lock=True)
            if (known := self._kept(session, row, entry.reference)) is not None:
                raise AlreadyPosted(str(known.id), provider_text=f"entry {known.number} has this reference")
            booked = Booked(row.last_entry + 1, entry)
            self._check(session, row, booked)
            row.last_entry = booked.number
            kept = ExchangeEntry(
                tenant_id=self.tenant_id, id=uuid7(), dossier_id=row.id, number=booked.number,
                reference=entry.reference, kind=kind, journal=entry.journal, date=entry.date, payload=payload,
                sha256=sha256(payload).digest(), file_id=None, kept_at=clock.now(),
            )  # fmt: skip
            session.add(kept)
            session.flush()
            crash.point("exchange.kept")
        crash.point("exchange.committed")
        return layouts.remote(str(kept.id), booked)

    def find(self, dossier: str, kind: EntryKind, reference: str, journal: str, on: date) -> Sequence[RemoteEntry]:
        with self._reading() as session:
            found = self._kept(session, self._dossier(session, dossier), reference)
        return [] if found is None else [_told(found)]

    def entries(self, dossier: str, kind: EntryKind, journal: str, since: date, until: date) -> Iterator[RemoteEntry]:
        with self._reading() as session:
            row = self._dossier(session, dossier)
            query = select(ExchangeEntry).where(
                ExchangeEntry.tenant_id == self.tenant_id,
                ExchangeEntry.dossier_id == row.id,
                ExchangeEntry.kind == kind,
                ExchangeEntry.journal == journal,
                ExchangeEntry.date.between(since, until),
            )
            found = session.scalars(query.order_by(ExchangeEntry.number)).all()
        return iter([_told(entry) for entry in found])

    # -------------------------------------------------------------------------- within

    def _check(self, session: Session, row: FileDossier, booked: Booked) -> None:
        """What the package would refuse, and what the file cannot hold: it is written once to see. Raises Rejected."""
        entry = booked.entry
        accounts, journals = books.accounts_of(session, row, books.codes_in([entry])), books.journals_of(session, row)
        layouts.check(self.app, entry, journals.get(entry.journal), accounts)
        if entry.currency != row.currency:
            raise refusal(self.app, "currency", f"the dossier is kept in {row.currency}", currency=entry.currency)
        year = books.year_of(books.years_of(session, row), entry)
        if year is None:
            told = f"{entry.date} is in no fiscal year of dossier {row.number}"
            raise refusal(self.app, "fiscal_year_unknown", told, date=entry.date.isoformat())
        if year.closed_at is not None:
            told = f"the fiscal year to {year.ends_on} is closed"
            raise refusal(self.app, "period_closed", told, date=entry.date.isoformat())
        book = books.book_of(session, self.app, row, year, row.last_file + 1, [entry])
        registry.load_layout(self.app).write(book, [booked])
        registry.load_layout(self.app).file_name(book)

    def _kept(self, session: Session, row: FileDossier, reference: str) -> ExchangeEntry | None:
        query = select(ExchangeEntry).where(
            ExchangeEntry.tenant_id == self.tenant_id,
            ExchangeEntry.dossier_id == row.id,
            ExchangeEntry.reference == reference,
        )
        return session.scalars(query).one_or_none()

    def _dossier(self, session: Session, code: str, *, lock: bool = False) -> FileDossier:
        query = select(FileDossier).where(
            FileDossier.tenant_id == self.tenant_id,
            FileDossier.authorisation_id == self.authorisation_id,
            FileDossier.id == _as_id(code),
        )
        row = session.scalars(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            refused = refusal(self.app, "not_found", "there is no such dossier here", dossier=code)
            raise Rejected(refused.code, provider_text=refused.provider_text, values=refused.values, status=404)
        return row

    def _allowed(self, session: Session) -> str:
        """The name of the authorisation, asked before every act. Raises AuthorisationExpired unless it is on."""
        row = session.execute(_HOLDER, {"tenant": self.tenant_id, "id": self.authorisation_id}).one_or_none()
        on = {"active"} | ({"inactive", "refused"} if self.trial else set())
        if row is None or row.removed or row.state not in on:
            raise AuthorisationExpired("authorisation.not_active")
        return str(row.name)

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with self._session() as session:
            self._allowed(session)
            yield session

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with self.database.scoped(Setting(tenant=self.tenant_id)) as session:
                yield session
        except DBAPIError as failure:
            name = type(failure).__name__
            raise Temporary(f"{self.app}.storage", sent=False, provider_text=name) from None

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """What failed before the commit surely kept nothing; a commit without an answer may have."""
        with self._session() as session:
            yield session
            try:
                session.commit()
            except DBAPIError as failure:
                name = type(failure).__name__
                raise Temporary(f"{self.app}.storage", sent=True, provider_text=name) from None


def _told(entry: ExchangeEntry) -> RemoteEntry:
    return layouts.remote(str(entry.id), Booked(entry.number, layouts.read_back(entry.payload)))


def _as_id(code: str) -> uuid.UUID:
    """What is no id is nobody's."""
    try:
        return uuid.UUID(code)
    except ValueError:
        return uuid.UUID(int=0)
