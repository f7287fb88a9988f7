"""Imports, statements and lines, page by page.

A page begins after a cursor, the opaque text that the page before it gave; no page number,
so that a row that arrives meanwhile moves nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, and_, false, func, or_, select, tuple_

from portal.access import Scope
from portal.ledger.models import Entry, Import, Statement, StatementLine

PAGE = 50
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    after: str  # cursor of the next page, "" when this is the last


@dataclass(frozen=True, slots=True)
class LineFilter:
    """What is not given does not count. Amounts are compared without their sign."""

    bank_account_id: uuid.UUID | None = None
    statement_id: uuid.UUID | None = None
    since: date | None = None
    until: date | None = None
    find: str = ""  # in description, counterparty, its account and the reference
    least: Decimal | None = None
    most: Decimal | None = None
    entered: bool | None = None  # in an entry or not
    entries: Sequence[uuid.UUID] | None = None  # in one of these


def imports(scope: Scope, *, after: str = "", limit: int = PAGE) -> Page[Import]:
    """Newest first."""
    query = select(Import).where(Import.tenant_id == scope.tenant_id)
    if key := _cursor(after, datetime.fromisoformat):
        query = query.where(tuple_(Import.created_at, Import.id) < key)
    query = query.order_by(Import.created_at.desc(), Import.id.desc())
    return _page(scope, query, limit, lambda row: (row.created_at, row.id))


def statements(scope: Scope, bank_account_id: uuid.UUID, *, after: str = "", limit: int = PAGE) -> Page[Statement]:
    """Of one bank account, newest first."""
    ends = func.coalesce(Statement.closing_date, Statement.last_date, date.min)
    query = select(Statement).where(
        Statement.tenant_id == scope.tenant_id, Statement.bank_account_id == bank_account_id
    )
    if key := _cursor(after, date.fromisoformat):
        query = query.where(tuple_(ends, Statement.id) < key)
    query = query.order_by(ends.desc(), Statement.id.desc())
    return _page(scope, query, limit, lambda row: (row.closing_date or row.last_date or date.min, row.id))


def lines(scope: Scope, wanted: LineFilter, *, after: str = "", limit: int = PAGE) -> Page[StatementLine]:
    """Newest day first; within a day the last line of a statement first."""
    query = select(StatementLine).where(*conditions(scope, wanted))
    if key := _cursor(after, date.fromisoformat):
        query = query.where(tuple_(StatementLine.date, StatementLine.id) < key)
    query = query.order_by(StatementLine.date.desc(), StatementLine.id.desc())
    return _page(scope, query, limit, lambda row: (row.date, row.id))


@dataclass(frozen=True, slots=True)
class Totals:
    count: int
    money_in: Decimal
    money_out: Decimal  # positive


def totals(scope: Scope, wanted: LineFilter) -> Totals:
    """Of all lines that the filter lets through, for one bank account: amounts have one currency."""
    amount = StatementLine.amount
    zero = Decimal(0)
    count, money_in, money_out = scope.session.execute(
        select(
            func.count(),
            func.sum(amount).filter(amount > zero),
            func.sum(amount).filter(amount < zero),
        ).where(*conditions(scope, wanted))
    ).one()
    return Totals(count, money_in or zero, -(money_out or zero))


def entry_of(scope: Scope, line: StatementLine) -> Entry | None:
    return scope.get(Entry, line.entry_id) if line.entry_id else None


def conditions(scope: Scope, wanted: LineFilter) -> list[Any]:
    line = StatementLine
    found: list[Any] = [line.tenant_id == scope.tenant_id]
    if wanted.bank_account_id:
        found.append(line.bank_account_id == wanted.bank_account_id)
    if wanted.statement_id:
        found.append(line.statement_id == wanted.statement_id)
    if wanted.since:
        found.append(line.date >= wanted.since)
    if wanted.until:
        found.append(line.date <= wanted.until)
    if wanted.find.strip():
        found.append(_mentions(wanted.find.strip()))
    if wanted.least is not None:
        found.append(or_(line.amount >= wanted.least, line.amount <= -wanted.least))
    if wanted.most is not None:
        found.append(and_(line.amount <= wanted.most, line.amount >= -wanted.most))
    if wanted.entered is not None:
        found.append(line.entry_id.is_not(None) if wanted.entered else line.entry_id.is_(None))
    if wanted.entries is not None:
        found.append(line.entry_id.in_(wanted.entries))
    return found


def _mentions(text: str) -> Any:
    """Words as typed; an account or reference also without the blanks and slashes it is printed with."""
    bare = "".join(filter(str.isalnum, text))
    line = StatementLine
    texts = [column.icontains(text, autoescape=True) for column in (line.description, line.counterparty)]
    codes = [column.icontains(bare, autoescape=True) for column in (line.counterparty_account, line.reference)]
    return or_(*texts, *(codes if bare else [false()]))


# ------------------------------------------------------------------ paging


def _cursor(after: str, read: Any) -> tuple[Any, uuid.UUID] | None:
    """A cursor that nobody gave out begins at the beginning."""
    place, _, identity = after.rpartition("~")
    try:
        return (read(place), uuid.UUID(identity)) if place else None
    except ValueError:
        return None


def _page(scope: Scope, query: Select[Row], limit: int, place: Any) -> Page[Row]:
    rows = list(scope.session.scalars(query.limit(limit + 1)))
    if len(rows) <= limit:
        return Page(rows, "")
    at, identity = place(rows[limit - 1])
    return Page(rows[:limit], f"{at.isoformat()}~{identity}")
