"""Statements out: what was stored comes back by our own readers, and no balance is made up."""

from __future__ import annotations

import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.access import Scope
from portal.connectors.feed import FeedTransaction, TransactionStatus
from portal.connectors.files import write_camt, write_coda
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.accounts import accounts
from portal.ledger.exporting import of_period, of_statement
from portal.ledger.feeding import store_transactions
from portal.ledger.imports import import_file
from portal.ledger.models import BankAccount, Statement
from tests import factories as make
from tests.ledger.making import START, Cut, bring_in, cut, line, statement

NUMBER = make.belgian_iban(710_001)
HISTORY = [line(d, a, w) for d, a, w in [(0, 10, "A"), (1, -4, "B"), (1, -4, "B"), (2, 7, "C"), (5, 1, "D")]]


def account_of(scope: Scope) -> BankAccount:
    return accounts(scope)[0]


def day(number: int) -> date:
    return START + timedelta(days=number)


def test_a_statement_written_and_offered_again_is_known(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 4, Decimal(100))))
    row = scope.session.scalars(select(Statement).where(Statement.bank_account_id == account_of(scope).id)).one()
    for data in (
        b"".join(write_camt.write(of_statement(scope, row.id), clock.now())),
        b"".join(write_coda.write(of_statement(scope, row.id), clock.today())),
    ):
        again = import_file(scope, "again", io.BytesIO(data), len(data))
        assert (again.state, again.stored) == ("known", 0), again.code


def test_a_period_over_statements_and_a_feed(scope: Scope) -> None:
    bring_in(
        scope, statement(NUMBER, cut(HISTORY, 0, 2, Decimal(100))), statement(NUMBER, cut(HISTORY, 2, 4, Decimal(100)))
    )
    account = account_of(scope)
    store_transactions(scope, account, "ponto", [FeedTransaction("1", TransactionStatus.BOOKED, HISTORY[4])])
    made = of_period(scope, account.id, day(1), day(6))
    assert (made.opening, made.closing) == (Decimal(110), Decimal(110))
    assert (made.opening_date, made.closing_date) == (day(1), day(6))
    assert [one.amount for one in made.lines] == [-4, -4, 7, 1]
    assert of_period(scope, account.id, day(0), day(0)).opening == 100


def test_no_balance_is_made_up(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, Cut(HISTORY[:2], None), format="ofx"))
    account = account_of(scope)
    with pytest.raises(Conflict, match=r"export\.no_balance"):
        of_period(scope, account.id, day(0), day(9))
    row = scope.session.scalars(select(Statement).where(Statement.bank_account_id == account.id)).one()
    with pytest.raises(Conflict, match=r"export\.no_balance"):
        of_statement(scope, row.id)
    bring_in(scope, statement(NUMBER, cut(HISTORY, 3, 5)))
    with pytest.raises(Conflict, match=r"export\.no_balance"):
        of_period(scope, account.id, day(-5), day(9))
    with pytest.raises(Invalid, match=r"export\.period"):
        of_period(scope, account.id, day(2), day(1))


def test_a_hole_in_the_chain_is_told(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    bring_in(scope, statement(NUMBER, cut(HISTORY, 3, 5)))
    with pytest.raises(Conflict, match=r"export\.chain"):
        of_period(scope, account_of(scope).id, day(0), day(9))


def test_a_statement_whose_lines_came_with_another_is_not_written(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 3)))
    late = bring_in(scope, statement(NUMBER, cut(HISTORY, 2, 5)))
    row = scope.session.scalars(select(Statement).where(Statement.import_id == late.id)).one()
    with pytest.raises(Conflict, match=r"export\.partial"):
        of_statement(scope, row.id)
    assert [one.amount for one in of_period(scope, account_of(scope).id, day(0), day(9)).lines] == [10, -4, -4, 7, 1]
