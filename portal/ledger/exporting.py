"""Stored lines as a statement to be written: one stored statement, or a period of a bank account.

Balances are those that statements prove. Where none does, or the chain has a hole, there is no
statement to write, and the reason is told instead: an invented balance would be believed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, select

from portal.access import Scope
from portal.connectors.statement import LineDetail
from portal.connectors.statement import Statement as ReadStatement
from portal.connectors.statement import StatementLine as ReadLine
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.chain import gaps
from portal.ledger.models import BankAccount, Statement, StatementLine

PAGE = 2_000  # lines in memory while a file is written


def of_statement(scope: Scope, statement_id: uuid.UUID | str) -> ReadStatement:
    """A stored statement. Raises Conflict("export.no_balance") without balances, and
    Conflict("export.partial") when some of its lines came with another."""
    row = scope.get(Statement, statement_id)
    if row.opening is None or row.closing is None:
        raise Conflict("export.no_balance")
    where = StatementLine.statement_id == row.id
    if row.opening + _sum(scope, where) != row.closing:
        raise Conflict("export.partial")
    account = scope.get(BankAccount, row.bank_account_id)
    first = row.opening_date or row.first_date
    closing = (row.closing, row.closing_date or row.last_date)
    return _statement(scope, account, row.number, (row.opening, first), closing, where)


def of_period(scope: Scope, account_id: uuid.UUID | str, since: date, until: date) -> ReadStatement:
    """All lines of some days as one statement.

    Raises Invalid("export.period") when the days are the wrong way round, Conflict("export.chain")
    when the balances of the account do not chain, Conflict("export.no_balance") when no statement
    tells the balance before the first day.
    """
    if since > until:
        raise Invalid("export.period", field="until")
    account = scope.get(BankAccount, account_id)
    if any(found.kind != "overlap" for found in gaps(scope, account.id)):
        raise Conflict("export.chain")
    opening = _balance_before(scope, account.id, since)
    where = and_(StatementLine.bank_account_id == account.id, StatementLine.date.between(since, until))
    closing = opening + _sum(scope, where)
    return _statement(scope, account, "", (opening, since), (closing, until), where)


def _balance_before(scope: Scope, account_id: uuid.UUID, since: date) -> Decimal:
    """Where the oldest statement begins, and all lines from there on: the chain was found whole."""
    begins = func.coalesce(Statement.first_date, Statement.opening_date)
    query = select(Statement.opening, Statement.closing, begins.label("first")).where(
        Statement.tenant_id == scope.tenant_id,
        Statement.bank_account_id == account_id,
        Statement.opening.is_not(None),
        Statement.closing.is_not(None),
        begins.is_not(None),
    )
    rows = scope.session.execute(query.order_by(begins, Statement.id)).all()
    oldest = [row for row in rows if row.first == rows[0].first]
    if not oldest or since < oldest[0].first:
        raise Conflict("export.no_balance")
    # Of several statements of the first day, the one that continues none of the others.
    ends = {row.closing for row in oldest if row.closing != row.opening}
    opening: Decimal = next((row.opening for row in oldest if row.opening not in ends), oldest[0].opening)
    first, line = oldest[0].first, StatementLine
    return opening + _sum(scope, and_(line.bank_account_id == account_id, line.date >= first, line.date < since))


def _sum(scope: Scope, where: Any) -> Decimal:
    query = select(func.sum(StatementLine.amount)).where(StatementLine.tenant_id == scope.tenant_id, where)
    return scope.session.scalar(query) or Decimal(0)


def _statement(
    scope: Scope,
    account: BankAccount,
    number: str,
    opening: tuple[Decimal, date | None],
    closing: tuple[Decimal, date | None],
    where: Any,
) -> ReadStatement:
    return ReadStatement(
        format="", account=account.number, currency=account.currency, number=number, opening=opening[0],
        opening_date=opening[1], closing=closing[0], closing_date=closing[1], holder=scope.tenant_name,
        bic=account.bic, lines=_lines(scope, where),
    )  # fmt: skip


def _lines(scope: Scope, where: Any) -> Iterator[ReadLine]:
    """In the bank's order, a page at a time."""
    line = StatementLine
    query = (
        select(
            line.date, line.value_date, line.amount, line.description, line.counterparty, line.counterparty_account,
            line.reference, line.end_to_end_id, line.bank_reference, line.transaction_code, line.details,
        )
        .where(line.tenant_id == scope.tenant_id, where)
        .order_by(line.date, line.statement_id, line.position)
    )  # fmt: skip
    for row in scope.session.execute(query.execution_options(yield_per=PAGE)):
        details = tuple(LineDetail(Decimal(part["amount"]), **_texts(part)) for part in row.details or ())
        yield ReadLine(
            row.date, row.value_date, row.amount, row.description, row.counterparty, row.counterparty_account, "",
            row.reference, row.end_to_end_id, row.bank_reference, row.transaction_code, details,
        )  # fmt: skip


def _texts(part: dict[str, str]) -> dict[str, str]:
    return {name: said for name, said in part.items() if name != "amount"}
