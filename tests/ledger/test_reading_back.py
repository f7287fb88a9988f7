"""Lists, the chain of balances, and the balance by day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.access import Scope
from portal.ledger.accounts import accounts
from portal.ledger.balances import balances_by_day, last_balances
from portal.ledger.chain import gaps
from portal.ledger.lists import LineFilter, imports, lines, statements, totals
from tests.ledger.making import START, Cut, bring_in, cut, line, statement

ACCOUNT = "BE68539007547034"
HISTORY = [
    line(day, amount, who) for day, amount, who in [(0, 10, "A"), (1, -4, "B"), (3, 1, "C"), (4, -2, "D"), (4, 5, "E")]
]


def at(scope: Scope, *pieces: Cut, newest_first: bool = False) -> Scope:
    for piece in pieces:
        bring_in(scope, statement(ACCOUNT, piece, newest_first=newest_first))
    return scope


def kinds(scope: Scope) -> list[tuple[str, Decimal, Decimal]]:
    return [(b.kind, b.from_balance, b.to_balance) for b in gaps(scope, accounts(scope)[0].id)]


def test_a_chain_without_gaps_has_none(scope: Scope) -> None:
    assert kinds(at(scope, cut(HISTORY, 0, 2), cut(HISTORY, 2, 3), cut(HISTORY, 3, 5))) == []


def test_in_whatever_order_the_files_came(scope: Scope) -> None:
    assert kinds(at(scope, cut(HISTORY, 3, 5), cut(HISTORY, 0, 2), cut(HISTORY, 2, 3))) == []


def test_a_missing_statement_is_named_with_its_balances(scope: Scope) -> None:
    assert kinds(at(scope, cut(HISTORY, 0, 1), cut(HISTORY, 2, 5))) == [("gap", Decimal(10), Decimal(6))]
    found = gaps(scope, accounts(scope)[0].id)[0]
    assert (found.from_date, found.to_date) == (START, START + timedelta(days=3))


def test_an_overlap_is_named_and_harmless(scope: Scope) -> None:
    assert [k for k, *_ in kinds(at(scope, cut(HISTORY, 0, 3), cut(HISTORY, 1, 5)))] == ["overlap"]
    assert totals(scope, LineFilter(bank_account_id=accounts(scope)[0].id)).count == 5


def test_two_statements_of_one_day_are_a_chain(scope: Scope) -> None:
    assert kinds(at(scope, cut(HISTORY, 0, 4), cut(HISTORY, 4, 5))) == []


def test_a_statement_of_the_same_day_is_missing_between_two(scope: Scope) -> None:
    day = [line(0, 1, "A"), line(0, 2, "B"), line(0, 4, "C")]
    assert kinds(at(scope, cut(day, 0, 1), cut(day, 2, 3))) == [("gap", Decimal(1), Decimal(3))]


def test_lines_that_do_not_lead_to_the_balance_are_told(scope: Scope) -> None:
    at(scope, cut(HISTORY, 0, 5))
    found = lines(scope, LineFilter()).rows[0]
    scope.session.delete(found)
    scope.session.flush()
    assert [k for k, *_ in kinds(scope)] == ["sum"]


def test_statements_without_balances_tell_nothing(scope: Scope) -> None:
    assert kinds(at(scope, Cut(HISTORY[:2], None), cut(HISTORY, 2, 5))) == []


def test_a_line_that_only_a_source_without_balances_tells_shows_within_the_chain(scope: Scope) -> None:
    extra = [line(1, 6, "X", "not in any statement")]
    assert kinds(at(scope, cut(HISTORY, 0, 5), Cut(extra, None))) == [("sum", Decimal(16), Decimal(10))]


# ------------------------------------------------------------------ balances


def test_the_balance_of_every_day(scope: Scope) -> None:
    at(scope, cut(HISTORY, 0, 3, Decimal(100)), cut(HISTORY, 3, 5, Decimal(100)), newest_first=True)
    account = accounts(scope)[0].id
    days = balances_by_day(scope, account, date(2026, 1, 1), date(2026, 12, 31))
    assert [(b.date - START).days for b in days] == [0, 1, 2, 3, 4]
    assert [b.amount for b in days] == [110, 106, 106, 107, 110]
    part = balances_by_day(scope, account, START + timedelta(days=1), START + timedelta(days=2))
    assert [b.amount for b in part] == [106, 106]
    assert last_balances(scope)[account].amount == 110


def test_no_balance_no_chart(scope: Scope) -> None:
    at(scope, Cut(HISTORY, None))
    account = accounts(scope)[0].id
    assert balances_by_day(scope, account, START, START) == []
    assert last_balances(scope) == {}


# ------------------------------------------------------------------ lists


def test_pages_hold_each_line_once_newest_first(scope: Scope) -> None:
    at(scope, cut(HISTORY, 0, 5))
    seen, after = [], ""
    while True:
        page = lines(scope, LineFilter(), after=after, limit=2)
        seen += [row.counterparty_account for row in page.rows]
        after = page.after
        if not after:
            break
    assert seen == ["E", "D", "C", "B", "A"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (LineFilter(find="c"), ["C"]),
        (LineFilter(find="payment"), ["E", "D", "C", "B", "A"]),
        (LineFilter(find="%"), []),
        (LineFilter(since=START + timedelta(days=3), until=START + timedelta(days=3)), ["C"]),
        (LineFilter(least=Decimal(4), most=Decimal(5)), ["E", "B"]),
        (LineFilter(entered=True), []),
        (LineFilter(entered=False), ["E", "D", "C", "B", "A"]),
    ],
)
def test_filters(scope: Scope, wanted: LineFilter, found: list[str]) -> None:
    at(scope, cut(HISTORY, 0, 5))
    assert [row.counterparty_account for row in lines(scope, wanted).rows] == found
    assert totals(scope, wanted).count == len(found)


def test_totals_tell_both_directions(scope: Scope) -> None:
    at(scope, cut(HISTORY, 0, 5))
    assert totals(scope, LineFilter()).money_in == 16
    assert totals(scope, LineFilter()).money_out == 6


def test_imports_and_statements_page_by_page(scope: Scope) -> None:
    at(scope, cut(HISTORY, 0, 2), cut(HISTORY, 2, 3), cut(HISTORY, 3, 5))
    account = accounts(scope)[0].id
    first = statements(scope, account, limit=2)
    rest = statements(scope, account, after=first.after, limit=2)
    assert [s.line_count for s in (*first.rows, *rest.rows)] == [2, 1, 2]
    assert rest.after == ""
    one = imports(scope, limit=1)
    assert len({one.rows[0].id, *(row.id for row in imports(scope, after=one.after).rows)}) == 3


def test_a_made_up_cursor_begins_at_the_beginning(scope: Scope) -> None:
    at(scope, cut(HISTORY, 0, 5))
    for after in ("x", "~", "2026-01-01~nonsense", "nonsense~01a20072-9566-7889-9aad-c18f011605a7"):
        assert len(lines(scope, LineFilter(), after=after).rows) == 5
