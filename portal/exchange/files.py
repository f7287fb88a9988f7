"""Files: made of what waits, numbered without a gap, fetched as often as wanted, withdrawn with a reason.

An entry is in one file. To have it in another, the first is withdrawn, which is possible until somebody said
that the package has it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import undefer

from portal.access import Scope
from portal.activity.service import record
from portal.connectors import layouts, registry, tables
from portal.connectors.errors import Rejected
from portal.connectors.layouts import Booked
from portal.exchange import books
from portal.exchange.dossiers import app_of
from portal.exchange.models import ExchangeEntry, ExchangeFile, FileDossier, FileForm, FileState, FileYear
from portal.kernel import clock, crash
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid

REASON_LENGTH = 300
MOST_ENTRIES = 5000  # of one file; what is left waits for the next
_LEFT = text(
    "SELECT count(*) FROM exchange_entries e"
    " JOIN file_dossiers d ON d.tenant_id = e.tenant_id AND d.id = e.dossier_id AND d.authorisation_id = :id"
    " LEFT JOIN exchange_files f ON f.tenant_id = e.tenant_id AND f.id = e.file_id"
    " WHERE e.tenant_id = :tenant AND (e.file_id IS NULL OR f.state = 'made')"
)


def make_files(scope: Scope, dossier_id: uuid.UUID) -> Sequence[ExchangeFile]:
    """One file for each fiscal year that has entries waiting.

    Raises Conflict "exchange.nothing_waits", and "exchange.not_written" for what a file cannot hold (any more).
    """
    dossier = scope.get(FileDossier, dossier_id, lock=True)
    waiting = _waiting(scope, dossier)
    if not waiting:
        raise Conflict("exchange.nothing_waits", number=dossier.number)
    app, years = app_of(scope, dossier.authorisation_id), books.years_of(scope.session, dossier)
    made = []
    for year, kept in _by_year(years, waiting):
        made.append(_make(scope, app, dossier, year, kept))
    return made


def fetch_file(scope: Scope, file_id: uuid.UUID) -> tuple[str, bytes]:
    """(name, bytes), the same every time; who fetched it, and when, is written down. Raises Conflict."""
    row = _locked(scope, file_id)
    if row.state == FileState.WITHDRAWN:
        raise Conflict("exchange.file_withdrawn", file=row.number)
    if sha256(row.content).digest() != row.sha256:
        raise Conflict("exchange.file_damaged", file=row.number)
    row.fetches += 1
    if row.state == FileState.MADE:
        row.state, row.fetched_at, row.fetched_by = FileState.FETCHED, clock.now(), scope.actor.name
    _record(scope, "exchange_file.fetched", row)
    return row.name, row.content


def mark_imported(scope: Scope, file_id: uuid.UUID) -> ExchangeFile:
    """Somebody says that the package has it: from now on it cannot be withdrawn. Raises Conflict."""
    row = _locked(scope, file_id)
    if row.state != FileState.FETCHED:
        raise Conflict("exchange.file_state", file=row.number)
    row.state, row.imported_at, row.imported_by = FileState.IMPORTED, clock.now(), scope.actor.name
    _record(scope, "exchange_file.imported", row)
    return row


def withdraw_file(scope: Scope, file_id: uuid.UUID, reason: str) -> ExchangeFile:
    """Its entries wait for a new file; its bytes stay as evidence. Raises Invalid without a reason, and Conflict."""
    tidy = " ".join(reason.split())[:REASON_LENGTH]
    if not tidy:
        raise Invalid("exchange.reason_missing", field="reason")
    row = _locked(scope, file_id)
    if row.state not in (FileState.MADE, FileState.FETCHED):
        raise Conflict("exchange.file_state", file=row.number)
    row.state, row.reason = FileState.WITHDRAWN, tidy
    row.withdrawn_at, row.withdrawn_by = clock.now(), scope.actor.name
    scope.session.flush()
    scope.session.execute(
        update(ExchangeEntry)
        .where(ExchangeEntry.tenant_id == scope.tenant_id, ExchangeEntry.file_id == row.id)
        .values(file_id=None)
        .execution_options(synchronize_session=False)
    )
    _record(scope, "exchange_file.withdrawn", row, reason=tidy)
    return row


def check_nothing_waits(scope: Scope, authorisation_id: uuid.UUID) -> None:
    """Before an authorisation goes. Raises Conflict "exchange.files_wait" while nobody fetched all that was sent."""
    left = scope.session.scalar(_LEFT, {"tenant": scope.tenant_id, "id": authorisation_id}) or 0
    if left:
        raise Conflict("exchange.files_wait", count=left)


# ------------------------------------------------------------------------------ form


def set_form(scope: Scope, authorisation_id: uuid.UUID, given: Mapping[str, str]) -> Mapping[str, str]:
    """How the files of an authorisation look from the next one on. Raises Invalid for what is no answer."""
    layout = registry.load_layout(app_of(scope, authorisation_id))
    settings: dict[str, str] = {}
    for question in layout.SETTINGS:
        value = given.get(question.key, question.default)
        if question.choices and value not in {key for key, _word in question.choices}:
            raise Invalid("exchange.setting", field=question.key)
        if question.key == "columns" and (code := tables.problem_with(value.split(","))):
            raise Invalid(code, field="columns", most=tables.MOST_COLUMNS)
        settings[question.key] = value
    fresh = {"settings": settings, "changed_at": clock.now()}
    made = insert(FileForm).values(tenant_id=scope.tenant_id, authorisation_id=authorisation_id, **fresh)
    scope.session.execute(made.on_conflict_do_update(index_elements=["tenant_id", "authorisation_id"], set_=fresh))
    name = scope.session.scalar(
        text("SELECT name FROM authorisations WHERE tenant_id = :tenant AND id = :id"),
        {"tenant": scope.tenant_id, "id": authorisation_id},
    )
    record(scope, "file_form.changed", ("authorisation", authorisation_id), name=name)
    return settings


# ------------------------------------------------------------------------------ within


def _waiting(scope: Scope, dossier: FileDossier) -> Sequence[ExchangeEntry]:
    query = select(ExchangeEntry).where(
        ExchangeEntry.tenant_id == scope.tenant_id,
        ExchangeEntry.dossier_id == dossier.id,
        ExchangeEntry.file_id.is_(None),
    )
    return scope.session.scalars(query.order_by(ExchangeEntry.number).limit(MOST_ENTRIES)).all()


def _by_year(
    years: Sequence[FileYear], waiting: Sequence[ExchangeEntry]
) -> list[tuple[FileYear, list[tuple[ExchangeEntry, Booked]]]]:
    found: dict[uuid.UUID, list[tuple[ExchangeEntry, Booked]]] = {}
    by_id = {year.id: year for year in years}
    for kept in waiting:
        booked = Booked(kept.number, layouts.read_back(kept.payload))
        year = books.year_of(years, booked.entry)
        if year is None:
            raise Conflict("exchange.no_year", entry=kept.number, date=kept.date.isoformat())
        found.setdefault(year.id, []).append((kept, booked))
    return [(by_id[key], entries) for key, entries in sorted(found.items(), key=lambda one: by_id[one[0]].starts_on)]


def _make(
    scope: Scope, app: str, dossier: FileDossier, year: FileYear, kept: Sequence[tuple[ExchangeEntry, Booked]]
) -> ExchangeFile:
    layout, number = registry.load_layout(app), dossier.last_file + 1
    book = books.book_of(scope.session, app, dossier, year, number, [booked.entry for _entry, booked in kept])
    try:
        content, name = layout.write(book, [booked for _entry, booked in kept]), layout.file_name(book)
    except Rejected as refused:
        raise Conflict("exchange.not_written", reason=refused.code, text=refused.provider_text) from refused
    now = clock.now()
    row = ExchangeFile(
        tenant_id=scope.tenant_id, id=uuid7(), dossier_id=dossier.id, number=number, name=name, content=content,
        size=len(content), sha256=sha256(content).digest(), entries=len(kept),
        first_on=min(entry.date for entry, _booked in kept), last_on=max(entry.date for entry, _booked in kept),
        state=FileState.MADE, made_at=now, made_by=scope.actor.name, fetched_at=None, imported_at=None,
        withdrawn_at=None,
    )  # fmt: skip
    dossier.last_file = number
    scope.session.add(row)
    scope.session.flush()
    scope.session.execute(
        update(ExchangeEntry)
        .where(ExchangeEntry.tenant_id == scope.tenant_id, ExchangeEntry.id.in_([entry.id for entry, _ in kept]))
        .values(file_id=row.id)
        .execution_options(synchronize_session=False)
    )
    _record(scope, "exchange_file.made", row, entries=len(kept))
    crash.point("exchange.file_made")
    return row


def _locked(scope: Scope, file_id: uuid.UUID) -> ExchangeFile:
    """With its bytes. First the dossier, as whoever makes a file does."""
    row = scope.get(ExchangeFile, file_id)
    scope.get(FileDossier, row.dossier_id, lock=True)
    query = select(ExchangeFile).where(ExchangeFile.tenant_id == scope.tenant_id, ExchangeFile.id == row.id)
    fresh = query.options(undefer(ExchangeFile.content)).execution_options(populate_existing=True)
    return scope.session.scalars(fresh).one()


def _record(scope: Scope, tag: str, row: ExchangeFile, **data: Any) -> None:
    told = {"file": row.number, "name": row.name, **data}
    record(scope, tag, ("exchange_file", row.id), context=row.dossier_id, **told)
