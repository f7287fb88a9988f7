"""An entry reaches the package once, or a person is told why not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.activity.service import timeline
from portal.connectors.errors import (
    AuthorisationExpired,
    ConnectorError,
    Rejected,
    Temporary,
    UnexpectedReply,
)
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.models import Entry
from portal.sync import attempt as moves
from portal.sync import dispatch, lease, sending
from portal.sync import posting as desk
from portal.sync.drafting import correct_line, lines_of
from portal.sync.models import PostingState
from portal.sync.preview import preview
from tests.sync.office import Clock, Office, unsure


def test_an_offered_entry_is_booked_and_read_back(office: Office) -> None:
    posting = office.step(office.offered())
    assert posting.state == PostingState.CONFIRMED
    assert (posting.remote_id, posting.remote_number, posting.remote_lines) == ("id-1", "1", 2)
    assert str(posting.remote_debit) == "12.50"
    assert posting.code == ""
    assert office.package.booked(posting.reference) == 1
    with office.scope() as scope:
        told = [row.tag for row in timeline(scope, posting.entry_id)]
    assert told == ["posting.confirmed", "entry.offered", "entry.drafted"]


def test_a_second_bell_does_nothing(office: Office) -> None:
    posting = office.offered()
    office.step(posting)
    office.step(posting)
    assert office.package.writes == 1


def test_only_the_previewed_hash_can_be_sent(office: Office) -> None:
    office.bank_says((clock.today() - timedelta(days=60), "5.00"))
    (entry,) = office.draft(clock.today())
    with pytest.raises(Conflict, match=r"entry\.stale"), office.scope() as scope:
        desk.offer(scope, entry.id, "0" * 64, entry.version)
    with office.scope() as scope:
        shown = preview(scope, scope.get(Entry, entry.id)).sha256
        line = lines_of(scope, entry)[0]
        correct_line(scope, entry.id, line.id, ledger_account="612000", description="Ink", version=entry.version)
    with pytest.raises(Conflict, match=r"entry\.stale"), office.scope() as scope:
        desk.offer(scope, entry.id, shown, entry.version + 1)


def test_what_would_be_refused_is_not_offered(office: Office) -> None:
    office.bank_says((clock.today() - timedelta(days=60), "5.00"))
    (entry,) = office.draft(clock.today())
    with office.scope() as scope:
        line = lines_of(scope, entry)[0]
        correct_line(scope, entry.id, line.id, ledger_account="613000", description="Ink", version=entry.version)
        shown = preview(scope, scope.get(Entry, entry.id))
        assert [problem.code for problem in shown.problems] == ["entry.account_blocked"]
        with pytest.raises(Invalid, match=r"entry\.problems"):
            desk.offer(scope, entry.id, shown.sha256, shown.entry.version)


def test_a_refusal_can_be_corrected_and_sent_under_the_same_reference(office: Office) -> None:
    office.package.script[:] = [Rejected("pretend.vat_code", provider_text="VAT code missing")]
    posting = office.step(office.offered())
    assert (posting.state, posting.code) == (PostingState.REJECTED, "pretend.vat_code")
    with office.scope() as scope:
        entry = desk.reopen(scope, posting.entry_id)
        line = lines_of(scope, entry)[0]
        correct_line(scope, entry.id, line.id, ledger_account="612000", description="Ink", version=entry.version)
    with office.scope() as scope:
        entry = scope.get(Entry, posting.entry_id)
    again = office.offer(entry)
    assert (again.id, again.reference) == (posting.id, posting.reference)
    assert again.payload != posting.payload
    assert office.step(again).state == PostingState.CONFIRMED
    assert office.package.booked(posting.reference) == 1


def test_a_refusal_mended_at_the_provider_is_sent_as_it_was(office: Office) -> None:
    office.package.script[:] = [Rejected("pretend.period_closed")]
    posting = office.step(office.offered())
    with office.scope() as scope:
        desk.retry(scope, posting.id)
    assert office.step(posting).state == PostingState.CONFIRMED


def test_a_parked_one_is_looked_up_before_it_may_be_sent(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    office.set(posting, state="parked", looks=0)
    with pytest.raises(Conflict, match=r"posting\.look_first"), office.scope() as scope:
        desk.send_again(scope, posting.id)
    office.package.settle()
    with office.scope() as scope:
        desk.look_again(scope, posting.id)
    assert office.step(posting).state == PostingState.CONFIRMED


def test_a_person_can_say_that_it_is_booked(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    office.set(posting, state="parked")
    with pytest.raises(Invalid), office.scope() as scope:
        desk.mark_booked(scope, posting.id, " ")
    with office.scope() as scope:
        confirmed = desk.mark_booked(scope, posting.id, "24200017")
        assert (confirmed.state, confirmed.remote_id) == (PostingState.CONFIRMED, "24200017")


def test_decisions_need_a_parked_posting(office: Office) -> None:
    posting = office.offered()
    for decide in (desk.look_again, desk.send_again, desk.retry):
        with pytest.raises(Conflict), office.scope() as scope:
            decide(scope, posting.id)
    with pytest.raises(Conflict), office.scope() as scope:
        desk.mark_booked(scope, posting.id, "1")
    with pytest.raises(Conflict), office.scope() as scope:
        desk.reopen(scope, posting.entry_id)


def test_an_old_page_decides_nothing_about_what_is_a_draft_again(office: Office) -> None:
    posting = office.offered()
    office.set(posting, state="parked")
    with office.scope() as scope:
        desk.reopen(scope, posting.entry_id)
    for decide in (desk.look_again, desk.send_again):
        with pytest.raises(Conflict, match=r"posting\.not_parked"), office.scope() as scope:
            decide(scope, posting.id)
    with pytest.raises(Conflict, match=r"posting\.not_parked"), office.scope() as scope:
        desk.mark_booked(scope, posting.id, "24200017")
    assert office.posting(posting.id).state == PostingState.PARKED


@pytest.mark.parametrize(
    "failure",
    [
        Temporary("pretend.unreachable", sent=False),
        Temporary("pretend.rate_limited", sent=False, retry_after=40),
        AuthorisationExpired("pretend.expired"),
    ],
)
def test_what_was_surely_not_sent_waits_and_keeps_its_sendings(office: Office, failure: ConnectorError) -> None:
    office.package.script[:] = [failure]
    posting = office.step(office.offered())
    assert (posting.state, posting.sends, posting.code) == (PostingState.INTENT, 0, failure.code)
    assert posting.next_try_at > clock.now() + timedelta(seconds=20)
    assert office.step(posting).state == PostingState.CONFIRMED


def test_a_limited_dossier_lets_its_others_wait_too(alone: Office, moving: Clock) -> None:
    office = alone
    for _ in range(2):
        office.offered()
    office.package.script[:] = [Temporary("pretend.rate_limited", sent=False, retry_after=40)]
    assert dispatch.drain(office.runtime, office.connect) == 1
    assert office.package.writes == 1
    moving.pass_(39)
    assert dispatch.drain(office.runtime, office.connect) == 0
    moving.pass_(2)
    assert dispatch.drain(office.runtime, office.connect) == 2
    assert {row.state for row in office.all_postings()} == {PostingState.CONFIRMED}


def test_who_offers_something_wants_to_know_now(alone: Office) -> None:
    office = alone
    first = office.offered()
    office.package.script[:] = [Temporary("pretend.rate_limited", sent=False, retry_after=4000)]
    dispatch.drain(office.runtime, office.connect)
    with office.scope() as scope:
        office.set(first, state="parked")
        desk.retry(scope, first.id)
    assert dispatch.drain(office.runtime, office.connect) == 1


def test_a_confirmation_that_cannot_be_read_back_stands(office: Office) -> None:
    office.package.reads[:] = [UnexpectedReply("pretend.unreadable")]
    posting = office.step(office.offered())
    assert (posting.state, posting.remote_lines) == (PostingState.CONFIRMED, None)


def test_a_paused_worker_finds_its_fence_outdated(office: Office, moving: Clock) -> None:
    posting = office.offered()
    paused = lease.take(office.database, office.client.id, posting.id)
    assert paused is not None
    moving.pass_(lease.LEASE.total_seconds() + 1)
    assert office.step(posting).state == PostingState.CONFIRMED
    assert moves.begin_sending(paused) is None
    assert office.package.writes == 1


def test_the_database_refuses_a_fence_that_goes_back(office: Office) -> None:
    posting = office.step(office.offered())
    with pytest.raises(Exception, match="fence went back"):
        office.set(posting, fence=0)


def test_sending_too_late_after_the_decision_is_not_sending(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SEND_SECONDS", -1.0)
    posting = office.step(office.offered())
    assert (posting.state, posting.code, posting.sends) == (PostingState.INTENT, "posting.too_late", 0)
    assert office.package.writes == 0


def test_a_poison_row_is_parked_after_five_tries(office: Office, moving: Clock) -> None:
    posting, good = office.offered(), office.offered()
    for _ in range(5):
        attempt = lease.take(office.database, office.client.id, posting.id)  # and then the worker dies
        assert attempt is not None
        moving.pass_(lease.LEASE.total_seconds() + 1)
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.PARKED, "posting.poison")
    assert office.step(good).state == PostingState.CONFIRMED
    with office.scope() as scope:
        desk.retry(scope, posting.id)
    assert office.step(posting).state == PostingState.CONFIRMED


def test_a_connection_that_cannot_be_made_is_tried_a_few_times(office: Office) -> None:
    posting = office.offered()
    office.connect = None  # type: ignore[method-assign,assignment]  # a fault nobody foresaw
    for _ in range(6):
        office.step(posting)
    posting = office.posting(posting.id)
    assert (posting.state, posting.code, posting.provider_text) == (
        PostingState.PARKED,
        "posting.internal",
        "TypeError",
    )
