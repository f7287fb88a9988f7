"""What every bank feed connector must do, whatever provider it speaks to.

A connector's test module makes a `world` fixture for its stand-in server and inherits the tests:

    class TestContract(FeedContract):
        pass
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Protocol

import pytest

from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.feed import Attempt, BankFeed, FeedTransaction, RefreshStatus, TransactionStatus
from portal.connectors.manifest import Explanation
from portal.connectors.statement import StatementLine
from tests.connectors.contract.world import RecordingGate

ADDRESS = "192.0.2.44"  # of the person who asks for a refresh

Fact = tuple[date, Decimal]  # what a bank's books and a line have in common, whatever the provider tells besides


class Fault(StrEnum):
    """What the stand-in server does to the next read of transactions."""

    LOST = "lost"  # the connection breaks, nothing was done
    RATE_LIMITED = "rate_limited"
    FAULTY = "faulty"  # an internal error
    BUSY = "busy"  # 503
    SLOW = "slow"  # the answer comes after the time-out
    GARBAGE = "garbage"
    TRUNCATED = "truncated"  # the answer breaks off


class FeedWorld(Protocol):
    """One stand-in server with one link, and an oracle (`booked`) that reads the banks' books without the connector."""

    gate: RecordingGate
    account: str  # remote id of an account with more transactions than a page of the provider holds
    numbers: set[str]  # of all accounts that the link shows
    explanations: Mapping[str, Explanation]
    secret: str  # what signs the requests

    @property
    def connection(self) -> BankFeed:
        """With a read time-out of about a second, and no waiting between repeated reads."""
        ...

    @property
    def unreachable(self) -> BankFeed:
        """The same towards a port where nobody listens."""
        ...

    @property
    def today(self) -> date:
        """The day that it is at the bank of `account`."""
        ...

    def booked(self) -> Counter[Fact]:
        """All that the bank has booked on `account` and the provider has fetched."""
        ...

    def pass_days(self, days: int) -> None:
        """Virtual time passes: the bank books, and the provider fetches by itself as it always does."""
        ...

    def book(self, amount: Decimal, on: date, text: str) -> None:
        """The bank books a movement on `account` under this day, now, and the provider has fetched it."""
        ...

    def announce(self, amount: Decimal, text: str) -> None:
        """The bank announces a movement on `account` that it books in the coming days; the provider knows of it."""
        ...

    def change_ids(self) -> None:
        """The bank gives other ids to some of the last movements on `account`."""
        ...

    def end_consent(self) -> None:
        """The time of the consent is over, and the provider has noticed."""
        ...

    def sign(self, address: str) -> None:
        """A person goes to this address of the provider and renews."""
        ...

    def fail_next_fetch(self) -> None:
        """The next fetch at the bank fails."""
        ...

    def finish_fetches(self) -> None:
        """Time passes until every fetch at the bank has ended."""
        ...

    def fault(self, fault: Fault, times: int = 1) -> None: ...

    def expire(self) -> None:
        """The provider stops accepting what signs our requests."""
        ...


def refusal_of(call: Callable[[], object]) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        call()
    return caught.value


def read(world: FeedWorld, cursor: str = "") -> tuple[list[FeedTransaction], str]:
    """All transactions after the cursor, and the cursor for the next time."""
    pages = list(world.connection.transactions(world.account, cursor))
    last = next((page.cursor for page in reversed(pages) if page.cursor), cursor)
    return [one for page in pages for one in page.transactions], last


def kept(*readings: Iterable[FeedTransaction]) -> dict[str, StatementLine]:
    """Booked lines by id, the later reading over the earlier one."""
    return {one.id: one.line for part in readings for one in part if one.status is TransactionStatus.BOOKED}


def facts(lines: Iterable[StatementLine]) -> Counter[Fact]:
    return Counter((line.date, line.amount) for line in lines)


def assert_nothing_lost(world: FeedWorld, *readings: Iterable[FeedTransaction]) -> None:
    """Together they hold all that is booked. A bank may have changed an id in between: then a line is told twice."""
    found, booked = facts(kept(*readings).values()), world.booked()
    assert not booked - found
    assert set(found) == set(booked)


def finished(world: FeedWorld, refresh: str) -> Attempt:
    world.finish_fetches()
    return world.connection.refreshed(refresh)


class FeedContract:
    """The rules. Collected only through a subclass that has a `world`."""

    # -------------------------------------------------------------------------- accounts

    def test_it_is_a_bank_feed(self, world: FeedWorld) -> None:
        assert isinstance(world.connection, BankFeed)

    def test_it_knows_whose_link_it_is(self, world: FeedWorld) -> None:
        identity = world.connection.identity()
        assert identity.user_id
        assert identity == world.connection.identity()

    def test_all_accounts_of_the_link_are_told(self, world: FeedWorld) -> None:
        accounts = world.connection.accounts()
        assert {account.number for account in accounts} == world.numbers
        assert len({account.id for account in accounts}) == len(accounts)
        assert world.account in {account.id for account in accounts}
        for account in accounts:
            assert " " not in account.number
            assert len(account.currency) == 3
            assert account.available
            assert account.balance is None or account.balance == round(account.balance, 2)

    # -------------------------------------------------------------------------- transactions

    def test_transactions_come_whole_over_all_pages(self, world: FeedWorld) -> None:
        pages = list(world.connection.transactions(world.account))
        assert len([page for page in pages if page.transactions]) > 1
        lines = kept(*(page.transactions for page in pages))
        assert facts(lines.values()) == world.booked()

    def test_lines_that_are_honestly_equal_are_each_there(self, world: FeedWorld) -> None:
        day = world.today
        for _ in range(3):
            world.book(Decimal("-4.35"), day, "Parking")
        lines = kept(read(world)[0])
        assert facts(lines.values())[day, Decimal("-4.35")] == world.booked()[day, Decimal("-4.35")] >= 3

    def test_amounts_are_exact(self, world: FeedWorld) -> None:
        world.book(Decimal("1234567.89"), world.today, "A large one")
        world.book(Decimal("-0.01"), world.today, "A small one")
        amounts = [line.amount for line in kept(read(world)[0]).values()]
        assert {Decimal("1234567.89"), Decimal("-0.01")} <= set(amounts)
        assert all(isinstance(amount, Decimal) and amount == round(amount, 2) for amount in amounts)

    def test_a_text_and_its_day_come_as_the_bank_has_them(self, world: FeedWorld) -> None:
        day = world.today - timedelta(days=2)
        world.book(Decimal("77.70"), day, "Factuur 4711 café ’t Hoekje")
        (line,) = [line for line in kept(read(world)[0]).values() if "4711" in line.description]
        assert (line.date, line.amount) == (day, Decimal("77.70"))
        assert "café ’t Hoekje" in line.description

    def test_the_cursor_brings_what_came_since(self, world: FeedWorld) -> None:
        first, cursor = read(world)
        world.pass_days(9)
        second, _ = read(world, cursor)
        assert_nothing_lost(world, first, second)
        assert len(second) < len(first)

    def test_an_old_day_that_comes_late_is_not_lost(self, world: FeedWorld) -> None:
        """Whoever stops at a date loses it."""
        _, cursor = read(world)
        day = world.today - timedelta(days=25)
        world.book(Decimal("311.13"), day, "Late")
        assert facts(kept(read(world, cursor)[0]).values())[day, Decimal("311.13")] >= 1

    def test_nothing_new_is_no_trouble(self, world: FeedWorld) -> None:
        first, cursor = read(world)
        again, same = read(world, cursor)
        assert_nothing_lost(world, first, again)
        assert facts(kept(again, read(world, same)[0]).values()) == facts(kept(again).values())

    def test_a_reading_that_breaks_off_goes_on_where_it_was(self, world: FeedWorld) -> None:
        """Also when more came in between: after any page the next reading loses nothing."""
        for stop in (1, 2):
            pages = world.connection.transactions(world.account)
            seen = [next(pages) for _ in range(stop)]
            world.book(Decimal(f"{stop}.11"), world.today, "In between")
            rest, cursor = read(world, seen[-1].cursor)
            after, _ = read(world, cursor)
            assert_nothing_lost(world, *(page.transactions for page in seen), rest, after)

    def test_a_cursor_of_long_ago_still_works(self, world: FeedWorld) -> None:
        first, cursor = read(world)
        world.pass_days(60)
        assert_nothing_lost(world, first, read(world, cursor)[0])

    def test_other_ids_bring_no_other_lines(self, world: FeedWorld) -> None:
        """What a bank numbers anew is told once in a full reading, and the cursor survives it."""
        before, cursor = read(world)
        world.change_ids()
        after = kept(read(world)[0])
        assert facts(after.values()) == world.booked()
        assert set(after) != set(kept(before))
        world.book(Decimal("5.55"), world.today, "Afterwards")
        assert facts(kept(read(world, cursor)[0]).values())[world.today, Decimal("5.55")] >= 1

    def test_what_is_announced_is_never_told_as_booked(self, world: FeedWorld) -> None:
        world.announce(Decimal("-19.19"), "Announced")
        assert Decimal("-19.19") in [one.line.amount for one in world.connection.pending(world.account)]
        assert all(one.status is TransactionStatus.PENDING for one in world.connection.pending(world.account))
        assert Decimal("-19.19") not in [line.amount for line in kept(read(world)[0]).values()]
        world.pass_days(5)
        assert Decimal("-19.19") in [line.amount for line in kept(read(world)[0]).values()]
        assert Decimal("-19.19") not in [one.line.amount for one in world.connection.pending(world.account)]

    # -------------------------------------------------------------------------- the consent

    def test_the_end_of_the_consent_is_told(self, world: FeedWorld) -> None:
        status = world.connection.status()
        assert status.consent_ends_at is not None
        assert status.consent_ends_at.tzinfo is not None
        assert status.consent_ends_at.date() > world.today
        assert status.ended == ""

    def test_a_consent_that_ended_is_told_with_its_reason(self, world: FeedWorld) -> None:
        world.end_consent()
        status = world.connection.status()
        assert status.ended in world.explanations

    def test_renewing_moves_the_end(self, world: FeedWorld) -> None:
        before = world.connection.status().consent_ends_at
        world.pass_days(3)
        world.sign(world.connection.renewal("http://127.0.0.1:9/back", "our-state"))
        after = world.connection.status()
        assert before is not None
        assert after.consent_ends_at is not None
        assert after.consent_ends_at > before

    def test_renewing_revives_what_ended(self, world: FeedWorld) -> None:
        world.end_consent()
        world.sign(world.connection.renewal("http://127.0.0.1:9/back", "our-state"))
        assert world.connection.status().ended == ""

    def test_a_link_can_be_ended_twice(self, world: FeedWorld) -> None:
        world.connection.revoke()
        with contextlib.suppress(Rejected, AuthorisationExpired):  # the provider may know no such link any more
            assert not any(account.available for account in world.connection.accounts())
        world.connection.revoke()

    # -------------------------------------------------------------------------- fetching now

    def test_a_fetch_can_be_asked_for_by_a_person(self, world: FeedWorld) -> None:
        world.pass_days(1)
        refresh = world.connection.refresh(world.account, ADDRESS)
        attempt = finished(world, refresh)
        assert attempt.status is RefreshStatus.DONE
        assert attempt.code == ""

    def test_a_second_one_at_once_is_told_when(self, world: FeedWorld) -> None:
        world.pass_days(1)
        finished(world, world.connection.refresh(world.account, ADDRESS))
        error = refusal_of(lambda: world.connection.refresh(world.account, ADDRESS))
        assert isinstance(error, Temporary)
        assert not error.sent
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 86400
        assert error.code in world.explanations

    def test_a_fetch_that_fails_says_why(self, world: FeedWorld) -> None:
        world.pass_days(1)
        world.fail_next_fetch()
        attempt = finished(world, world.connection.refresh(world.account, ADDRESS))
        assert attempt.status is RefreshStatus.FAILED
        assert attempt.code in world.explanations
        assert attempt.text
        assert attempt.request_id

    # -------------------------------------------------------------------------- bad days

    def test_an_unknown_account_is_rejected(self, world: FeedWorld) -> None:
        for account in ("00000000-0000-4000-8000-000000000000", "../accounts"):
            error = refusal_of(partial(self._read_all, world, account))
            assert isinstance(error, Rejected)
            assert error.code in world.explanations

    def _read_all(self, world: FeedWorld, account: str) -> None:
        for page in world.connection.transactions(account):
            assert not page.transactions

    def test_an_expired_login_is_told(self, world: FeedWorld) -> None:
        world.expire()
        error = refusal_of(world.connection.accounts)
        assert isinstance(error, AuthorisationExpired)
        assert error.code in world.explanations

    def test_too_many_calls_say_how_long_to_wait(self, world: FeedWorld) -> None:
        world.fault(Fault.RATE_LIMITED)
        error = refusal_of(lambda: read(world))
        assert isinstance(error, Temporary)
        assert not error.sent
        assert error.retry_after is not None
        assert error.retry_after > 0
        assert error.code in world.explanations

    @pytest.mark.parametrize("fault", [Fault.LOST, Fault.BUSY, Fault.TRUNCATED])
    def test_a_read_that_failed_once_is_repeated(self, world: FeedWorld, fault: Fault) -> None:
        world.fault(fault)
        assert facts(kept(read(world)[0]).values()) == world.booked()

    @pytest.mark.parametrize("fault", [Fault.LOST, Fault.BUSY, Fault.TRUNCATED, Fault.FAULTY, Fault.SLOW])
    def test_lasting_trouble_is_temporary(self, world: FeedWorld, fault: Fault) -> None:
        world.fault(fault, times=9)
        error = refusal_of(lambda: read(world))
        assert isinstance(error, Temporary)
        assert error.code in world.explanations

    def test_garbage_is_not_taken_for_an_answer(self, world: FeedWorld) -> None:
        world.fault(Fault.GARBAGE)
        error = refusal_of(lambda: read(world))
        assert isinstance(error, UnexpectedReply)
        assert error.code in world.explanations

    def test_where_nobody_listens_nothing_was_sent(self, world: FeedWorld) -> None:
        error = refusal_of(world.unreachable.accounts)
        assert isinstance(error, Temporary)
        assert not error.sent

    # -------------------------------------------------------------------------- manners

    def test_the_gate_is_asked_before_and_told_after_every_call(self, world: FeedWorld) -> None:
        world.pass_days(1)
        world.gate.calls.clear()
        world.connection.accounts()
        read(world)
        world.connection.refresh(world.account, ADDRESS)
        before, after = world.gate.calls[::2], world.gate.calls[1::2]
        assert [call[0] for call in before] == ["before"] * len(before)
        assert [call[0] for call in after] == ["after"] * len(before)
        assert [call[1:3] for call in before] == [call[1:3] for call in after]
        assert world.gate.writes == 1

    def test_reading_is_not_writing(self, world: FeedWorld) -> None:
        """Scheduled work only reads: nothing in it asks the bank."""
        world.gate.calls.clear()
        world.connection.identity()
        world.connection.accounts()
        world.connection.status()
        world.connection.pending(world.account)
        _, cursor = read(world)
        read(world, cursor)
        assert world.gate.writes == 0

    def test_a_closed_gate_keeps_the_call_in(self, world: FeedWorld) -> None:
        world.gate.refuse = Temporary("limit_reached", retry_after=7, sent=False)
        assert refusal_of(world.connection.accounts) is world.gate.refuse

    @pytest.mark.parametrize("fault", list(Fault))
    def test_no_secret_is_in_an_error(self, world: FeedWorld, fault: Fault) -> None:
        world.fault(fault, times=9)
        error = refusal_of(lambda: read(world))
        seen = f"{error!r} {error} {error.__dict__} {error.__cause__!r}"
        assert world.secret not in seen
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
