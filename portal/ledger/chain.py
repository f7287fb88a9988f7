"""The chain of balances of a bank account: where statements are missing or tell a day twice."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select

from portal.access import Scope
from portal.ledger.models import Statement, StatementLine


@dataclass(frozen=True, slots=True)
class Break:
    """`kind` "gap": nothing tells how `from_balance` became `to_balance` between the two dates;
    "overlap": two statements tell the same days (harmless, lines are stored once);
    "sum": no statement is missing, yet the stored lines do not lead to the last balance."""

    kind: str
    from_date: date | None
    from_balance: Decimal
    to_date: date | None
    to_balance: Decimal
    from_number: str = ""
    to_number: str = ""


def gaps(scope: Scope, bank_account_id: uuid.UUID) -> list[Break]:
    """Oldest first. Statements without balances tell nothing and are left out."""
    query = (
        select(Statement)
        .where(
            Statement.tenant_id == scope.tenant_id,
            Statement.bank_account_id == bank_account_id,
            Statement.opening.is_not(None),
            Statement.closing.is_not(None),
        )
        .order_by(func.coalesce(Statement.first_date, Statement.closing_date), Statement.id)
    )
    chain = list(scope.session.scalars(query))
    breaks = list(_breaks(chain))
    if chain and not any(found.kind == "gap" for found in breaks):
        breaks += _sum(scope, bank_account_id, chain)
    return breaks


def _breaks(chain: Sequence[Statement]) -> Iterable[Break]:
    """Walk from each statement to the one that continues its balance, else to the next by date."""
    waiting = list(chain)
    here: Statement | None = None
    while waiting:
        if here is None:
            here = waiting.pop(0)
            continue
        following = _continuation(here, waiting)
        if following is not None:
            waiting.remove(following)
            here = following
            continue
        other = waiting.pop(0)
        yield _between(here, other)
        if _end(other) >= _end(here):
            here = other


def _continuation(here: Statement, waiting: Sequence[Statement]) -> Statement | None:
    fits = (s for s in waiting if s.opening == here.closing and _start(s) >= _start(here) and _end(s) >= _end(here))
    return next(fits, None)


def _between(here: Statement, other: Statement) -> Break:
    if _start(other) <= _end(here) and _tells_part_of(here, other):
        return Break(
            "overlap", _start(other), _certain(other.opening), min(_end(here), _end(other)), _certain(here.closing),
            here.number, other.number,
        )  # fmt: skip
    return Break(
        "gap", _end(here), _certain(here.closing), _start(other), _certain(other.opening), here.number, other.number
    )


def _tells_part_of(here: Statement, other: Statement) -> bool:
    """Of two that share one day only, just the number of known lines shows whether they overlap."""
    return _start(other) < _end(here) or min(here.new_lines - here.line_count, other.new_lines - other.line_count) < 0


def _sum(scope: Scope, bank_account_id: uuid.UUID, chain: Sequence[Statement]) -> list[Break]:
    """Lines that no statement with balances tells count only on days that lie within the chain:
    a feed begins before it and goes on after it."""
    first, last = chain[0], max(chain, key=_end)
    lines = scope.session.scalar(
        select(func.sum(StatementLine.amount))
        .join(
            Statement,
            (Statement.tenant_id == StatementLine.tenant_id) & (Statement.id == StatementLine.statement_id),
        )
        .where(
            StatementLine.tenant_id == scope.tenant_id,
            StatementLine.bank_account_id == bank_account_id,
            (Statement.opening.is_not(None) & Statement.closing.is_not(None))
            | ((StatementLine.date > _start(first)) & (StatementLine.date < _end(last))),
        )
    )
    ends = [s for s in chain if _end(s) == _end(last)]
    found = _certain(first.opening) + (lines or Decimal(0))
    if any(found == s.closing for s in ends):
        return []
    return [Break("sum", _start(first), found, _end(last), _certain(last.closing), first.number, last.number)]


def _start(row: Statement) -> date:
    return row.first_date or row.opening_date or row.closing_date or date.min


def _end(row: Statement) -> date:
    return row.last_date or row.closing_date or row.opening_date or date.min


def _certain(balance: Decimal | None) -> Decimal:
    return Decimal(0) if balance is None else balance
