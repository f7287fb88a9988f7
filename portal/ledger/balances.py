"""The balance of a bank account by day, for its chart, and as it stands."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from portal.access import Scope
from portal.ledger.models import Statement, StatementLine


@dataclass(frozen=True, slots=True)
class Balance:
    """At the end of `date`."""

    date: date
    amount: Decimal


def last_balances(scope: Scope) -> Mapping[uuid.UUID, Balance]:
    """What the newest statement of each bank account closes with, by account. None given: left out."""
    ends = func.coalesce(Statement.closing_date, Statement.last_date)
    query = (
        select(Statement.bank_account_id, ends, Statement.closing)
        .where(Statement.tenant_id == scope.tenant_id, Statement.closing.is_not(None), ends.is_not(None))
        .ext(distinct_on(Statement.bank_account_id))
        .order_by(Statement.bank_account_id, ends.desc(), Statement.last_date.desc().nulls_last(), Statement.id.desc())
    )
    return {
        account: Balance(day, closing) for account, day, closing in scope.session.execute(query) if closing is not None
    }


def balances_by_day(scope: Scope, bank_account_id: uuid.UUID, since: date, until: date) -> Sequence[Balance]:
    """One for every day from `since` to `until` that the statements tell something about.

    Reckoned back and forth from the newest closing balance over the stored lines, so that a
    day on which nothing moved has the balance of the day before it. Empty without a balance.
    """
    if since > until:
        return []
    anchor = _anchor(scope, bank_account_id, until)
    if anchor is None:
        return []
    moved = _movements(scope, bank_account_id, since, max(until, anchor.date))
    begins = max(since, _first_day(scope, bank_account_id) or since)
    ends = min(until, max(anchor.date, max(moved, default=anchor.date)))
    balance = anchor.amount + sum((v for day, v in moved.items() if day > anchor.date), Decimal(0))
    found: list[Balance] = []
    day = max(anchor.date, max(moved, default=anchor.date))
    while day >= begins:
        if day <= ends:
            found.append(Balance(day, balance))
        balance -= moved.get(day, Decimal(0))
        day -= timedelta(days=1)
    return found[::-1]


def _anchor(scope: Scope, bank_account_id: uuid.UUID, until: date) -> Balance | None:
    """The closing balance nearest to the last day wanted: of the newest statement by then, else the next."""
    ends = func.coalesce(Statement.closing_date, Statement.last_date)
    query = select(ends, Statement.closing).where(
        Statement.tenant_id == scope.tenant_id,
        Statement.bank_account_id == bank_account_id,
        Statement.closing.is_not(None),
        ends.is_not(None),
    )
    newest = query.where(ends <= until).order_by(ends.desc(), Statement.id.desc()).limit(1)
    row = scope.session.execute(newest).first() or scope.session.execute(query.order_by(ends).limit(1)).first()
    return Balance(row[0], row[1]) if row and row[1] is not None else None


def _movements(scope: Scope, bank_account_id: uuid.UUID, since: date, until: date) -> dict[date, Decimal]:
    line = StatementLine
    query = (
        select(line.date, func.sum(line.amount))
        .where(
            line.tenant_id == scope.tenant_id,
            line.bank_account_id == bank_account_id,
            line.date.between(since, until),
        )
        .group_by(line.date)
    )
    return {day: moved or Decimal(0) for day, moved in scope.session.execute(query)}


def _first_day(scope: Scope, bank_account_id: uuid.UUID) -> date | None:
    query = select(func.min(Statement.first_date)).where(
        Statement.tenant_id == scope.tenant_id, Statement.bank_account_id == bank_account_id
    )
    return scope.session.scalar(query)
