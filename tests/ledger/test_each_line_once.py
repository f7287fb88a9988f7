"""Statements that overlap, repeat and continue: each line of the account's history stays one."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.access import Scope
from portal.connectors.statement import StatementLine
from portal.kernel.db import Database
from portal.ledger import gathering
from portal.ledger.models import Import
from tests import factories as make
from tests.ledger.making import Cut, bring_in, cut, line, statement, stored

_numbers = itertools.count(500_000)


@pytest.fixture(scope="module")
def tenant_scope(database: Database) -> Iterator[Scope]:
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL")
    with database.session() as session:
        yield make.scope_in(session, client)
        session.rollback()


@pytest.fixture
def account() -> str:
    return make.belgian_iban(next(_numbers))


Told = tuple[object, ...]


def told(lines: object) -> Counter[Told]:
    return Counter((x.date, x.amount, x.counterparty_account, x.description) for x in lines)  # type: ignore[attr-defined]


TWINS = [line(0, 10, "A"), line(0, 10, "A"), line(0, 10, "A"), line(0, 10, "A")]


def test_the_same_statement_again_is_known_as_a_whole(tenant_scope: Scope, account: str) -> None:
    history = [line(0, 10, "A"), line(1, -4, "B"), line(1, -4, "B")]
    first = bring_in(tenant_scope, statement(account, cut(history, 0, 3)))
    again = bring_in(tenant_scope, statement(account, cut(history, 0, 3)))
    assert (first.state, first.stored, first.known) == ("stored", 3, 0)
    assert (again.state, again.stored, again.known) == ("known", 0, 3)


def test_equal_lines_of_one_statement_stay_two(tenant_scope: Scope, account: str) -> None:
    bring_in(tenant_scope, statement(account, cut(TWINS, 0, 2)))
    assert len(stored(tenant_scope, account)) == 2


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_consecutive_statements_of_one_day_add_up(tenant_scope: Scope, account: str, order: tuple[int, ...]) -> None:
    pieces = [cut(TWINS, i, i + 1) for i in range(4)]
    for i in order:
        bring_in(tenant_scope, statement(account, pieces[i]))
    assert len(stored(tenant_scope, account)) == 4


def test_consecutive_statements_without_any_place_but_their_ends(tenant_scope: Scope, account: str) -> None:
    """Lines in no order of date have no balance after them; the chain still says: continued."""
    mixed = [line(1, 10, "A"), line(0, 5, "B"), line(1, 10, "A")]
    bring_in(tenant_scope, statement(account, Cut(mixed, Decimal(0))))
    bring_in(tenant_scope, statement(account, Cut([line(1, 10, "A"), line(2, 1)], Decimal(25))))
    assert len(stored(tenant_scope, account)) == 5


def test_overlap_that_cuts_a_day_of_equal_lines(tenant_scope: Scope, account: str) -> None:
    bring_in(tenant_scope, statement(account, cut(TWINS, 0, 3), format="coda"))
    late = bring_in(tenant_scope, statement(account, cut(TWINS, 1, 4), format="coda"))
    assert (late.stored, late.known) == (1, 2)


def test_very_many_equal_lines_before_and_after_a_boundary(tenant_scope: Scope, account: str) -> None:
    many = [line(0, 1, "A")] * 6_000
    for start in (0, 3_000):
        bring_in(tenant_scope, statement(account, cut(many, start, start + 3_000)))
    assert len(stored(tenant_scope, account)) == 6_000


def test_files_without_balances_count_the_most_of_each_line(tenant_scope: Scope, account: str) -> None:
    bring_in(tenant_scope, statement(account, Cut(TWINS[:2], None)))
    more = bring_in(tenant_scope, statement(account, Cut([*TWINS[:3], line(0, 7, "B")], None)))
    assert (more.stored, more.known) == (2, 2)
    with_balances = bring_in(tenant_scope, statement(account, cut(TWINS, 0, 4)))
    assert (with_balances.stored, with_balances.known) == (1, 3)


def test_a_payment_sent_back_and_made_again_on_one_day_is_two(tenant_scope: Scope, account: str) -> None:
    history = [line(0, 10, "A"), line(0, -10, "A"), line(0, 10, "A")]
    bring_in(tenant_scope, statement(account, cut(history, 0, 1)))
    bring_in(tenant_scope, statement(account, cut(history, 1, 3)))
    assert len(stored(tenant_scope, account)) == 3


def reworded(lines: list[StatementLine]) -> list[StatementLine]:
    return [line((x.date - lines[0].date).days, str(x.amount), "", f"CODA {x.description}") for x in lines]


MONTH = [line(d, a, w, f"text {d}") for d, a, w in [(0, 5, "A"), (0, 7, "B"), (1, 5, ""), (1, -5, "C"), (2, 9, "D")]]


@pytest.mark.parametrize("coda_first", [True, False])
def test_the_same_days_in_another_format_are_known_however_worded(
    tenant_scope: Scope, account: str, coda_first: bool
) -> None:
    days = [statement(account, cut(reworded(MONTH), a, b), format="coda") for a, b in [(0, 2), (2, 4), (4, 5)]]
    month = statement(account, cut(MONTH, 0, 5), newest_first=True)
    files = [days, [month]] if coda_first else [[month], days]
    results = [bring_in(tenant_scope, *file) for file in files]
    assert [(r.stored, r.known) for r in results] == [(5, 0), (0, 5)]


def test_a_batch_booked_as_total_in_one_format_and_line_by_line_in_the_other(tenant_scope: Scope, account: str) -> None:
    bring_in(
        tenant_scope, statement(account, Cut([line(0, 60, text="batch"), line(0, 3, "X")], Decimal(1)), format="coda")
    )
    singles = [line(0, 10, "A"), line(0, 20, "B"), line(0, 30, "C"), line(0, 3, "X")]
    again = bring_in(tenant_scope, statement(account, Cut(singles, Decimal(1))))
    assert (again.stored, again.known) == (0, 4)


def test_a_day_inside_both_files_in_another_order_is_known(tenant_scope: Scope, account: str) -> None:
    one = [line(0, 1, "A"), line(1, 5, "B"), line(1, 7, "C"), line(2, 2, "D")]
    other = [one[0], one[2], one[1], one[3], line(3, 4, "E")]
    bring_in(tenant_scope, statement(account, Cut(one, Decimal(0))))
    again = bring_in(tenant_scope, statement(account, Cut(other, Decimal(0))))
    assert (again.stored, again.known) == (1, 4)


@pytest.mark.parametrize("format", ["camt053", "coda"])
@pytest.mark.parametrize("part_first", [True, False])
def test_a_part_of_a_day_that_the_other_file_holds_whole(
    tenant_scope: Scope, account: str, format: str, part_first: bool
) -> None:
    """The part ends in the middle of Tuesday, of which the other file has another order."""
    part = [line(0, 1, "A"), line(1, 5, "B")]
    whole = [line(0, 1, "A"), line(1, 7, "C"), line(1, 5, "B"), line(2, 2, "D")]
    part = reworded(part) if format == "coda" else part
    files = [statement(account, Cut(part, Decimal(0)), format=format), statement(account, Cut(whole, Decimal(0)))]
    for file in files if part_first else reversed(files):
        bring_in(tenant_scope, file)
    assert sorted(x.amount for x in stored(tenant_scope, account)) == [1, 2, 5, 7]


def test_two_statements_of_one_file_that_overlap_each_other(tenant_scope: Scope, account: str) -> None:
    week = [line(d, 10, "A") for d in range(5)]
    row = bring_in(tenant_scope, statement(account, cut(week, 0, 4)), statement(account, cut(week, 2, 5)))
    assert (row.stored, row.known) == (5, 2)


def test_lines_carry_the_balance_after_them(tenant_scope: Scope, account: str) -> None:
    history = [line(0, 10, "A"), line(1, -4, "B"), line(1, 1, "C")]
    bring_in(tenant_scope, statement(account, cut(history, 0, 3, Decimal(100)), newest_first=True))
    kept = {x.counterparty_account: x.balance for x in stored(tenant_scope, account)}
    assert kept == {"A": Decimal(110), "B": Decimal(106), "C": Decimal(107)}


def test_one_day_newest_first_is_recognised_inside_a_longer_file(tenant_scope: Scope, account: str) -> None:
    history = [line(0, 10, "A"), line(0, 20, "B"), line(0, 30, "C"), line(1, 5, "D")]
    bring_in(tenant_scope, statement(account, cut(history, 0, 2), newest_first=True))
    longer = bring_in(tenant_scope, statement(account, cut(history, 0, 4), newest_first=True))
    inner = bring_in(tenant_scope, statement(account, cut(history, 1, 3), newest_first=True))
    assert [(r.stored, r.known) for r in (longer, inner)] == [(2, 2), (0, 2)]


# ------------------------------------------------------------------ any history, any cuts


@st.composite
def histories(draw: st.DrawFn, twins: bool) -> list[StatementLine]:
    """Up to 12 lines on a few days; the balance never comes back to a value of the same day."""
    days = sorted(draw(st.lists(st.integers(0, 3), min_size=1, max_size=12)))
    history: list[StatementLine] = []
    balance, seen, today = 0, {0}, -1
    for place, day in enumerate(days):
        if day != today:
            today, seen = day, {balance}
        possible = [a for a in (5, 5, 5, 10, -5, -10, 7, 1000) if balance + a not in seen]
        amount = draw(st.sampled_from(possible))
        balance += amount
        seen.add(balance)
        who = draw(st.sampled_from(["A", "A", "B", ""])) if twins else f"PAYER{place}"
        history.append(line(day, amount, who, "fee"))
    return history


def pieces(history: list[StatementLine]) -> st.SearchStrategy[list[tuple[int, int]]]:
    places = st.integers(0, len(history))
    one = st.tuples(places, places).map(lambda p: (min(p), max(p))).filter(lambda p: p[0] < p[1])
    return st.lists(one, min_size=1, max_size=5)


def check(scope: Scope, data: st.DataObject, history: list[StatementLine], format: str, newest_first: bool) -> None:
    account = make.belgian_iban(next(_numbers))
    cuts = data.draw(pieces(history))
    held = data.draw(st.sampled_from([0, 3, 2_000]))  # more lines than that wait in the database

    def bring(start: int, end: int) -> Import:
        made = statement(account, cut(history, start, end), format=format, newest_first=newest_first)
        with patch.object(gathering, "HELD", held):
            return bring_in(scope, made)

    for start, end in cuts:
        bring(start, end)
    covered = sorted({i for start, end in cuts for i in range(start, end)})
    assert told(stored(scope, account)) == told([history[i] for i in covered])
    # and all of it again, in another order, changes nothing
    assert [bring(*piece).stored for piece in reversed(cuts)] == [0] * len(cuts)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_cuts_of_equal_lines_in_any_order_add_up(tenant_scope: Scope, data: st.DataObject) -> None:
    check(tenant_scope, data, data.draw(histories(twins=True)), "coda", newest_first=False)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.booleans())
def test_any_cuts_in_either_direction_add_up(tenant_scope: Scope, data: st.DataObject, newest_first: bool) -> None:
    check(tenant_scope, data, data.draw(histories(twins=False)), "camt053", newest_first)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_continued_statement_loses_no_line_even_when_balances_come_back(
    tenant_scope: Scope, data: st.DataObject
) -> None:
    account = make.belgian_iban(next(_numbers))
    days = sorted(data.draw(st.lists(st.integers(0, 2), min_size=2, max_size=8)))
    history = [line(d, data.draw(st.sampled_from([5, -5])), "A") for d in days]
    border = data.draw(st.integers(1, len(history) - 1))
    cuts = [cut(history, 0, border), cut(history, border, len(history))]
    if any(piece.opening == piece.closing for piece in cuts):
        return  # a net movement of nil cannot be told from an overlap
    for piece in data.draw(st.permutations(cuts)):
        bring_in(tenant_scope, statement(account, piece))
    assert told(stored(tenant_scope, account)) == told(history)
