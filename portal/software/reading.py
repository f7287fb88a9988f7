"""What software reads: the accounts of its groups, their statements and lines, oldest first.

The session carries the user of the software and no tenant: which rows there are is decided by
row-level security alone, and everything else is not there.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select, text, tuple_
from sqlalchemy.orm import Session

from portal.access import SYSTEM, Scope
from portal.kernel.errors import Invalid, NotFound
from portal.ledger.balances import Balance, last_balances
from portal.ledger.models import BankAccount, Statement, StatementLine
from portal.tenants.models import Tenant

Row = TypeVar("Row")
MOST = 500
_GROUPS = text("SELECT client_id, bank_account_id, group_id, group_name FROM software_accounts() ORDER BY group_name")
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
BY_ID = f"^{_UUID}$"  # the cursor of accounts
BY_DAY = f"^[1-9][0-9]{{0,5}}~{_UUID}$"  # of lines and statements: the number of the day, from 1 January of year 1


@dataclass(frozen=True, slots=True)
class Group:
    id: uuid.UUID
    name: str


@dataclass(frozen=True, slots=True)
class ReadAccount:
    row: BankAccount
    holder: Tenant
    groups: Sequence[Group]
    balance: Balance | None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    cursor: str  # of the next page, "" when this is the last


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both included; None: without an end on that side."""

    since: date | None = None
    until: date | None = None


def groups(session: Session) -> Sequence[Group]:
    """By name."""
    found = {row.group_id: Group(row.group_id, row.group_name) for row in session.execute(_GROUPS)}
    return list(found.values())


def accounts(session: Session, *, cursor: str = "", limit: int = MOST) -> Page[ReadAccount]:
    """In the order in which they came to be."""
    query = select(BankAccount, Tenant).join(Tenant, Tenant.id == BankAccount.tenant_id).order_by(BankAccount.id)
    if cursor:
        if not re.fullmatch(BY_ID, cursor, re.ASCII):
            raise _bad_cursor()
        query = query.where(BankAccount.id > uuid.UUID(cursor))
    found = session.execute(query.limit(limit + 1)).all()
    rows = found[:limit]
    grouped = _grouped(session)
    balances = _balances(session, {row.tenant_id for row, _ in rows})
    read = [_read(row, holder, grouped, balances) for row, holder in rows]
    return Page(read, str(rows[-1][0].id) if len(found) > limit else "")


def account(session: Session, account_id: uuid.UUID) -> ReadAccount:
    query = select(BankAccount, Tenant).join(Tenant, Tenant.id == BankAccount.tenant_id)
    found = session.execute(query.where(BankAccount.id == account_id)).first()
    if found is None:
        raise NotFound("software.not_found")
    row, holder = found
    return _read(row, holder, _grouped(session), _balances(session, {row.tenant_id}))


def place(session: Session, read: ReadAccount) -> Scope:
    """The client account in which the ledger looks; the session stays bound to the groups."""
    return Scope(session, read.row.tenant_id, "client", "", SYSTEM, read.holder.name)


def lines(session: Session, read: ReadAccount, span: Span, *, cursor: str, limit: int) -> Page[StatementLine]:
    """Of one account, by day, and within a day as they were stored."""
    line = StatementLine
    query = select(line).where(line.tenant_id == read.row.tenant_id, line.bank_account_id == read.row.id)
    query = _between(query, line.date, span)
    if cursor:
        query = query.where(tuple_(line.date, line.id) > _cursor(cursor))
    return _page(session, query.order_by(line.date, line.id), limit, lambda row: row.date)


def statements(session: Session, read: ReadAccount, span: Span, *, cursor: str, limit: int) -> Page[Statement]:
    """Of one account, by the day on which they end."""
    ends = func.coalesce(Statement.closing_date, Statement.last_date, date.min)
    query = select(Statement).where(Statement.tenant_id == read.row.tenant_id, Statement.bank_account_id == read.row.id)
    query = _between(query, ends, span)
    if cursor:
        query = query.where(tuple_(ends, Statement.id) > _cursor(cursor))
    return _page(session, query.order_by(ends, Statement.id), limit, end_of)


def statement(session: Session, read: ReadAccount, statement_id: uuid.UUID) -> Statement:
    query = select(Statement).where(
        Statement.tenant_id == read.row.tenant_id, Statement.bank_account_id == read.row.id,
        Statement.id == statement_id,
    )  # fmt: skip
    row = session.scalars(query).one_or_none()
    if row is None:
        raise NotFound("software.not_found")
    return row


def lines_of(session: Session, row: Statement) -> Iterator[StatementLine]:
    """In the bank's order."""
    line = StatementLine
    query = select(line).where(line.tenant_id == row.tenant_id, line.statement_id == row.id)
    yield from session.scalars(query.order_by(line.position, line.id).execution_options(yield_per=2_000))


def end_of(row: Statement) -> date:
    return row.closing_date or row.last_date or date.min


# ------------------------------------------------------------------ parts

_Grouped = dict[tuple[uuid.UUID, uuid.UUID], list[Group]]


def _grouped(session: Session) -> _Grouped:
    found: _Grouped = {}
    for row in session.execute(_GROUPS):
        found.setdefault((row.client_id, row.bank_account_id), []).append(Group(row.group_id, row.group_name))
    return found


def _balances(session: Session, tenants: set[uuid.UUID]) -> dict[uuid.UUID, Balance]:
    found: dict[uuid.UUID, Balance] = {}
    for tenant in tenants:
        found.update(last_balances(Scope(session, tenant, "client", "", SYSTEM)))
    return found


def _read(row: BankAccount, holder: Tenant, grouped: _Grouped, balances: dict[uuid.UUID, Balance]) -> ReadAccount:
    return ReadAccount(row, holder, grouped.get((row.tenant_id, row.id), []), balances.get(row.id))


def _between(query: Select[Any], day: Any, span: Span) -> Select[Any]:
    if span.since:
        query = query.where(day >= span.since)
    if span.until:
        query = query.where(day <= span.until)
    return query


def _cursor(cursor: str) -> tuple[date, uuid.UUID]:
    if not re.fullmatch(BY_DAY, cursor, re.ASCII):
        raise _bad_cursor()
    day, _, identity = cursor.partition("~")
    return date.fromordinal(int(day)), uuid.UUID(identity)


def _bad_cursor() -> Invalid:
    return Invalid("software.parameter", name="cursor", expected="the text that the page before gave")


def _page(session: Session, query: Select[Any], limit: int, day: Callable[[Any], date]) -> Page[Any]:
    rows = list(session.scalars(query.limit(limit + 1)))
    if len(rows) <= limit:
        return Page(rows, "")
    return Page(rows[:limit], f"{day(rows[limit - 1]).toordinal()}~{rows[limit - 1].id}")
