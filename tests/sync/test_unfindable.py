"""Where a package cannot be asked for an entry, what is in doubt waits for a person, with what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.activity.service import timeline
from portal.connectors.errors import Temporary
from portal.kernel.errors import Conflict
from portal.sync import posting as desk
from portal.sync.models import Posting, PostingState
from tests.sync import provider
from tests.sync.office import SETTLE, Clock, Office


@pytest.fixture(autouse=True)
def _cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = provider.MANIFEST
    monkeypatch.setattr(
        provider, "MANIFEST", replace(manifest, capabilities=replace(manifest.capabilities, finds=False))
    )


def in_doubt(office: Office, moving: Clock, step: str = "lost_after") -> Posting:
    office.package.script[:] = [step]
    row = office.step(office.offered())
    assert row.state == PostingState.UNCERTAIN
    assert office.step(row).state == PostingState.UNCERTAIN, "it may still be on its way"
    moving.pass_(SETTLE)
    return office.step(row)


def test_a_clear_answer_needs_no_look_up(office: Office) -> None:
    row = office.step(office.offered())
    assert (row.state, row.code) == (PostingState.CONFIRMED, "")
    assert [kind for kind, _ in office.package.calls] == ["post"]


def test_doubt_is_for_a_person_and_nothing_is_sent_by_itself(office: Office, moving: Clock) -> None:
    row = in_doubt(office, moving)
    assert (row.state, row.code, row.sends) == (PostingState.PARKED, "posting.unfindable", 1)
    for _ in range(3):
        moving.pass_(SETTLE)
        office.step(row)
    assert [kind for kind, _ in office.package.calls] == ["post"]
    assert not row.surely_unbooked
    for decide in (desk.retry, desk.send_again):
        with pytest.raises(Conflict), office.scope() as scope:
            decide(scope, row.id)


def test_who_saw_it_there_says_under_which_number(office: Office, moving: Clock) -> None:
    row = in_doubt(office, moving)
    with office.scope() as scope:
        desk.mark_booked(scope, row.id, "OD 2026/17")
    row = office.posting(row.id)
    assert (row.state, row.remote_number, row.code) == (PostingState.CONFIRMED, "OD 2026/17", "posting.by_hand")


def test_who_saw_that_it_is_not_there_has_it_sent_again(office: Office, moving: Clock) -> None:
    row = in_doubt(office, moving, "lost_before")
    with office.scope() as scope:
        desk.send_again(scope, row.id, seen_absent=True)
    with office.scope() as scope:
        assert "posting.sent_after_look" in {event.tag for event in timeline(scope, row.entry_id)}
    row = office.step(row)
    assert (row.state, office.package.booked(row.reference)) == (PostingState.CONFIRMED, 1)


def test_a_second_doubt_is_a_second_question(office: Office, moving: Clock) -> None:
    row = in_doubt(office, moving, "lost_before")
    for _ in range(3):
        with office.scope() as scope:
            desk.send_again(scope, row.id, seen_absent=True)
        office.package.script[:] = ["lost_before"]
        office.step(row)
        moving.pass_(SETTLE)
        row = office.step(row)
        assert (row.state, row.code) == (PostingState.PARKED, "posting.unfindable")
    assert office.package.booked(row.reference) == 0


def test_the_word_of_a_person_does_not_stand_for_a_look_up(
    office: Office, moving: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a package that can be asked, it is asked."""
    row = in_doubt(office, moving)
    office.set(row, code="posting.unclear")
    with pytest.raises(Conflict, match=r"posting\.look_first"), office.scope() as scope:
        desk.send_again(scope, row.id, seen_absent=True)


def test_what_a_restore_forgot_is_not_sent_unseen(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.sync.sending.Desk.may_be_booked_before", lambda *_: True)
    row = office.step(office.offered())
    assert (row.state, row.code, office.package.writes) == (PostingState.PARKED, "posting.unfindable", 0)
    with office.scope() as scope:
        desk.send_again(scope, row.id, seen_absent=True)
    assert office.step(row).state == PostingState.CONFIRMED


def test_a_call_that_was_not_made_just_waits(office: Office) -> None:
    office.package.script[:] = [Temporary("pretend.limited", sent=False, retry_after=1)]
    assert office.step(office.offered()).state == PostingState.INTENT
