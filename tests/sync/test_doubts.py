"""A lost answer is looked up; what is found is confirmed, what is surely absent is sent once more."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from portal.connectors.base import RemoteEntry
from portal.connectors.errors import (
    AlreadyPosted,
    AuthorisationExpired,
    Rejected,
    Temporary,
)
from portal.kernel import clock
from portal.sync import attempt as moves
from portal.sync import lease, sending
from portal.sync import posting as desk
from portal.sync.models import PostingState
from tests.sync import provider
from tests.sync.office import SETTLE, Clock, Office, unsure


@pytest.mark.parametrize("lost", ["lost_after", "late"])
def test_a_lost_answer_is_looked_up_and_not_sent_again(office: Office, moving: Clock, lost: str) -> None:
    posting = unsure(office, moving, lost)
    office.package.settle()
    posting = office.step(posting)
    assert posting.state == PostingState.CONFIRMED
    assert office.package.writes == 1
    assert office.package.booked(posting.reference) == 1


def test_nothing_is_looked_up_before_it_has_settled(office: Office) -> None:
    office.package.script[:] = ["late"]
    posting = office.step(office.offered())
    calls = len(office.package.calls)
    posting = office.step(posting)
    assert (posting.state, len(office.package.calls)) == (PostingState.UNCERTAIN, calls)
    assert posting.next_try_at > clock.now() + timedelta(seconds=100)


def test_two_empty_look_ups_apart_and_it_is_sent_once_more(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "lost_before")
    posting = office.step(posting)
    assert (posting.state, posting.looks) == (PostingState.UNCERTAIN, 1)
    assert office.step(posting).looks == 1  # the second look waits for its time
    moving.pass_(SETTLE)
    posting = office.step(posting)
    assert posting.state == PostingState.INTENT
    posting = office.step(posting)
    assert (posting.state, posting.sends) == (PostingState.CONFIRMED, 2)
    assert office.package.booked(posting.reference) == 1


def test_what_comes_late_is_found_before_the_second_sending(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    office.step(posting)
    moving.pass_(SETTLE)
    assert office.step(posting).state == PostingState.INTENT
    office.package.settle()
    posting = office.step(posting)
    assert posting.state == PostingState.CONFIRMED
    assert (office.package.writes, office.package.booked(posting.reference)) == (1, 1)


def test_a_third_doubt_is_for_a_person(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "lost_before", "lost_before")
    for _ in range(7):
        office.step(posting)
        moving.pass_(SETTLE)
    posting = office.posting(posting.id)
    assert (posting.state, posting.code, posting.sends) == (PostingState.PARKED, "posting.unclear", 2)
    with office.scope() as scope:
        desk.send_again(scope, posting.id)
    posting = office.step(posting)
    assert posting.state == PostingState.CONFIRMED
    assert office.package.booked(posting.reference) == 1


def test_after_a_refusal_it_is_looked_up_before_it_is_sent_again(office: Office) -> None:
    office.package.script[:] = [Rejected("pretend.period_closed")]
    posting = office.step(office.offered())
    there = office.package.entries.setdefault(office.coupling.dossier_code, [])
    there.append(RemoteEntry("id-9", "9", posting.reference, "20", None, "EUR", Decimal(0), 0, ()))
    with office.scope() as scope:
        desk.retry(scope, posting.id)
    assert office.step(posting).state == PostingState.CONFIRMED
    assert office.package.writes == 1


def test_a_slow_look_up_before_a_second_sending_is_no_delay_of_ours(
    office: Office, moving: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting = unsure(office, moving, "lost_before")
    for _ in range(2):
        office.step(posting)
        moving.pass_(SETTLE)
    hand, find = time.monotonic, provider.Client.find
    late = [0.0]

    def slow(*told: Any) -> Any:
        late[0] += sending.SEND_SECONDS + 1
        return find(*told)

    monkeypatch.setattr(provider.Client, "find", slow)
    monkeypatch.setattr(time, "monotonic", lambda: hand() + late[0])
    assert office.step(posting).state == PostingState.CONFIRMED


def test_who_lost_the_posting_during_the_look_up_does_not_send(
    office: Office, moving: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting = unsure(office, moving, "lost_before")
    for _ in range(2):
        office.step(posting)
        moving.pass_(SETTLE)
    find = provider.Client.find

    def overtaken(*told: Any) -> Any:
        with office.scope() as scope:
            scope.session.execute(text("UPDATE postings SET fence = fence + 1 WHERE id = :id"), {"id": posting.id})
        return find(*told)

    monkeypatch.setattr(provider.Client, "find", overtaken)
    office.step(posting)
    assert office.package.writes == 1


def test_two_of_the_same_are_confirmed_and_told(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "lost_after")
    entries = office.package.entries[office.coupling.dossier_code]
    entries.append(entries[0])
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.CONFIRMED, "posting.doubled")


def test_what_stands_there_otherwise_than_sent_is_flagged(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "lost_after")
    there = office.package.entries[office.coupling.dossier_code]
    there[0] = replace(there[0], line_count=there[0].line_count + 1)
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.CONFIRMED, "posting.altered")


def test_what_stands_on_a_later_day_than_sent_is_flagged(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "lost_after")
    there = office.package.entries[office.coupling.dossier_code]
    there[0] = replace(there[0], date=posting.created_at.date() + timedelta(days=400))
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.CONFIRMED, "posting.altered")


def test_already_there_is_a_success(office: Office) -> None:
    posting = office.offered()
    office.package.before_post = lambda dossier: office.package.script.append(AlreadyPosted("id-9"))
    office.package.entries[office.coupling.dossier_code] = [
        replace(provider.read_payload(posting.payload), id="id-9", number="9")
    ]
    posting = office.step(posting)
    assert (posting.state, posting.remote_id, posting.code) == (PostingState.CONFIRMED, "id-9", "")


def test_already_there_but_not_to_be_found_is_a_doubt(office: Office) -> None:
    office.package.script[:] = [AlreadyPosted("id-9")]
    assert office.step(office.offered()).state == PostingState.UNCERTAIN


def test_a_look_up_that_fails_changes_nothing(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    office.package.reads[:] = [Temporary("pretend.busy"), AuthorisationExpired("pretend.expired")]
    assert office.step(posting).state == PostingState.UNCERTAIN
    assert office.step(posting).state == PostingState.UNCERTAIN
    office.package.settle()
    assert office.step(posting).state == PostingState.CONFIRMED


def test_look_ups_that_are_refused_end_with_a_person(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    office.package.reads[:] = [Rejected("pretend.user_rights")] * 9
    for _ in range(6):
        office.step(posting)
    assert office.posting(posting.id).state == PostingState.PARKED


def test_a_worker_that_died_while_sending_leaves_a_doubt_not_a_repeat(office: Office, moving: Clock) -> None:
    posting = office.offered()
    attempt = lease.take(office.database, office.client.id, posting.id)
    assert attempt is not None
    assert moves.begin_sending(attempt) is not None
    assert office.step(posting).state == PostingState.SENDING  # the lease still holds
    moving.pass_(lease.LEASE.total_seconds() + 1)
    assert office.step(posting).state == PostingState.UNCERTAIN
    assert office.package.calls == []


def test_after_a_restore_nothing_is_sent_before_it_is_looked_up(alone: Office, moving: Clock) -> None:
    office = alone  # a restore is told to the whole database
    booked = office.offered()
    office.step(booked)
    waiting = office.offered()
    with office.database.scoped() as session:
        session.execute(text("SELECT doubt_unconfirmed(:now)"), {"now": clock.now()})
    assert office.posting(waiting.id).state == PostingState.UNCERTAIN
    # Offered after the restore, for a period before it: booked already, as the back-up does not know.
    later = office.offered()
    there = office.package.entries[office.coupling.dossier_code]
    there.append(replace(there[0], reference=later.reference))
    writes = office.package.writes
    assert office.step(later).state == PostingState.CONFIRMED
    assert office.package.writes == writes
