"""Statement lines become one entry per configuration and period, and never two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from portal.couplings.models import Configuration
from portal.couplings.periods import last_due, next_due, period_of
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.errors import Conflict
from portal.kernel.vault import Vault
from portal.ledger.models import Entry, EntryLine, StatementLine
from portal.reconciliation.sides import describe
from portal.sync.balances import chain_ends
from portal.sync.drafting import correct_line, draft_due, drop_entry, lines_of, reference_of
from portal.sync.preview import outgoing
from tests import factories as make
from tests.sync.office import Office, open_office

MARCH = [(date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25")]


def lines(office: Office, entry: Entry) -> Sequence[EntryLine]:
    with office.scope() as scope:
        return lines_of(scope, entry)


def test_a_month_becomes_one_entry_that_balances(office: Office) -> None:
    office.bank_says(*MARCH, opening="1000.00")
    (entry,) = office.draft(date(2024, 4, 1))
    assert (entry.period_start, entry.period_end, entry.sequence) == (date(2024, 3, 1), date(2024, 3, 31), 0)
    assert (entry.opening, entry.closing) == (Decimal("1000.00"), Decimal("1010.25"))
    sent = outgoing(entry, lines(office, entry))
    assert sum(line.amount for line in sent.lines) == 0
    assert [str(line.amount) for line in sent.lines] == ["-12.50", "2.25", "10.25"]
    assert sent.lines[-1].ledger_account == "550000"


@pytest.mark.parametrize(
    ("frequency", "delay", "today", "until"),
    [
        ("monthly", 0, date(2024, 3, 31), date(2024, 2, 29)),
        ("monthly", 0, date(2024, 4, 1), date(2024, 3, 31)),
        ("monthly", 3, date(2024, 4, 3), date(2024, 2, 29)),
        ("monthly", 3, date(2024, 4, 4), date(2024, 3, 31)),
        ("monthly", 14, date(2024, 1, 14), date(2023, 11, 30)),
        ("daily", 0, date(2024, 3, 1), date(2024, 2, 29)),
        ("daily", 5, date(2024, 3, 1), date(2024, 2, 24)),
    ],
)
def test_a_period_is_due_the_day_after_its_end_and_the_delay(
    frequency: str, delay: int, today: date, until: date
) -> None:
    assert last_due(frequency, delay, today) == until


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 14), st.sampled_from(["daily", "monthly"]))
def test_what_is_next_due_was_not_due_the_day_before(day: date, delay: int, frequency: str) -> None:
    until = last_due(frequency, delay, day)
    start, end = period_of(frequency, until)
    assert end == until
    assert (day - until).days > delay
    following = period_of(frequency, date.fromordinal(until.toordinal() + 1))
    assert (day - following[1]).days <= delay
    assert start <= end


def test_the_delay_waits_and_a_person_does_not(database: Database, vault: Vault) -> None:
    office = open_office(database, vault, delay_days=5)
    office.bank_says(*MARCH)
    assert office.draft(date(2024, 4, 5)) == []
    with office.scope() as scope:
        assert len(draft_due(scope, office.configuration, date(2024, 4, 5), delay=False).entries) == 1


def test_the_first_and_last_day_of_a_configuration_bound_it(database: Database, vault: Vault) -> None:
    office = open_office(database, vault, starts_on=date(2024, 3, 10), ends_on=date(2024, 3, 25))
    office.bank_says(*MARCH, (date(2024, 3, 28), "7.00"), opening="1000.00")
    (entry,) = office.draft(date(2024, 6, 1))
    assert [str(line.amount) for line in lines(office, entry)] == ["2.25"]
    assert (entry.date, entry.opening, entry.closing) == (date(2024, 3, 25), Decimal("1012.50"), Decimal("1010.25"))
    assert next_due(office.configuration, date(2024, 6, 1)) is None


def test_late_lines_join_a_draft_and_come_after_what_was_sent(office: Office) -> None:
    office.bank_says(*MARCH)
    (first,) = office.draft(date(2024, 4, 1))
    office.bank_says((date(2024, 3, 21), "3.00"), opening="1010.25")
    (again,) = office.draft(date(2024, 4, 2))
    assert again.id == first.id
    assert again.version == first.version + 1
    assert again.closing == Decimal("1013.25")
    office.offer(again)
    office.bank_says((date(2024, 3, 22), "4.00"), opening="1013.25")
    (supplement,) = office.draft(date(2024, 4, 3))
    assert (supplement.sequence, supplement.opening, supplement.closing) == (1, None, None)
    assert supplement.reference != first.reference
    assert office.draft(date(2024, 4, 3)) == []


def test_daily_periods_are_entries_of_their_own(database: Database, vault: Vault) -> None:
    office = open_office(database, vault, frequency="daily")
    office.bank_says(*MARCH)
    assert [entry.date for entry in office.draft(date(2024, 4, 1))] == [date(2024, 3, 5), date(2024, 3, 20)]


def test_lines_of_nought_are_left_alone(office: Office) -> None:
    office.bank_says((date(2024, 3, 5), "0.00"))
    assert office.draft(date(2024, 4, 1)) == []


def test_a_gap_in_the_statements_leaves_the_balances_open(office: Office) -> None:
    office.bank_says((date(2024, 3, 5), "12.50"), opening="1000.00")
    office.bank_says((date(2024, 3, 9), "1.00"), opening="2000.00")
    (entry,) = office.draft(date(2024, 4, 1))
    assert (entry.opening, entry.closing) == (None, None)


@given(st.lists(st.integers(-500, 500).filter(bool), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_ends_of_a_chain_do_not_depend_on_the_order(steps: list[int], shuffle: object) -> None:
    balance, chain = Decimal(1000), []
    for step in steps:
        balance += step
        chain.append((Decimal(step), balance))
    mixed = list(chain)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    if balance != 1000:
        assert chain_ends(mixed) == (Decimal(1000), balance)
    else:
        assert chain_ends(chain) == (Decimal(1000), Decimal(1000))


def test_an_unproved_balance_is_no_balance() -> None:
    assert chain_ends([(Decimal(1), None)]) == (None, None)
    assert chain_ends([]) == (None, None)


def test_a_corrected_line_keeps_what_was_drafted(office: Office) -> None:
    office.bank_says(*MARCH)
    (entry,) = office.draft(date(2024, 4, 1))
    line = lines(office, entry)[0]
    with office.scope() as scope:
        corrected = correct_line(
            scope, entry.id, line.id, ledger_account="612000", description=" Paper  and ink ", version=entry.version
        )
        assert (corrected.ledger_account, corrected.description) == ("612000", "Paper and ink")
        assert (corrected.drafted_account, corrected.drafted_description) == ("499000", line.description)
        assert scope.get(Entry, entry.id).version == entry.version + 1


def test_a_correction_of_an_older_look_is_refused(office: Office) -> None:
    office.bank_says(*MARCH)
    (entry,) = office.draft(date(2024, 4, 1))
    line = lines(office, entry)[0]
    change = {"ledger_account": "612000", "description": "x", "version": entry.version}
    with office.scope() as scope:
        correct_line(scope, entry.id, line.id, **change)  # type: ignore[arg-type]  # a form's values
    with pytest.raises(Conflict, match=r"entry\.stale"), office.scope() as scope:
        correct_line(scope, entry.id, line.id, **change)  # type: ignore[arg-type]  # the same form again


def test_what_was_offered_cannot_be_corrected_even_behind_the_back(office: Office) -> None:
    posting = office.offered()
    with office.scope() as scope:
        entry = scope.get(Entry, posting.entry_id)
        line = lines_of(scope, entry)[0]
        with pytest.raises(Conflict, match=r"entry\.not_draft"):
            correct_line(scope, entry.id, line.id, ledger_account="612000", description="x", version=entry.version)
    with pytest.raises(Exception, match="do not change"), office.scope() as scope:
        scope.session.execute(text("UPDATE entry_lines SET amount = 1 WHERE id = :i"), {"i": line.id})


def test_a_dropped_draft_gives_its_lines_back(office: Office) -> None:
    office.bank_says(*MARCH)
    (entry,) = office.draft(date(2024, 4, 1))
    with office.scope() as scope:
        drop_entry(scope, entry.id, version=entry.version)
        waiting = scope.session.scalars(select(StatementLine).where(StatementLine.entry_id.is_(None))).all()
        assert len(waiting) == 2
    (again,) = office.draft(date(2024, 4, 1))
    assert again.sequence == 1


def test_drafts_follow_an_edited_configuration_but_keep_corrections(office: Office) -> None:
    office.bank_says(*MARCH)
    (entry,) = office.draft(date(2024, 4, 1))
    first, _ = lines(office, entry)
    with office.scope() as scope:
        correct_line(scope, entry.id, first.id, ledger_account="612000", description="Ink", version=entry.version)
    with office.scope() as scope:
        configuration = scope.get(type(office.configuration), office.configuration.id)
        configuration.suspense_account, configuration.journal = "613000", "21"
    office.draft(date(2024, 4, 1))
    with office.scope() as scope:
        changed = scope.get(Entry, entry.id)
        assert changed.journal == "21"
        assert [line.ledger_account for line in lines_of(scope, changed)] == ["612000", "613000"]


def test_a_reference_fits_and_is_the_same_for_the_same_period(office: Office) -> None:
    told = (office.coupling, office.account, date(2024, 3, 1))
    first = reference_of(*told, 0)
    assert first == reference_of(*told, 0)
    assert len({first, reference_of(*told, 1)}) == 2
    assert len(first) <= 20
    assert set(first) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-")


def test_a_configuration_made_anew_after_a_restore_names_its_entries_as_before(office: Office) -> None:
    office.bank_says(*MARCH)
    (first,) = office.draft(date(2024, 4, 1))
    with office.scope() as scope:  # as if the back-up had known neither
        scope.session.execute(text("UPDATE statement_lines SET entry_id = NULL"))
        scope.session.execute(text("DELETE FROM entry_lines"))
        scope.session.execute(text("DELETE FROM entries"))
        scope.session.execute(text("DELETE FROM configurations"))
    office.configuration = make.make_configuration(office.database, office.coupling, office.account)
    (again,) = office.draft(date(2024, 4, 1))
    assert again.configuration_id != first.configuration_id
    assert again.reference == first.reference


def test_two_configurations_in_time_never_share_a_reference(office: Office) -> None:
    office.bank_says(*MARCH)
    (first,) = office.draft(date(2024, 4, 1))
    with office.scope() as scope:
        drop_entry(scope, first.id, version=first.version)
        scope.get(Configuration, office.configuration.id).state = "deleted"
    office.configuration = make.make_configuration(office.database, office.coupling, office.account)
    (second,) = office.draft(date(2024, 4, 1))
    assert second.reference == reference_of(office.coupling, office.account, date(2024, 3, 1), 1)
    assert (second.sequence, second.opening) == (0, Decimal("1000.00"))


def test_a_line_says_who_and_about_what_but_not_twice() -> None:
    line = StatementLine(counterparty="Colruyt", description="COLRUYT Halle 12", reference="", end_to_end_id="")
    assert describe(line) == "COLRUYT Halle 12"
    line.description = "Invoice 7"
    assert describe(line) == "Colruyt · Invoice 7"
    line.description, line.reference = "", "090933755493"
    assert describe(line) == "Colruyt · 090933755493"


def test_the_next_moment_lies_in_the_future(office: Office) -> None:
    due = next_due(office.configuration, clock.today())
    assert due is not None
    assert due > clock.now()
