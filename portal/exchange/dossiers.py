"""What people keep here of a dossier: its name, its chart of accounts, its journals and fiscal years."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.activity.service import record
from portal.connectors import registry
from portal.connectors.login import AuthMode
from portal.exchange import books, charts
from portal.exchange.charts import Chart
from portal.exchange.models import ExchangeEntry, FileAccount, FileDossier, FileJournal, FileYear
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.i18n import Unreadable, parse_date

NUMBER_LENGTH, NAME_LENGTH = 30, 120
LONGEST_YEAR = timedelta(days=24 * 31)
MOST_LISTED = 2000
COUNTRIES = ("BE", "NL", "FR")
_SIREN = re.compile(r"\d{9}")
_APP = text("SELECT app FROM authorisations WHERE tenant_id = :tenant AND id = :id AND removed_at IS NULL")
_COUPLED = text(
    "SELECT EXISTS (SELECT 1 FROM couplings WHERE authorisation_tenant_id = :tenant AND authorisation_id = :id"
    " AND dossier_code = :code AND state = 'active')"
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A dossier as it is typed or listed."""

    number: str
    name: str
    country: str
    enterprise_number: str
    starts_on: date
    ends_on: date
    currency: str = "EUR"


def app_of(scope: Scope, authorisation_id: uuid.UUID) -> str:
    """The app of an authorisation without a server. Raises NotFound for any other."""
    app = scope.session.scalar(_APP, {"tenant": scope.tenant_id, "id": authorisation_id})
    if app is None or app not in registry.CONNECTORS or registry.load(app).MANIFEST.auth is not AuthMode.FILE:
        raise NotFound()
    return str(app)


def add_dossier(scope: Scope, authorisation_id: uuid.UUID, draft: Draft) -> FileDossier:
    """Raises NotFound, Invalid and Conflict("exchange.number_taken")."""
    app_of(scope, authorisation_id)
    number, name = " ".join(draft.number.split()), " ".join(draft.name.split())
    if not 1 <= len(number) <= NUMBER_LENGTH:
        raise Invalid("exchange.number_length", field="number", length=NUMBER_LENGTH)
    if not 1 <= len(name) <= NAME_LENGTH:
        raise Invalid("exchange.name_length", field="name", length=NAME_LENGTH)
    if draft.country not in COUNTRIES:
        raise Invalid("exchange.country", field="country")
    if _of_number(scope, authorisation_id, number) is not None:
        raise Invalid("exchange.number_taken", field="number", number=number)
    row = FileDossier(
        tenant_id=scope.tenant_id, id=uuid7(), authorisation_id=authorisation_id, number=number, name=name,
        country=draft.country, currency=draft.currency, last_entry=0, last_file=0, created_at=clock.now(),
        enterprise_number=_enterprise(draft.country, draft.enterprise_number),
    )  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    record(scope, "file_dossier.added", _subject(row), context=authorisation_id, number=number, name=name)
    add_year(scope, row.id, draft.starts_on, draft.ends_on)
    return row


def change_dossier(scope: Scope, dossier_id: uuid.UUID, *, name: str, enterprise_number: str) -> FileDossier:
    row = scope.get(FileDossier, dossier_id, lock=True)
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= NAME_LENGTH:
        raise Invalid("exchange.name_length", field="name", length=NAME_LENGTH)
    fresh = tidy, _enterprise(row.country, enterprise_number)
    if fresh != (row.name, row.enterprise_number):
        row.name, row.enterprise_number = fresh
        record(scope, "file_dossier.changed", _subject(row), number=row.number, name=row.name)
    return row


def remove_dossier(scope: Scope, dossier_id: uuid.UUID) -> None:
    """Raises Conflict when something was kept for it, or a client account is coupled to it."""
    row = scope.get(FileDossier, dossier_id, lock=True)
    kept = select(ExchangeEntry.id).where(
        ExchangeEntry.tenant_id == scope.tenant_id, ExchangeEntry.dossier_id == row.id
    )
    if scope.session.scalar(kept.limit(1)) is not None:
        raise Conflict("exchange.has_entries", number=row.number)
    asked = {"tenant": scope.tenant_id, "id": row.authorisation_id, "code": str(row.id)}
    if scope.session.scalar(_COUPLED, asked):
        raise Conflict("exchange.is_coupled", number=row.number)
    record(scope, "file_dossier.removed", _subject(row), context=row.authorisation_id, number=row.number, name=row.name)
    scope.session.delete(row)
    scope.session.flush()


def add_listed(scope: Scope, authorisation_id: uuid.UUID, content: bytes) -> tuple[int, int]:
    """Dossiers of a table "number, name, country, enterprise number, first day, last day": (added, known before).

    The first line may be the names of the columns. All or none. Raises Invalid with the line that is wrong.
    """
    app_of(scope, authorisation_id)
    added = known = 0
    for line, row in enumerate(charts.table(content), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if line > MOST_LISTED + 1:
            raise Invalid("exchange.list_long", field="file", most=MOST_LISTED)
        if len(cells) < 6:
            raise Invalid("exchange.list_columns", field="file", line=line)
        if line == 1 and not _is_day(cells[4]):
            continue
        if _of_number(scope, authorisation_id, cells[0]) is not None:
            known += 1
            continue
        try:
            draft = Draft(cells[0], cells[1], cells[2].upper(), cells[3], parse_date(cells[4]), parse_date(cells[5]))
            add_dossier(scope, authorisation_id, draft)
        except Unreadable:
            raise Invalid("exchange.list_day", field="file", line=line) from None
        except Invalid as wrong:
            raise Invalid("exchange.list_line", field="file", line=line, cause=wrong.code) from wrong
        added += 1
    return added, known


# ------------------------------------------------------------------------------ chart and journals


def bring_chart(scope: Scope, dossier_id: uuid.UUID, content: bytes) -> Chart:
    """Take over what a file tells; what it does not name stays, and what people set by hand of it stays too."""
    row = scope.get(FileDossier, dossier_id, lock=True)
    found = charts.read_chart(content, row.country)
    key = {"tenant_id": scope.tenant_id, "dossier_id": row.id}
    if found.accounts:
        values = [
            key | {"code": code, "name": name, "kind": kind, "blocked": False}
            for code, (name, kind) in found.accounts.items()
        ]
        made = insert(FileAccount)
        scope.session.execute(made.on_conflict_do_update(
            index_elements=["tenant_id", "dossier_id", "code"], set_={"name": made.excluded.name}
        ), values)  # fmt: skip
    if found.journals:
        values = [
            key | {"code": code, "name": one.name, "type": one.type, "ledger_account": one.ledger_account,
                   "blocked": False}
            for code, one in found.journals.items()
        ]  # fmt: skip
        new = insert(FileJournal)
        scope.session.execute(new.on_conflict_do_update(
            index_elements=["tenant_id", "dossier_id", "code"], set_={"name": new.excluded.name}
        ), values)  # fmt: skip
    record(
        scope, "file_dossier.chart", _subject(row), number=row.number, accounts=len(found.accounts),
        journals=len(found.journals),
    )  # fmt: skip
    return found


def set_account(scope: Scope, dossier_id: uuid.UUID, *, code: str, name: str, kind: str, blocked: bool) -> None:
    """Add a ledger account, or change the one of this code."""
    row = scope.get(FileDossier, dossier_id, lock=True)
    code, name = _code(code), " ".join(name.split())[:NAME_LENGTH] or code
    if kind not in charts.LEDGER_KINDS:
        raise Invalid("exchange.kind", field="kind")
    key = {"tenant_id": scope.tenant_id, "dossier_id": row.id, "code": code}
    fresh = {"name": name, "kind": kind, "blocked": blocked}
    made = insert(FileAccount).values(**key, **fresh)
    scope.session.execute(made.on_conflict_do_update(index_elements=list(key), set_=fresh))
    record(scope, "file_dossier.account", _subject(row), number=row.number, account=code, name=name)


def set_journal(
    scope: Scope, dossier_id: uuid.UUID, *, code: str, name: str, type: str, ledger_account: str, blocked: bool
) -> None:
    """Add a journal, or change the one of this code. A bank or cash journal names its ledger account."""
    row = scope.get(FileDossier, dossier_id, lock=True)
    code, name = _code(code), " ".join(name.split())[:NAME_LENGTH] or code
    if type not in charts.JOURNAL_TYPES:
        raise Invalid("exchange.kind", field="type")
    if ledger_account and ledger_account not in books.accounts_of(scope.session, row):
        raise Invalid("exchange.account_unknown", field="ledger_account", account=ledger_account)
    if type in ("bank", "cash") and not ledger_account:
        raise Invalid("exchange.journal_account", field="ledger_account")
    key = {"tenant_id": scope.tenant_id, "dossier_id": row.id, "code": code}
    fresh = {"name": name, "type": type, "ledger_account": ledger_account, "blocked": blocked}
    made = insert(FileJournal).values(**key, **fresh)
    scope.session.execute(made.on_conflict_do_update(index_elements=list(key), set_=fresh))
    record(scope, "file_dossier.journal", _subject(row), number=row.number, journal=code, name=name)


# ------------------------------------------------------------------------------ fiscal years


def add_year(scope: Scope, dossier_id: uuid.UUID, starts_on: date, ends_on: date) -> FileYear:
    row = scope.get(FileDossier, dossier_id, lock=True)
    if ends_on < starts_on or ends_on - starts_on > LONGEST_YEAR:
        raise Invalid("exchange.year_span", field="ends_on")
    for year in books.years_of(scope.session, row):
        if year.starts_on <= ends_on and starts_on <= year.ends_on:
            raise Invalid("exchange.year_overlaps", field="starts_on", since=year.starts_on.isoformat(),
                          until=year.ends_on.isoformat())  # fmt: skip
    year = FileYear(
        tenant_id=scope.tenant_id, id=uuid7(), dossier_id=row.id, starts_on=starts_on, ends_on=ends_on, closed_at=None
    )
    scope.session.add(year)
    scope.session.flush()
    record(scope, "file_dossier.year_added", _subject(row), number=row.number, **_span(year))
    return year


def close_year(scope: Scope, year_id: uuid.UUID, *, closed: bool) -> FileYear:
    """Nothing more is kept for a closed year; what waits for a file already is written all the same."""
    year = scope.get(FileYear, year_id)
    row = scope.get(FileDossier, year.dossier_id, lock=True)
    if closed != (year.closed_at is not None):
        year.closed_at = clock.now() if closed else None
        tag = "file_dossier.year_closed" if closed else "file_dossier.year_opened"
        record(scope, tag, _subject(row), number=row.number, **_span(year))
    return year


# ------------------------------------------------------------------------------ within


def _is_day(text: str) -> bool:
    try:
        parse_date(text)
    except Unreadable:
        return False
    return True


def _of_number(scope: Scope, authorisation_id: uuid.UUID, number: str) -> FileDossier | None:
    query = select(FileDossier).where(
        FileDossier.tenant_id == scope.tenant_id,
        FileDossier.authorisation_id == authorisation_id,
        func.lower(FileDossier.number) == " ".join(number.split()).lower(),
    )
    return scope.session.scalars(query).one_or_none()


def _enterprise(country: str, number: str) -> str:
    """A SIREN of nine figures in France, also where a SIRET was given; elsewhere as it was typed."""
    tidy = re.sub(r"[\s.]", "", number)
    if country != "FR" or not tidy:
        return tidy[:NUMBER_LENGTH]
    siren = tidy[:9] if len(tidy) == 14 else tidy
    if not _SIREN.fullmatch(siren) or not tidy.isdecimal():
        raise Invalid("exchange.siren", field="enterprise_number")
    return siren


def _code(code: str) -> str:
    tidy = code.strip()
    if not 1 <= len(tidy) <= charts.CODE_LENGTH or len(tidy.split()) != 1:
        raise Invalid("exchange.code_long", field="code", given=tidy[:25], length=charts.CODE_LENGTH)
    return tidy


def _span(year: FileYear) -> dict[str, Any]:
    return {"since": year.starts_on.isoformat(), "until": year.ends_on.isoformat()}


def _subject(row: FileDossier) -> tuple[str, uuid.UUID]:
    return "file_dossier", row.id


__all__: Sequence[str] = (
    "Draft", "add_dossier", "add_listed", "add_year", "app_of", "bring_chart", "change_dossier", "close_year",
    "remove_dossier", "set_account", "set_journal",
)  # fmt: skip
