"""Whatever happens in whatever order: never twice, and what is held for booked stands there once."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.kernel import crash
from portal.kernel.db import Database
from portal.kernel.errors import PortalError
from portal.kernel.vault import Vault
from portal.ledger.models import Entry, StatementLine
from portal.sync import posting as desk
from portal.sync import reversal
from portal.sync.drafting import correct_line, draft_due, lines_of
from portal.sync.models import Posting, PostingState
from portal.sync.points import CRASH_POINTS, REVERSAL_POINTS
from portal.sync.preview import preview
from tests.sync.office import Clock, Office, open_office

POINTS = [point for point in CRASH_POINTS if point.startswith(("posting.", "drafting.", "offer."))]
POINTS += REVERSAL_POINTS
KILLS = st.one_of(st.just(""), st.just(""), st.sampled_from(POINTS))
STEPS = ["ok", "lost_before", "lost_after", "late", "refused", "not_sent", "expired", "garbage"]
ERRORS = {
    "refused": Rejected("pretend.period_closed"),
    "not_sent": Temporary("pretend.unreachable", sent=False),
    "expired": AuthorisationExpired("pretend.expired"),
    "garbage": UnexpectedReply("pretend.unreadable"),
}
OPEN = (PostingState.INTENT, PostingState.SENDING, PostingState.UNCERTAIN)


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, and what was not committed is gone."""


class Play(RuleBasedStateMachine):
    database: Database
    vault: Vault
    hand: Clock

    @initialize()
    def open(self) -> None:
        self.office: Office = open_office(self.database, self.vault, automatic=False)
        self.day = date(2024, 1, 1)
        self.balance = Decimal("1000.00")
        self.killed_at = ""
        self.statements_come_in([1250, -225], 4)
        self.draft("")
        self.approve("")

    def kill(self, point: str) -> None:
        if point == self.killed_at:
            self.killed_at = ""
            raise Killed

    # ------------------------------------------------------------------ rules

    @rule(cents=st.lists(st.integers(-9999, 9999).filter(bool), min_size=1, max_size=3), days=st.integers(0, 20))
    def statements_come_in(self, cents: list[int], days: int) -> None:
        self.day += timedelta(days=days)
        moves = [(self.day, str(Decimal(cent).scaleb(-2))) for cent in cents]
        self.office.bank_says(*moves, opening=str(self.balance))
        self.balance += sum(Decimal(amount) for _, amount in moves)

    @rule(point=KILLS)
    def draft(self, point: str) -> None:
        self.killed_at = point
        with self.survive(), self.office.scope() as scope:
            draft_due(scope, self.office.configuration, self.day + timedelta(days=40))

    @precondition(lambda self: bool(self.entries("draft")))
    @rule(account=st.sampled_from(["612000", "499000", "613000"]), text=st.text(max_size=5))
    def edit(self, account: str, text: str) -> None:
        for entry in self.entries("draft")[:1]:
            with self.office.scope() as scope:
                line = lines_of(scope, entry)[0]
                correct_line(scope, entry.id, line.id, ledger_account=account, description=text, version=entry.version)

    @precondition(lambda self: bool(self.entries("draft")))
    @rule(point=KILLS)
    def approve(self, point: str) -> None:
        self.killed_at = point
        for entry in self.entries("draft")[:2]:
            with self.survive(), self.office.scope() as scope:
                shown = preview(scope, scope.get(Entry, entry.id))
                if not shown.problems:
                    desk.offer(scope, entry.id, shown.sha256, entry.version)

    @precondition(lambda self: bool(self.confirmed()))
    @rule(which=st.integers(0, 5), point=KILLS)
    def undo(self, which: int, point: str) -> None:
        booked = self.confirmed()
        self.killed_at = point
        with self.survive(), suppress(PortalError), self.office.scope() as scope:
            entry_id = booked[which % len(booked)].entry_id
            shown = reversal.plan(scope, entry_id).shown
            reversal.undo(scope, entry_id, reason="Wrong", sha256=shown.sha256)

    @precondition(lambda self: bool(self.open_postings()))
    @rule(step=st.sampled_from(STEPS), point=KILLS)
    def work(self, step: str, point: str) -> None:
        """Each open posting is taken up once; the provider does `step` to the first sending."""
        self.office.package.script[:] = [] if step == "ok" else [ERRORS.get(step, step)]
        self.killed_at = point
        for row in self.open_postings():
            with self.survive():
                self.office.step(row)

    @rule(failure=st.sampled_from(["not_sent", "expired", "garbage"]))
    def reading_fails(self, failure: str) -> None:
        self.office.package.reads[:] = [ERRORS[failure]]

    @rule(seconds=st.sampled_from([5, 21, 121, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.office.package.settle()  # a late commit comes before the provider's settle time is over
        self.hand.pass_(seconds)

    @rule()
    def a_person_decides(self) -> None:
        self.decide()

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def nothing_stands_there_twice(self) -> None:
        if not hasattr(self, "office"):
            return
        for row in self.office.all_postings():
            booked = self.office.package.booked(row.reference)
            assert booked <= 1, f"{row.reference} is booked {booked} times"
            if row.state == PostingState.CONFIRMED:
                assert booked == 1, f"{row.reference} is held for booked and is not there"

    def teardown(self) -> None:
        if not hasattr(self, "office"):
            return
        self.killed_at = ""
        self.office.package.reads.clear()
        self.office.package.script.clear()
        for _ in range(12):
            self.office.package.settle()
            self.hand.pass_(3700)
            for row in self.open_postings():
                self.office.step(row)
            self.decide()
        assert self.open_postings() == []
        self.nothing_stands_there_twice()
        self.each_undoing_let_go()
        with self.office.scope() as scope:
            offered = scope.session.scalars(
                select(StatementLine)
                .join(Entry, Entry.id == StatementLine.entry_id)
                .join(Posting, Posting.entry_id == Entry.id)
                .where(Posting.state == PostingState.CONFIRMED)
            ).all()
        told = sum((line.amount for line in offered), Decimal(0))
        there = [entry for entries in self.office.package.entries.values() for entry in entries]
        assert -sum((line.amount for entry in there for line in entry.lines), Decimal(0)) == told

    def each_undoing_let_go(self) -> None:
        """What is undone is undone by one booked entry, and what is booked to undo has undone."""
        booked = {row.entry_id for row in self.confirmed()}
        entries = {entry.id: entry for state in ("offered", "draft") for entry in self.entries(state)}
        undoing = {entry.reverses_id for entry in entries.values() if entry.reverses_id and entry.id in booked}
        assert undoing == {entry.id for entry in entries.values() if entry.reversed_at}

    # ------------------------------------------------------------------ hands

    def survive(self) -> _Survive:
        return _Survive()

    def entries(self, state: str) -> list[Entry]:
        with self.office.scope() as scope:
            return list(scope.session.scalars(select(Entry).where(Entry.state == state).order_by(Entry.id)))

    def open_postings(self) -> list[Posting]:
        return [row for row in self.office.all_postings() if row.state in OPEN]

    def confirmed(self) -> list[Posting]:
        return [row for row in self.office.all_postings() if row.state == PostingState.CONFIRMED]

    def decide(self) -> None:
        for row in self.office.all_postings():
            if row.state not in (PostingState.PARKED, PostingState.REJECTED):
                continue
            with self.office.scope() as scope:
                try:
                    if desk.is_surely_unbooked(row):
                        desk.retry(scope, row.id)
                    elif desk.looked_empty(row):
                        desk.send_again(scope, row.id)
                    else:
                        desk.look_again(scope, row.id)
                except PortalError:
                    continue


class _Survive:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is Killed


def test_never_twice_and_never_lost(
    database: Database, vault: Vault, moving: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    playing: list[Play] = []

    class Here(Play):
        def __init__(self) -> None:
            super().__init__()
            playing[:] = [self]

    Here.database, Here.vault, Here.hand = database, vault, moving
    monkeypatch.setattr(crash, "point", lambda name: playing[0].kill(name))
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )  # fmt: skip
