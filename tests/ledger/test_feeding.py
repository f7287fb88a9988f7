"""What a feed brings: each booked line once, whatever ids it comes under."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.access import Scope
from portal.connectors.feed import FeedTransaction, TransactionStatus
from portal.connectors.statement import StatementLine
from portal.kernel import clock
from portal.kernel.db import Database
from portal.ledger.announced import pending_lines
from portal.ledger.feeding import Fed, WholeNeeded, store_transactions
from portal.ledger.models import BankAccount, Import, LineChange
from portal.ledger.models import StatementLine as StoredLine
from tests import factories as make
from tests.ledger.making import START, Cut, bring_in, line, statement, stored

BOOKED, PENDING, DUPLICATE = TransactionStatus.BOOKED, TransactionStatus.PENDING, TransactionStatus.DUPLICATE
_numbers = itertools.count(100_000)
Feed = Callable[..., Fed]


@pytest.fixture(scope="module")
def tenant_scope(database: Database) -> Iterator[Scope]:
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL")
    with database.session() as session:
        yield make.scope_in(session, client)
        session.rollback()


@pytest.fixture
def account(tenant_scope: Scope) -> BankAccount:
    row = BankAccount(
        tenant_id=tenant_scope.tenant_id, number=make.belgian_iban(next(_numbers)), currency="EUR", name="KBC",
        created_at=clock.now(),
    )  # fmt: skip
    tenant_scope.session.add(row)
    tenant_scope.session.flush()
    return row


@pytest.fixture
def feed(tenant_scope: Scope, account: BankAccount) -> Feed:
    def feed(*told: tuple[str, StatementLine] | FeedTransaction, by: str = "ponto", since: date | None = None) -> Fed:
        some = [one if isinstance(one, FeedTransaction) else FeedTransaction(one[0], BOOKED, one[1]) for one in told]
        return store_transactions(tenant_scope, account, by, some, whole_since=since)

    return feed


def amounts(scope: Scope, account: BankAccount) -> list[Decimal]:
    return sorted(one.amount for one in stored(scope, account.number))


def test_a_fetch_is_stored_and_told(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    fed = feed(("1", line(0, 10, "A")), ("2", line(1, -4, "B")))
    assert (fed.stored, fed.known, fed.import_id is not None) == (2, 0, True)
    row = tenant_scope.session.get_one(Import, (tenant_scope.tenant_id, fed.import_id))
    assert (row.origin, row.format, row.stored) == ("feed", "ponto", 2)
    assert amounts(tenant_scope, account) == [-4, 10]


def test_the_same_fetch_again_changes_nothing(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    told = [("1", line(0, 10, "A")), ("2", line(0, 10, "A")), ("3", line(1, -4, "B"))]
    feed(*told)
    assert feed(*told) == Fed(known=3)
    assert feed(*told, since=date.min) == Fed(known=3)
    assert len(stored(tenant_scope, account.number)) == 3


def test_an_id_told_thrice_in_a_fetch_is_one_line(feed: Feed) -> None:
    fed = feed(*[("1", line(0, 10, "A"))] * 3)
    assert (fed.stored, fed.known, fed.duplicates) == (1, 0, 0)


def test_a_second_equal_line_of_a_later_fetch_is_two(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    feed(("1", line(0, 10, "A")))
    assert feed(("1", line(0, 10, "A")), ("2", line(0, 10, "A"))).stored == 1
    assert amounts(tenant_scope, account) == [10, 10]


def test_a_changed_id_is_the_same_line(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    feed(("1", line(0, 10, "A")), ("2", line(0, 10, "A")), ("3", line(1, 5)))
    renamed = feed(("9", line(0, 10, "A")), ("2", line(0, 10, "A")), ("8", line(1, 5)), since=START)
    assert (renamed.stored, renamed.known) == (0, 3)
    assert len(stored(tenant_scope, account.number)) == 3


def test_a_new_id_for_known_words_asks_for_the_whole(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    feed(("1", line(0, 10, "A")))
    with pytest.raises(WholeNeeded) as needed:
        feed(("2", line(0, 10, "A")), ("3", line(2, 1)))
    assert needed.value.since == START
    assert amounts(tenant_scope, account) == [10]
    whole = feed(("1", line(0, 10, "A")), ("2", line(0, 10, "A")), ("3", line(2, 1)), since=START)
    assert whole.stored == 2


def test_an_id_used_again_for_another_line_keeps_both(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    feed(("1", line(0, 10, "A")))
    assert feed(("1", line(3, 10, "A"))).stored == 1
    assert feed(("1", line(3, 12, "A"))).stored == 1
    assert feed(("1", line(3, 12, "A")), ("1", line(3, 10, "A")), ("1", line(0, 10, "A"))) == Fed(known=3)
    assert amounts(tenant_scope, account) == [10, 10, 12]


def test_two_feeds_tell_one_line_once(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    full = line(0, 10, "BE61310126985517", "Rent March", end_to_end_id="E1")
    meagre = StatementLine(full.date, None, full.amount, "RENT MARCH / BE61310126985517")
    feed(("p1", full), ("p2", full))
    assert feed(("s1", meagre), by="saltedge") == Fed(known=1)
    assert feed(("s1", meagre), ("s2", meagre), ("s3", meagre), by="saltedge").stored == 1
    assert len(stored(tenant_scope, account.number)) == 3


def test_two_different_lines_of_one_amount_stay_two(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    feed(("1", line(0, 10, "BE61310126985517", "coffee")))
    other = feed(("s1", line(0, 10, "BE71096123456769", "coffee")), by="saltedge")
    third = feed(("t1", line(0, 10, "", "tickets")), by="third")
    assert (other.stored, third.stored) == (1, 1)


def test_card_payments_of_one_amount_in_two_shops_are_two(
    tenant_scope: Scope, account: BankAccount, feed: Feed
) -> None:
    """They share all words but the shop's; neither source tells the day whole."""
    feed(("1", StatementLine(START, START, Decimal(-25), "BANCONTACT 02-03 Delhaize Gent kaart 6703", "Delhaize Gent")))
    shell = StatementLine(START, None, Decimal(-25), "SHELL ZAVENTEM BANCONTACT 02-03 kaart 6703")
    assert feed(("s1", shell), by="saltedge").stored == 1


def test_pending_lines_are_kept_apart_and_replaced(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    coming = FeedTransaction("w1", PENDING, line(0, -7, "C", "card"))
    assert feed(coming, ("1", line(0, 10, "A"))).pending == 1
    assert [one.amount for one in pending_lines(tenant_scope, account.id)] == [-7]
    feed(("2", line(0, -7, "C", "card")))
    assert pending_lines(tenant_scope, account.id) == []
    assert amounts(tenant_scope, account) == [-7, 10]


def test_what_a_provider_calls_doubled_is_left_out_once_the_line_is_there(feed: Feed) -> None:
    twin = FeedTransaction("2", DUPLICATE, line(0, 10, "A"))
    first = feed(("1", line(0, 10, "A")), twin, FeedTransaction("3", DUPLICATE, line(1, 99, "Z")))
    assert (first.stored, first.duplicates) == (2, 1)
    assert feed(("1", line(0, 10, "A")), twin).duplicates == 1


def test_a_name_that_comes_later_is_taken_and_kept(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    bare = line(0, 10, "BE61310126985517", "Rent")
    bare.counterparty = ""
    named = replace(bare, counterparty="Immo Zuid")
    feed(("1", bare))
    assert feed(("1", named)).updated == 1
    assert feed(("1", named)) == Fed(known=1)
    row = stored(tenant_scope, account.number)[0]
    tenant_scope.session.refresh(row)
    assert row.counterparty == "Immo Zuid"
    change = tenant_scope.session.scalars(select(LineChange).where(LineChange.line_id == row.id)).one()
    assert (change.source, change.before, change.after) == (
        "ponto", {"counterparty": ""}, {"counterparty": "Immo Zuid"})  # fmt: skip


def test_another_source_fills_in_only_what_is_empty(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    feed(("1", StatementLine(START, START, Decimal(10), "Rent", "Immo")))
    more = StatementLine(START, START, Decimal(10), "Rent of March", "Immo Zuid", "BE61310126985517")
    feed(("s1", more), by="saltedge")
    row = tenant_scope.session.scalars(
        select(StoredLine).where(StoredLine.bank_account_id == account.id).execution_options(populate_existing=True)
    ).one()
    assert (row.description, row.counterparty, row.counterparty_account) == ("Rent", "Immo", "BE61310126985517")


def test_a_date_is_never_moved(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    days = [date(2026, 1, 1), date(2026, 3, 29), date(2026, 10, 25), date(2026, 12, 31)]
    feed(*[(str(n), StatementLine(day, day, Decimal(n + 1), "x")) for n, day in enumerate(days)])
    assert [one.date for one in stored(tenant_scope, account.number)] == days


def test_counts_are_the_most_of_any_source(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    for by, count in (("ponto", 2), ("saltedge", 5), ("third", 3), ("ponto", 4)):
        feed(*[(f"{by}{n}", line(0, 10, "A")) for n in range(count)], by=by, since=START)
    assert Counter(amounts(tenant_scope, account)) == {Decimal(10): 5}


@pytest.mark.parametrize("names", list(itertools.permutations(("Immo Zuid", "Immo Zuid", "Transport", "Peeters"))))
def test_payments_that_differ_by_name_only_are_each_their_own(
    tenant_scope: Scope, account: BankAccount, feed: Feed, names: tuple[str, ...]
) -> None:
    """A file without accounts tells what the feed told of one of them, and comes again in a longer file."""
    day = line(0, -10).date
    feed(("1", StatementLine(day, day, Decimal(-10), "Rent", "Immo Zuid", "BE61310126985517")))
    file = [StatementLine(day, None, Decimal(-10), "Rent", name) for name in names]
    bring_in(tenant_scope, statement(account.number, Cut(file, None), format="ofx"))
    assert len(stored(tenant_scope, account.number)) == 4
    bring_in(tenant_scope, statement(account.number, Cut([*file, line(1, 5)], None), format="ofx"))
    assert len(stored(tenant_scope, account.number)) == 5


def test_an_id_used_again_the_day_after_is_not_the_line_of_that_value_date(
    tenant_scope: Scope, account: BankAccount, feed: Feed
) -> None:
    day = line(0, -25).date
    card = StatementLine(day, line(1, 1).date, Decimal(-25), "Bancontact 17-05", "Café De Markt")
    rent = StatementLine(line(1, 1).date, None, Decimal(-25), "Rent", "Immo Zuid")
    feed(("1", card))
    for _ in range(2):
        feed(("1", rent), ("1", replace(card, value_date=None)))
        assert len(stored(tenant_scope, account.number)) == 2


def test_an_id_whose_date_became_the_value_date_is_the_same_line(
    tenant_scope: Scope, account: BankAccount, feed: Feed
) -> None:
    told = StatementLine(line(0, 1).date, line(1, 1).date, Decimal(-25), "Bancontact 17-05", "Café De Markt")
    feed(("1", told))
    assert feed(("1", replace(told, date=line(1, 1).date))).stored == 0
    assert len(stored(tenant_scope, account.number)) == 1


def test_the_same_shop_on_the_day_after_is_another_line(tenant_scope: Scope, account: BankAccount, feed: Feed) -> None:
    """A file of one date only, which might be the value date, knows the second day; the feed tells the first."""
    day, after = line(0, 1).date, line(1, 1).date
    file = [StatementLine(after, None, Decimal(-25), "Bancontact 12-07 Carrefour", "Carrefour")]
    bring_in(tenant_scope, statement(account.number, Cut(file, None), format="ofx"))
    feed(("1", StatementLine(day, after, Decimal(-25), "Bancontact 11-07 Carrefour", "Carrefour")))
    assert len(stored(tenant_scope, account.number)) == 2


def test_a_value_date_with_the_same_text_is_the_same_line(
    tenant_scope: Scope, account: BankAccount, feed: Feed
) -> None:
    day, after = line(0, 1).date, line(1, 1).date
    file = [StatementLine(after, None, Decimal(-25), "Bancontact 11-07 Carrefour", "Carrefour")]
    bring_in(tenant_scope, statement(account.number, Cut(file, None), format="ofx"))
    feed(("1", StatementLine(day, after, Decimal(-25), "Bancontact 11-07 Carrefour card 6703", "Carrefour")))
    assert len(stored(tenant_scope, account.number)) == 1
