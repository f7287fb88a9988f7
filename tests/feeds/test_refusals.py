"""What a provider refuses, and who is shown out: nothing is lost, and it is told why."""

from __future__ import annotations

import pytest
from sqlalchemy import text, update

from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.feed import Attempt, RefreshStatus
from portal.feeds import consents, fetching, linking, refreshing
from portal.feeds.models import Feed, State
from portal.kernel import clock
from portal.kernel.errors import Conflict
from portal.ledger import feeding
from portal.tenants.models import Grant
from tests.feeds.office import Office
from tests.feeds.test_fetching import DAYS
from tests.sync.office import Clock


def grown(office: Office) -> str:
    (remote,) = office.bank.accounts
    office.bank.grow(remote, *DAYS)
    return remote


def test_a_failure_in_the_middle_goes_on_where_it_was(office: Office, moving: Clock) -> None:
    grown(office)
    feed_id = office.link()
    office.bank.page = 3
    (row,) = office.accounts(feed_id)
    taken_pages = office.bank.accounts[row.remote_id].told
    office.bank.accounts[row.remote_id].told = [*taken_pages[:3], None]  # type: ignore[list-item]  # breaks page two
    with pytest.raises(AttributeError):
        office.fetch(feed_id)
    assert len(office.stored()) == 3
    office.bank.accounts[row.remote_id].told = taken_pages
    moving.pass_(fetching.LEASE.total_seconds() + 1)
    office.fetch(feed_id)
    assert office.stored() == office.told()


@pytest.mark.parametrize("wait", [45.0, 7200.0])
def test_the_provider_says_when_to_come_back(office: Office, wait: float) -> None:
    feed_id = office.link()
    office.bank.failures.append(Temporary("pretendbank.busy", retry_after=wait, provider_text="slow down"))
    office.fetch(feed_id)
    (row,) = office.accounts(feed_id)
    assert row.next_due_at is not None
    assert wait <= (row.next_due_at - clock.now()).total_seconds() + 2 <= wait + 10
    feed = office.feed(feed_id)
    assert (feed.last_code, feed.last_text, feed.state) == ("pretendbank.busy", "slow down", State.CONNECTED)


def test_pauses_grow_and_people_are_told_in_time(office: Office, moving: Clock) -> None:
    feed_id = office.link()
    pauses = []
    for _ in range(6):
        office.bank.failures.append(Temporary("pretendbank.timeout"))
        office.fetch(feed_id)
        (row,) = office.accounts(feed_id)
        assert row.next_due_at is not None
        pauses.append((row.next_due_at - clock.now()).total_seconds())
        moving.pass_(pauses[-1] + 1)
    assert pauses == sorted(pauses)
    assert pauses[-1] <= fetching.LONGEST_PAUSE.total_seconds() * 1.2
    assert office.feed(feed_id).state == State.ATTENTION
    office.fetch(feed_id)
    assert office.feed(feed_id).state == State.CONNECTED
    assert [row.failures for row in office.accounts(feed_id)] == [0]


@pytest.mark.parametrize("error", [Rejected("pretendbank.no"), UnexpectedReply("pretendbank.unreadable")])
def test_what_a_person_has_to_mend_is_told_at_once(office: Office, error: Rejected) -> None:
    feed_id = office.link()
    office.bank.failures.append(error)
    office.fetch(feed_id)
    feed = office.feed(feed_id)
    assert (feed.state, feed.state_code) == (State.ATTENTION, error.code)


def test_a_consent_that_ended_stops_it_and_shows_everywhere(office: Office) -> None:
    feed_id = office.link()
    office.bank.ended = "pretendbank.consent_expired"
    office.fetch(feed_id)
    feed = office.feed(feed_id)
    assert (feed.state, feed.state_code) == (State.CONSENT_ENDED, "pretendbank.consent_expired")
    assert (feed.last_request_id, office.fetches()[-1].request_id) == ("r-1", "r-1")
    calls = len(office.bank.calls)
    office.fetch(feed_id)
    assert len(office.bank.calls) == calls, "an ended consent is not asked again"
    with office.scope() as scope:
        row = scope.session.execute(text("SELECT state, code FROM standings")).one()
    assert tuple(row) == ("stopped", "feed.consent_ended")


def test_a_bank_that_failed_at_the_provider_is_told(office: Office) -> None:
    feed_id = office.link()
    office.bank.attempt = Attempt(RefreshStatus.FAILED, "pretendbank.invalid_credentials", "Wrong code", "r-9")
    office.fetch(feed_id)
    feed = office.feed(feed_id)
    assert (feed.state, feed.last_code, feed.last_request_id) == (State.ATTENTION, office.bank.attempt.code, "r-9")


def test_a_withdrawn_grant_stops_at_once(office: Office, moving: Clock) -> None:
    grown(office)
    feed_id = office.link(via=office.firm)
    with office.scope() as scope:
        scope.session.execute(update(Grant).values(state="withdrawn"))
    office.bank.calls.clear()
    office.fetch(feed_id)
    assert office.bank.calls == []
    assert office.stored() == []
    assert office.feed(feed_id).state == State.PAUSED
    with office.scope(office.owner) as scope:
        linking.resume(scope, scope.get(Feed, feed_id))
    office.fetch(feed_id)
    assert office.stored() == office.told()


def test_a_grant_withdrawn_between_two_pages_stores_no_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(office)
    feed_id = office.link(via=office.firm)
    store = feeding.store_transactions
    pages = []

    def withdraw(*args: object, **more: object) -> object:
        pages.append(1)
        done = store(*args, **more)  # type: ignore[arg-type]  # handed on as it came
        if len(pages) == 1:
            with office.scope() as scope:
                scope.session.execute(update(Grant).values(state="withdrawn"))
        return done

    monkeypatch.setattr("portal.feeds.fetching.store_transactions", withdraw)
    office.fetch(feed_id)
    assert len(pages) == 1
    assert len(office.stored()) == office.bank.page
    assert office.feed(feed_id).state == State.PAUSED
    assert office.fetches()[-1].state == "stopped"


def test_scheduled_fetches_only_read(office: Office) -> None:
    grown(office)
    feed_id = office.link()
    office.fetch(feed_id)
    assert "refresh" not in office.bank.calls


def synchronise(office: Office, feed_id: object) -> int:
    with office.scope(office.owner) as scope:
        feed = scope.get(Feed, str(feed_id))
        return refreshing.synchronise_now(office.means, scope, feed, "203.0.113.7")


def test_a_person_who_asks_gives_an_address_and_waits_for_the_bank(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "STEP", 0.0)
    feed_id = office.link()
    office.fetch(feed_id)
    assert synchronise(office, feed_id) == 1
    assert office.bank.addresses == ["203.0.113.7"]
    grown(office)
    office.fetch(feed_id)
    assert office.stored() == office.told()
    assert [row.refresh_id for row in office.accounts(feed_id)] == [""]


def test_a_fetch_at_the_bank_that_takes_long_is_looked_at_later(
    office: Office, monkeypatch: pytest.MonkeyPatch, moving: Clock
) -> None:
    monkeypatch.setattr(fetching, "STEP", 0.0)
    feed_id = office.link()
    synchronise(office, feed_id)
    office.bank.refreshes["f1"] = [RefreshStatus.RUNNING]
    office.fetch(feed_id)
    (row,) = office.accounts(feed_id)
    assert row.refresh_id == "f1"
    assert row.lease_until is None
    assert row.next_due_at is not None
    moving.pass_(fetching.FORGOTTEN.total_seconds() + 1)
    office.fetch(feed_id)
    assert [row.refresh_id for row in office.accounts(feed_id)] == [""]


def test_too_soon_is_told_with_its_time(office: Office) -> None:
    feed_id = office.link()
    office.bank.refresh_fails.append(Temporary("pretendbank.recently", retry_after=300))
    with pytest.raises(Conflict, match="too_soon") as refused:
        synchronise(office, feed_id)
    assert 295 <= (refused.value.values["until"] - clock.now()).total_seconds() <= 301  # type: ignore[operator]  # a moment
    office.bank.next_refresh_at = clock.now() + fetching.LEASE
    office.fetch(feed_id)
    office.bank.calls.clear()
    with pytest.raises(Conflict, match="too_soon"):
        synchronise(office, feed_id)
    assert office.bank.calls == [], "what the provider forbids is not even tried"


def test_a_log_in_that_lapsed_is_not_asked_for_ever(office: Office) -> None:
    feed_id = office.link()
    office.bank.refresh_fails.append(AuthorisationExpired("pretendbank.consent_expired"))
    assert synchronise(office, feed_id) == 0
    assert office.feed(feed_id).state == State.CONSENT_ENDED


def test_letting_go_ends_it_at_the_provider_too(office: Office) -> None:
    grown(office)
    feed_id = office.link()
    office.fetch(feed_id)
    with office.scope() as scope:
        linking.disconnect(office.means, scope, scope.get(Feed, feed_id))
    assert office.bank.revoked
    assert office.feed(feed_id).state == State.REVOKED
    assert len(office.stored()) == len(DAYS)
    with office.scope() as scope:
        assert all(row.next_due_at is None for row in consents.accounts_of(scope, scope.get(Feed, feed_id)))
