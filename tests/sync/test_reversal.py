"""An entry is undone by one entry the other way round, once; its lines are free after that, and not before."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from portal.activity.models import Activity
from portal.connectors.base import Period
from portal.connectors.errors import Rejected
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.models import Entry, EntryLine, StatementLine
from portal.sync import posting as desk
from portal.sync import reversal, runs
from portal.sync.comparison import compare
from portal.sync.drafting import correct_line, drop_entry, lines_of
from portal.sync.models import Posting, PostingState
from portal.sync.preview import preview
from tests.sync import provider
from tests.sync.office import SETTLE, Clock, Office, store_books

MARCH = ((date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25"))
WHY = "Booked on the wrong account"


def booked(office: Office) -> Entry:
    """March, which stands in the package."""
    row = office.step(office.offered(*MARCH))
    assert row.state == PostingState.CONFIRMED
    return entry_of(office, row)


def entry_of(office: Office, row: Posting) -> Entry:
    with office.scope() as scope:
        return scope.get(Entry, row.entry_id)


def undo(office: Office, entry: Entry, on: date | None = None) -> Posting:
    """As a person who looked at the preview."""
    with office.scope() as scope:
        shown = reversal.plan(scope, entry.id, on).shown
        assert shown.problems == []
        return reversal.undo(scope, entry.id, reason=WHY, sha256=shown.sha256, on=on)


def free(office: Office) -> int:
    with office.scope() as scope:
        return len(scope.session.scalars(select(StatementLine).where(StatementLine.entry_id.is_(None))).all())


def net(office: Office) -> Decimal:
    """What the package's entries come to on the bank's counter side."""
    return sum(
        (line.amount for entries in office.package.entries.values() for entry in entries for line in entry.lines),
        Decimal(0),
    )


def test_it_is_booked_the_other_way_round_and_frees_the_lines(office: Office) -> None:
    entry = booked(office)
    row = undo(office, entry)
    assert free(office) == 0, "not before it is booked"
    row = office.step(row)
    undoing = entry_of(office, row)
    assert (row.state, row.code) == (PostingState.CONFIRMED, "")
    assert undoing.reference != entry.reference
    assert (undoing.reverses_id, undoing.reason, undoing.date) == (entry.id, WHY, entry.date)
    with office.scope() as scope:
        first, second = lines_of(scope, entry), lines_of(scope, undoing)
        assert [(line.ledger_account, -line.amount, line.date) for line in first] == [
            (line.ledger_account, line.amount, line.date) for line in second
        ]
        assert scope.get(Entry, entry.id).reversed_at is not None
    assert net(office) == 0
    assert free(office) == 2


def test_it_is_told_on_the_timeline_of_both(office: Office) -> None:
    entry = booked(office)
    row = office.step(undo(office, entry))
    with office.scope() as scope:
        told = {
            (seen.tag, seen.subject_id): seen.data
            for seen in scope.session.scalars(select(Activity).where(Activity.tag.like("entry.und%")))
        }
    assert set(told) == {("entry.undoing", entry.id), ("entry.undoes", row.entry_id), ("entry.undone", entry.id)}
    assert told["entry.undoing", entry.id]["reason"] == told["entry.undoes", row.entry_id]["reason"] == WHY


def test_corrected_and_sent_again_it_stands_there_once(office: Office) -> None:
    entry = booked(office)
    office.step(undo(office, entry))
    (again,) = office.draft(date(2024, 12, 31))
    assert (again.sequence, again.reverses_id) == (entry.sequence + 1, None)
    with office.scope() as scope:
        line = lines_of(scope, again)[0]
        correct_line(scope, again.id, line.id, ledger_account="612000", description="", version=again.version)
    row = office.step(office.offer(again))
    assert row.state == PostingState.CONFIRMED
    assert net(office) == Decimal("-10.25")
    assert compare(office.runtime, office.client.id, office.coupling.id, office.connect, reach=None).clean


def test_nothing_goes_out_again_by_itself(office: Office) -> None:
    """The configuration is automatic; what a person found wrong waits for a person."""
    office.bank_says(*MARCH)
    assert office.configuration.automatic
    row = office.step(run(office)[0])
    office.step(undo(office, entry_of(office, row)))
    assert [found.state for found in run(office)] == [PostingState.CONFIRMED] * 2
    with office.scope() as scope:
        assert len(scope.session.scalars(select(Entry).where(Entry.state == "draft")).all()) == 1


def run(office: Office) -> list[Posting]:
    with office.scope() as scope:
        row, _new = runs.start_run(scope, office.configuration, "person")
    runs.run(office.runtime, office.client.id, row.id, office.connect)
    return office.all_postings()


@pytest.mark.parametrize("step", ["lost_before", "lost_after", "late"])
def test_a_lost_answer_is_looked_up_and_frees_nothing_meanwhile(office: Office, moving: Clock, step: str) -> None:
    entry = booked(office)
    row = undo(office, entry)
    office.package.script[:] = [step]
    row = office.step(row)
    assert (row.state, free(office)) == (PostingState.UNCERTAIN, 0)
    for _ in range(4):
        office.package.settle()
        moving.pass_(SETTLE)
        row = office.step(row)
    assert (row.state, office.package.booked(row.reference)) == (PostingState.CONFIRMED, 1)
    assert (net(office), free(office)) == (Decimal(0), 2)


def test_it_is_undone_once_whoever_asks_at_the_same_time(office: Office) -> None:
    entry = booked(office)
    with office.scope() as scope:
        sha256 = reversal.plan(scope, entry.id).shown.sha256
    ready, refused = threading.Barrier(6), list[str]()

    def ask() -> None:
        ready.wait()
        try:
            with office.scope() as scope:
                reversal.undo(scope, entry.id, reason=WHY, sha256=sha256)
        except Conflict as refusal:
            refused.append(refusal.code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["reversal.under_way"] * 5
    (row,) = [row for row in office.all_postings() if row.entry_id != entry.id]
    office.step(row)
    assert office.package.writes == 2
    with office.scope() as scope, pytest.raises(Conflict) as done:
        reversal.plan(scope, entry.id)
    assert done.value.code == "reversal.done"


def test_an_undoing_is_not_undone(office: Office) -> None:
    row = office.step(undo(office, booked(office)))
    with office.scope() as scope, pytest.raises(Conflict) as refused:
        reversal.plan(scope, row.entry_id)
    assert refused.value.code == "reversal.of_reversal"


@pytest.mark.parametrize("script", ["refused", "under way"])
def test_only_what_is_booked_is_undone(office: Office, script: str) -> None:
    row = office.offered(*MARCH)
    office.package.script[:] = [Rejected("pretend.no") if script == "refused" else "lost_after"]
    office.step(row)
    with office.scope() as scope, pytest.raises(Conflict) as refused:
        reversal.plan(scope, row.entry_id)
    assert refused.value.code == "reversal.not_booked"


def test_a_reason_is_needed_and_what_was_shown_is_sent(office: Office) -> None:
    entry = booked(office)
    with office.scope() as scope:
        sha256 = reversal.plan(scope, entry.id).shown.sha256
        with pytest.raises(Invalid) as missing:
            reversal.undo(scope, entry.id, reason="  ", sha256=sha256)
        with pytest.raises(Conflict) as stale:
            reversal.undo(scope, entry.id, reason=WHY, sha256="0" * 64)
    assert (missing.value.code, stale.value.code) == ("reversal.reason_missing", "entry.stale")


def test_what_is_sent_is_what_was_shown(office: Office) -> None:
    entry = booked(office)
    with office.scope() as scope:
        shown = reversal.plan(scope, entry.id).shown
    assert undo(office, entry).payload == shown.payload


# ------------------------------------------------------------------ closed periods


def close(office: Office, *months: int) -> None:
    periods: list[Period] = [
        replace(period, closed_journals=frozenset({"20"})) if (period.year, period.number) <= (2024, max(months))
        else period for period in provider.PERIODS
    ]  # fmt: skip
    store_books(office.database, office.coupling, periods=periods)


def test_where_the_period_is_closed_it_goes_on_the_first_open_day(office: Office) -> None:
    entry = booked(office)
    close(office, 5)
    with office.scope() as scope:
        wanted = reversal.plan(scope, entry.id)
    assert (wanted.closed, wanted.on) == (True, date(2024, 6, 1))
    row = office.step(undo(office, entry))
    with office.scope() as scope:
        assert {line.date for line in lines_of(scope, scope.get(Entry, row.entry_id))} == {date(2024, 6, 1)}
    assert (net(office), free(office)) == (Decimal(0), 2)
    assert compare(office.runtime, office.client.id, office.coupling.id, office.connect, reach=None).clean


def test_another_open_day_can_be_chosen_and_none_before(office: Office) -> None:
    entry = booked(office)
    close(office, 5)
    with office.scope() as scope:
        with pytest.raises(Invalid) as before:
            reversal.plan(scope, entry.id, date(2024, 2, 1))
        closed = reversal.plan(scope, entry.id, date(2024, 4, 1)).shown.problems
    assert before.value.code == "reversal.before"
    assert [problem.code for problem in closed] == ["entry.period_closed"]
    assert entry_of(office, undo(office, entry, date(2024, 7, 14))).date == date(2024, 7, 14)


def test_where_no_period_is_open_nothing_can_be_sent(office: Office) -> None:
    entry = booked(office)
    store_books(office.database, office.coupling, periods=[
        replace(period, closed_journals=frozenset({"20"})) for period in provider.PERIODS
    ])  # fmt: skip
    with office.scope() as scope:
        shown = reversal.plan(scope, entry.id).shown
        assert shown.problems
        with pytest.raises(Invalid):
            reversal.undo(scope, entry.id, reason=WHY, sha256=shown.sha256)


def test_a_refused_undoing_is_given_up_and_begun_anew(office: Office) -> None:
    entry = booked(office)
    office.package.script[:] = [Rejected("pretend.period_closed")]
    row = office.step(undo(office, entry))
    assert (row.state, free(office)) == (PostingState.REJECTED, 0)
    with office.scope() as scope:
        assert reversal.give_up(scope, row.entry_id).id == entry.id
    assert entry_of(office, row).state == "dropped"
    close(office, 3)
    again = office.step(undo(office, entry))
    assert (again.state, again.reference != row.reference, free(office)) == (PostingState.CONFIRMED, True, 2)
    assert net(office) == 0


def test_a_booked_undoing_is_not_given_up(office: Office) -> None:
    row = office.step(undo(office, booked(office)))
    with office.scope() as scope, pytest.raises(Conflict) as refused:
        reversal.give_up(scope, row.entry_id)
    assert refused.value.code == "posting.not_refused"


def test_an_undoing_that_stands_there_twice_frees_nothing_until_a_person_says_so(office: Office) -> None:
    entry = booked(office)
    row = undo(office, entry)
    office.package.script[:] = ["late"]
    row = office.step(row)
    (dossier, late) = office.package.late[0]
    office.package.settle()
    office.package.entries[dossier].append(replace(late, id="id-x"))
    office.set(row, next_try_at=row.created_at, settles_at=row.created_at)
    row = office.step(row)
    assert (row.state, row.code, free(office)) == (PostingState.CONFIRMED, "posting.doubled", 0)
    with office.scope() as scope:
        reversal.accept(scope, entry.id)
    assert free(office) == 2
    with office.scope() as scope, pytest.raises(Conflict):
        reversal.accept(scope, entry.id)


def test_a_person_s_word_that_it_is_booked_frees_the_lines(office: Office) -> None:
    entry = booked(office)
    row = undo(office, entry)
    office.set(row, state=PostingState.PARKED, code="posting.unclear")
    with office.scope() as scope:
        desk.mark_booked(scope, row.id, "20240077")
    assert free(office) == 2


def test_what_differs_in_the_package_is_put_right_there(office: Office) -> None:
    entry = booked(office)
    with office.scope() as scope:
        scope.session.execute(update(Posting).where(Posting.entry_id == entry.id).values(code="posting.altered"))
        with pytest.raises(Conflict) as refused:
            reversal.plan(scope, entry.id)
    assert refused.value.code == "reversal.differs"


# ------------------------------------------------------------------ what is found at night


def test_an_undoing_that_does_not_cancel_is_found(office: Office) -> None:
    row = office.step(undo(office, booked(office)))
    (entries,) = office.package.entries.values()
    crooked = [replace(line, amount=-line.amount) for line in entries[-1].lines]
    entries[-1] = replace(entries[-1], lines=tuple(crooked))
    found = compare(office.runtime, office.client.id, office.coupling.id, office.connect, reach=None)
    assert [(one.kind, one.reference, one.theirs) for one in found.findings] == [
        ("not_undone", row.reference, "499000 -20.50")
    ]


# ------------------------------------------------------------------ what the database holds


def test_a_draft_of_an_undoing_follows_nothing_and_is_not_corrected(office: Office) -> None:
    entry = booked(office)
    office.package.script[:] = [Rejected("pretend.no")]
    row = office.step(undo(office, entry))
    with office.scope() as scope:
        desk.reopen(scope, row.entry_id)
    office.draft(date(2024, 12, 31))
    with office.scope() as scope:
        undoing = scope.get(Entry, row.entry_id)
        line = lines_of(scope, undoing)[0]
        with pytest.raises(Conflict) as refused:
            correct_line(scope, undoing.id, line.id, ledger_account="612000", description="", version=undoing.version)
        assert refused.value.code == "reversal.not_corrected"
        shown = preview(scope, undoing)
        assert shown.payload == row.payload
        drop_entry(scope, undoing.id, version=undoing.version)
    assert office.step(undo(office, entry)).state == PostingState.CONFIRMED


REFUSED = {
    "the lines of what is sent": "UPDATE statement_lines SET entry_id = NULL WHERE entry_id = :entry",
    "being undone without an undoing": "UPDATE entries SET reversed_at = now() WHERE id = :entry",
    "letting go before": (
        "UPDATE entry_lines SET undone_source_id = statement_line_id, statement_line_id = NULL WHERE entry_id = :entry"
    ),
    "a turned line of its own": (
        "INSERT INTO entry_lines (tenant_id, id, entry_id, turns_id, position, date, ledger_account, amount,"
        " description, drafted_account, drafted_description)"
        " SELECT tenant_id, gen_random_uuid(), entry_id, id, 9, date, ledger_account, -amount, '', '', ''"
        " FROM entry_lines WHERE entry_id = :entry"
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_database_refuses(office: Office, what: str) -> None:
    entry = booked(office)
    with pytest.raises(DBAPIError), office.scope() as scope:
        scope.session.execute(text(REFUSED[what]), {"entry": entry.id})


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "Another"}, {"reverses_id": None, "reason": ""}, {"journal": "90"}, {"date": date(2024, 4, 1)},
        {"currency": "USD"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_where_and_why_are_for_ever(office: Office, change: dict[str, object]) -> None:
    row = undo(office, booked(office))
    with pytest.raises(DBAPIError), office.scope() as scope:
        scope.session.execute(update(Entry).where(Entry.id == row.entry_id).values(**change))


def test_the_database_keeps_the_original_while_it_is_being_undone(office: Office) -> None:
    entry = booked(office)
    undo(office, entry)
    with pytest.raises(DBAPIError), office.scope() as scope:
        scope.session.execute(update(Entry).where(Entry.id == entry.id).values(state="draft"))


def write_by_hand(office: Office, entry: Entry, *, cents: int = 0, lines: int = 2, state: str = "draft") -> None:
    """As nobody does: an undoing that is off by some cents, lacks lines or comes twice."""
    with office.scope() as scope:
        original = scope.get(Entry, entry.id)
        made = reversal._turned(scope, original, office.coupling, original.date)
        made.reason = WHY
        scope.session.add(made)
        scope.session.flush()
        posting = desk.posting_of(scope, entry.id)
        assert posting is not None
        for line in lines_of(scope, original)[:lines]:
            side = reversal._turned_line(made, line, line.date, posting)
            side.amount += Decimal(cents).scaleb(-2)
            scope.session.add(side)
        scope.session.flush()
        made.state = state


def test_a_whole_undoing_may_be_written(office: Office) -> None:
    write_by_hand(office, booked(office), state="offered")


@pytest.mark.parametrize(
    ("change", "told"),
    [({"cents": 1}, "does not turn another round"), ({"lines": 1, "state": "offered"}, "does not turn every line")],
)
def test_every_line_is_turned_to_the_cent(office: Office, change: dict[str, Any], told: str) -> None:
    entry = booked(office)
    with pytest.raises(DBAPIError, match=told):
        write_by_hand(office, entry, **change)


def test_two_undoings_of_one_entry_cannot_be_written(office: Office) -> None:
    entry = booked(office)
    undo(office, entry)
    with pytest.raises(DBAPIError, match="uq_entries_reverses"):
        write_by_hand(office, entry)


def test_the_lines_that_were_let_go_keep_what_they_say(office: Office) -> None:
    entry = booked(office)
    office.step(undo(office, entry))
    with pytest.raises(DBAPIError), office.scope() as scope:
        scope.session.execute(update(EntryLine).where(EntryLine.entry_id == entry.id).values(description="x"))


@pytest.mark.parametrize(
    ("form", "number", "code"),
    [
        ({"booking": "booked"}, "4711", ""),
        ({"booking": "draft"}, "4711", "reversal.drafts"),
        ({"booking": "booked"}, "", "reversal.drafts"),  # it waited for approval when it was sent
        (None, "4711", "reversal.drafts"),  # whoever asks does not see the log-in
    ],
)
def test_where_drafts_are_a_choice_only_what_was_booked_is_undone(
    form: dict[str, str] | None, number: str, code: str
) -> None:
    posting = Posting(remote_number=number)
    assert reversal.obstacle("myunisoft", form, posting, invoice=False) == code
    assert reversal.obstacle("exact", form, posting, invoice=False) == ""
