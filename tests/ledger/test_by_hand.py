"""Statements by hand, corrections that keep what was, and lines taken out that stay out."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from portal.access import Scope
from portal.connectors.feed import FeedTransaction, TransactionStatus
from portal.connectors.statement import StatementLine
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.accounts import accounts
from portal.ledger.by_hand import TypedLine, add_statement
from portal.ledger.chain import gaps
from portal.ledger.correcting import changes, correct_line, may_change
from portal.ledger.deleting import delete_line, delete_statement, deleted_lines, hindrance, restore_line
from portal.ledger.feeding import store_transactions
from portal.ledger.models import BankAccount, Entry, Import, Statement
from portal.ledger.models import StatementLine as StoredLine
from portal.ledger.undoing import delete_import
from tests import factories as make
from tests.ledger.making import START, Cut, bring_in, cut, line, statement, stored

NUMBER = make.belgian_iban(700_001)
HISTORY = [line(0, 10, "A"), line(1, -4, "B"), line(2, 7, "C"), line(3, 1, "D")]


def told(number: int, what: StatementLine) -> FeedTransaction:
    return FeedTransaction(str(number), TransactionStatus.BOOKED, what)


def account_of(scope: Scope) -> BankAccount:
    return accounts(scope)[0]


def test_a_typed_statement_is_stored_with_balances(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    typed = [
        TypedLine(START + timedelta(days=1), Decimal(-4), "rent"),
        TypedLine(START + timedelta(days=2), Decimal(7)),
    ]
    row = add_statement(scope, account_of(scope).id, opening=Decimal(10), closing=Decimal(13), lines=typed, number="7")
    assert (row.origin, row.stored, row.known) == ("hand", 2, 0)
    assert [x.balance for x in stored(scope, NUMBER)] == [10, 6, 13]
    assert gaps(scope, account_of(scope).id) == []


def test_a_typed_statement_has_to_add_up(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    account = account_of(scope)
    one = [TypedLine(START, Decimal(5))]
    with pytest.raises(Invalid) as wrong:
        add_statement(scope, account.id, opening=Decimal(0), closing=Decimal(6), lines=one)
    assert (wrong.value.code, wrong.value.values["difference"]) == ("hand.balance", Decimal(-1))
    for lines, code in (([], "hand.empty"), (one * 201, "hand.most"), ([TypedLine(START, Decimal(0))], "hand.nothing")):
        with pytest.raises(Invalid) as refused:
            add_statement(scope, account.id, opening=Decimal(0), closing=Decimal(0), lines=lines)
        assert refused.value.code == code


def test_lines_that_a_file_told_are_not_typed_twice(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, Cut(HISTORY, Decimal(0))))
    typed = [TypedLine(one.date, one.amount, "as on paper") for one in HISTORY]
    row = add_statement(scope, account_of(scope).id, opening=Decimal(0), closing=Decimal(14), lines=typed)
    assert (row.stored, row.known) == (0, 4)


def test_the_texts_of_a_told_line_may_be_corrected_and_are_kept(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 2)))
    row = stored(scope, NUMBER)[0]
    assert may_change(scope, row) == ("description", "counterparty", "reference")
    correct_line(scope, row.id, {"counterparty": "  Immo   Zuid ", "description": row.description})
    scope.session.flush()
    (change,) = changes(scope, row.id)
    assert (change.before, change.after, change.source) == (
        {"counterparty": "A"}, {"counterparty": "Immo Zuid"}, "person")  # fmt: skip
    with pytest.raises(Invalid, match=r"line\.field"):
        correct_line(scope, row.id, {"amount": Decimal(11)})
    assert bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 3))).stored == 1


def test_a_corrected_reference_does_not_make_the_feed_tell_it_again(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    account = account_of(scope)
    row = stored(scope, NUMBER)[0]
    correct_line(scope, row.id, {"reference": "RF18539007547034", "description": "mine"})
    scope.session.flush()
    again = [told(1, line(0, 10, "A", reference="RF712348231"))]
    assert store_transactions(scope, account, "ponto", [told(1, HISTORY[0])]).stored == 0
    fed = store_transactions(scope, account, "saltedge", again)
    assert (fed.stored, fed.updated) == (0, 0)
    scope.session.refresh(row)
    assert row.description == "mine"


def test_a_typed_line_may_be_corrected_altogether(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    typed = [TypedLine(START, Decimal(5), "a"), TypedLine(START, Decimal(6), "b")]
    add_statement(scope, account_of(scope).id, opening=Decimal(10), closing=Decimal(21), lines=typed)
    row = next(x for x in stored(scope, NUMBER) if x.amount == 5)
    correct_line(scope, row.id, {"amount": Decimal("5.50"), "date": START + timedelta(days=9)})
    scope.session.flush()
    kept = scope.get(Statement, row.statement_id)
    assert (kept.closing, kept.last_date) == (Decimal("21.50"), START + timedelta(days=9))
    assert {x.amount: x.balance for x in stored(scope, NUMBER)} == {10: 10, 6: 16, Decimal("5.5"): Decimal("21.5")}


def test_a_line_taken_out_does_not_come_back_by_file_or_feed(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 3)))
    account = account_of(scope)
    gone = stored(scope, NUMBER)[1]
    delete_line(scope, gone.id, "booked by the bank in error")
    scope.session.flush()
    assert bring_in(scope, statement(NUMBER, cut(HISTORY, 1, 4))).stored == 1
    assert bring_in(scope, statement(NUMBER, Cut(HISTORY, None), format="ofx")).stored == 0
    fed = store_transactions(scope, account, "ponto", [told(n, one) for n, one in enumerate(HISTORY)],
                             whole_since=date.min)  # fmt: skip
    assert (fed.stored, fed.known) == (0, 4)
    assert sorted(x.amount for x in stored(scope, NUMBER)) == [1, 7, 10]
    (kept,) = deleted_lines(scope, account.id)
    assert (kept.reason, kept.amount) == ("booked by the bank in error", Decimal(-4))
    assert [found.kind for found in gaps(scope, account.id)] == ["overlap", "sum"]
    restore_line(scope, kept.id)
    assert sorted(x.amount for x in stored(scope, NUMBER)) == [-4, 1, 7, 10]
    assert deleted_lines(scope, account.id) == []


def test_a_statement_taken_out_is_put_back_with_its_lines(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 2)))
    account = account_of(scope)
    row = scope.session.scalars(select(Statement).where(Statement.bank_account_id == account.id)).one()
    before = (row.id, row.closing, row.closing_date, row.digest)
    assert delete_statement(scope, row.id, "of another firm") == 2
    scope.session.flush()
    scope.session.expire_all()
    assert stored(scope, NUMBER) == []
    assert bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 3))).stored == 1
    for kept in deleted_lines(scope, account.id):
        restore_line(scope, kept.id)
    back = scope.get(Statement, before[0])
    assert (back.id, back.closing, back.closing_date, back.digest) == before
    assert sorted(x.amount for x in stored(scope, NUMBER)) == [-4, 7, 10]


def test_a_reason_is_asked(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    with pytest.raises(Invalid, match=r"line\.reason"):
        delete_line(scope, stored(scope, NUMBER)[0].id, "  ")


def test_an_undone_file_leaves_the_lines_that_a_feed_told(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    account = account_of(scope)
    store_transactions(scope, account, "ponto", [told(1, HISTORY[1])])
    late = bring_in(scope, statement(NUMBER, cut(HISTORY, 1, 3)))
    store_transactions(scope, account, "ponto", [told(2, HISTORY[2])])
    assert (late.stored, late.known) == (1, 1)
    scope.session.flush()
    scope.session.expire_all()
    taken = {x.amount: x.balance for x in stored(scope, NUMBER)}
    assert taken == {10: 10, -4: 6, 7: 13}
    delete_import(scope, late.id)
    scope.session.flush()
    scope.session.expire_all()
    assert {x.amount: x.balance for x in stored(scope, NUMBER)} == {10: 10, -4: None, 7: None}
    again = bring_in(scope, statement(NUMBER, cut(HISTORY, 1, 3)))
    assert (again.stored, again.known) == (0, 2)


def test_what_a_feed_brought_is_not_undone_as_a_file(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    fed = store_transactions(scope, account_of(scope), "ponto", [told(1, HISTORY[1])])
    assert fed.import_id is not None
    with pytest.raises(Conflict, match=r"import\.fed"):
        delete_import(scope, fed.import_id)
    row = scope.session.scalars(select(Statement).where(Statement.import_id == fed.import_id)).one()
    assert delete_statement(scope, row.id, "twice") == 1
    again = store_transactions(scope, account_of(scope), "ponto", [told(1, HISTORY[1]), told(9, HISTORY[2])],
                               whole_since=date.min)  # fmt: skip
    assert (again.stored, again.known) == (1, 1)
    assert scope.get(Import, fed.import_id).origin == "feed"


def test_a_matched_line_stays(scope: Scope) -> None:
    bring_in(scope, statement(NUMBER, cut(HISTORY, 0, 1)))
    row = stored(scope, NUMBER)[0]
    assert hindrance(scope, [row]) is None
    scope.session.execute(update(StoredLine).where(StoredLine.id == row.id).values(matched=row.amount))
    scope.session.refresh(row)
    with pytest.raises(Conflict, match=r"line\.matched"):
        delete_line(scope, row.id, "x")
    assert Entry.__tablename__ == "entries"
