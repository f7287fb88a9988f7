"""An entry reaches the package once, or a person is told why not."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from portal.activity.service import timeline
from portal.authorisations.models import Authorisation
from portal.connectors.base import RemoteEntry
from portal.connectors.errors import (
    AlreadyPosted,
    AuthorisationExpired,
    ConnectorError,
    Rejected,
    Temporary,
    UnexpectedReply,
)
from portal.couplings import service as couplings
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.models import Entry
from portal.sync import attempt as moves
from portal.sync import posting as desk
from portal.sync import sending
from portal.sync.drafting import correct_line, drop_entry, lines_of
from portal.sync.models import Posting, PostingState
from portal.sync.preview import preview
from portal.tenants import grants
from tests import factories as make
from tests.sync import provider
from tests.sync.office import Clock, Office, store_books

SETTLE = 121


def unsure(office: Office, moving: Clock, *steps: str | ConnectorError) -> Posting:
    """A posting that became uncertain by the first of these steps, and has settled."""
    office.package.script[:] = steps
    posting = office.step(office.offered())
    assert posting.state == PostingState.UNCERTAIN
    moving.pass_(SETTLE)
    return posting


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


def end_coupling(office: Office) -> None:
    with office.scope() as scope:
        couplings.end_coupling(scope, office.coupling.id)


def drop(office: Office, posting: Posting) -> Entry:
    with office.scope() as scope:
        entry = desk.reopen(scope, posting.entry_id)
        return drop_entry(scope, entry.id, version=entry.version)


def test_a_refused_entry_of_an_ended_coupling_is_dropped_and_goes_through_the_next(office: Office) -> None:
    office.package.script[:] = [Rejected("pretend.period_closed")]
    refused = office.step(office.offered())
    end_coupling(office)
    assert drop(office, refused).state == "dropped"
    office.coupling = make.make_coupling(office.database, office.client, office.authorisation)
    store_books(office.database, office.coupling)
    office.configuration = make.make_configuration(office.database, office.coupling, office.account)
    (entry,) = office.draft(date(2024, 12, 31))
    assert entry.reference != refused.reference
    assert office.step(office.offer(entry)).state == PostingState.CONFIRMED


def test_what_may_stand_there_is_not_dropped(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    office.set(posting, state="parked", code="posting.grant_withdrawn")
    with pytest.raises(Conflict, match=r"posting\.not_refused"):
        drop(office, posting)
    office.set(posting, code="posting.grant_withdrawn", sends=0, sending_at=None)  # as after a restore
    with pytest.raises(Conflict, match=r"posting\.not_refused"):
        drop(office, posting)


def test_an_entry_that_was_surely_not_sent_is_dropped_when_its_coupling_ended(office: Office) -> None:
    office.package.script[:] = [Temporary("pretend.busy", sent=False)]
    posting = office.step(office.offered())
    assert posting.sending_at is None
    end_coupling(office)
    assert office.step(posting).code == "posting.coupling_ended"
    assert drop(office, posting).state == "dropped"


@pytest.mark.parametrize("sends", [1, 2])
def test_two_empty_looks_through_an_ended_coupling_let_it_be_dropped(office: Office, moving: Clock, sends: int) -> None:
    posting = unsure(office, moving, "lost_before")
    office.set(posting, sends=sends)
    end_coupling(office)
    assert not desk.is_surely_unbooked(office.step(posting))
    moving.pass_(SETTLE)
    for _ in range(2):  # the second look, and where a sending is left, its obstacle
        posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.PARKED, "posting.coupling_ended")
    assert drop(office, posting).state == "dropped"


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


def test_a_limited_dossier_lets_its_others_wait_too(office: Office) -> None:
    first, second = office.offered(), office.offered()
    office.package.script[:] = [Temporary("pretend.rate_limited", sent=False, retry_after=40)]
    office.step(first)
    assert office.posting(second.id).next_try_at > clock.now() + timedelta(seconds=35)


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


def test_a_confirmation_that_cannot_be_read_back_stands(office: Office) -> None:
    office.package.reads[:] = [UnexpectedReply("pretend.unreadable")]
    posting = office.step(office.offered())
    assert (posting.state, posting.remote_lines) == (PostingState.CONFIRMED, None)


def test_a_worker_that_died_while_sending_leaves_a_doubt_not_a_repeat(office: Office, moving: Clock) -> None:
    posting = office.offered()
    attempt = moves.take(office.database, office.client.id, posting.id)
    assert attempt is not None
    assert moves.begin_sending(attempt) is not None
    assert office.step(posting).state == PostingState.SENDING  # the lease still holds
    moving.pass_(moves.LEASE.total_seconds() + 1)
    assert office.step(posting).state == PostingState.UNCERTAIN
    assert office.package.calls == []


def test_a_paused_worker_finds_its_fence_outdated(office: Office, moving: Clock) -> None:
    posting = office.offered()
    paused = moves.take(office.database, office.client.id, posting.id)
    assert paused is not None
    moving.pass_(moves.LEASE.total_seconds() + 1)
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
        attempt = moves.take(office.database, office.client.id, posting.id)  # and then the worker dies
        assert attempt is not None
        moving.pass_(moves.LEASE.total_seconds() + 1)
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


def withdraw(office: Office) -> None:
    with office.scope() as scope:
        for grant in grants.list_grants(scope):
            grants.withdraw_access(scope, grant.id)


def test_a_withdrawn_grant_stops_what_is_queued(office: Office) -> None:
    posting = office.offered()
    withdraw(office)
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.PARKED, "posting.grant_withdrawn")
    assert office.package.calls == []


def test_a_withdrawn_grant_stops_look_ups_too(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    calls = len(office.package.calls)
    withdraw(office)
    assert office.step(posting).state == PostingState.PARKED
    assert len(office.package.calls) == calls


def test_a_switched_off_authorisation_lets_it_wait(office: Office, database: Database) -> None:
    posting = office.offered()
    with database.scoped(Setting(tenant=office.firm.id)) as session:
        session.get_one(Authorisation, (office.firm.id, office.authorisation.id)).state = "needs_consent"
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.INTENT, "posting.authorisation_needs_consent")
    assert office.package.calls == []


def test_an_ended_coupling_settles_its_doubts_but_sends_nothing(office: Office, moving: Clock) -> None:
    doubtful = unsure(office, moving, "lost_after")
    queued = office.offered()
    with office.scope() as scope:
        coupling = scope.get(type(office.coupling), office.coupling.id)
        coupling.state, coupling.ended_at = "ended", clock.now()
    assert office.step(doubtful).state == PostingState.CONFIRMED
    queued = office.step(queued)
    assert (queued.state, queued.code) == (PostingState.PARKED, "posting.coupling_ended")


def test_after_a_restore_nothing_is_sent_before_it_is_looked_up(office: Office, moving: Clock) -> None:
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


def test_a_grant_withdrawn_during_the_look_up_stops_the_second_sending(
    office: Office, moving: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting = unsure(office, moving, "lost_before")
    for _ in range(2):
        office.step(posting)
        moving.pass_(SETTLE)
    find, writes = provider.Client.find, office.package.writes

    def meanwhile(*told: Any) -> Any:
        withdraw(office)
        return find(*told)

    monkeypatch.setattr(provider.Client, "find", meanwhile)
    assert office.step(posting).code == "posting.grant_withdrawn"
    assert office.step(posting).state == PostingState.PARKED
    assert office.package.writes == writes
