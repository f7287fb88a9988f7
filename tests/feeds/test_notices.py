"""Callbacks make accounts due, and do nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import update

from portal.connectors.feed import FeedTransaction, Notice
from portal.feeds import fetching, notices
from portal.feeds.models import Feed, FeedAccount, State
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests.feeds import provider
from tests.feeds.office import Office, open_office
from tests.feeds.test_fetching import DAYS


def rest(office: Office, feed_id: uuid.UUID) -> None:
    office.fetch(feed_id)
    assert all(row.next_due_at and row.next_due_at > clock.now() for row in office.accounts(feed_id))


def due(office: Office, feed_id: uuid.UUID) -> list[bool]:
    return [row.next_due_at is not None and row.next_due_at <= clock.now() for row in office.accounts(feed_id)]


def test_one_to_three_equal_ones_are_harmless(office: Office) -> None:
    (remote,) = office.bank.accounts
    feed_id = office.link()
    rest(office, feed_id)
    office.bank.grow(remote, *DAYS)
    for _ in range(3):
        assert notices.heed(office.means, provider.KEY, [Notice("success", office.bank.link)]) == 1
        assert due(office, feed_id) == [True]
        office.fetch(feed_id)
        assert office.stored() == office.told()
        assert due(office, feed_id) == [False]


def test_only_the_account_that_is_told_is_due(database: Database, vault: Vault) -> None:
    office = open_office(database, vault, accounts=2)
    feed_id = office.link()
    rest(office, feed_id)
    told = office.accounts(feed_id)[0]
    notices.heed(office.means, provider.KEY, [Notice("created", account=told.remote_id)])
    assert sorted(due(office, feed_id)) == [False, True]


def test_a_word_during_a_fetch_is_not_forgotten(office: Office) -> None:
    (remote,) = office.bank.accounts
    feed_id = office.link()
    office.bank.grow(remote, *DAYS)

    class Talkative(provider.Client):
        def pending(self, account: str) -> Sequence[FeedTransaction]:
            notices.heed(office.means, provider.KEY, [Notice("success", office.bank.link)])
            return super().pending(account)

    def opener(means: object, feed: Feed, *, person: bool = False, link: str = "") -> provider.Client:
        return Talkative(office.bank)

    (row,) = office.accounts(feed_id)
    fetching.fetch(office.means, office.client.id, row.id, opener)
    assert due(office, feed_id) == [True]


def test_unknown_links_and_other_providers_do_nothing(office: Office) -> None:
    feed_id = office.link()
    rest(office, feed_id)
    assert notices.heed(office.means, provider.KEY, [Notice("success", "no such link")]) == 0
    assert notices.heed(office.means, "ponto", [Notice("success", office.bank.link)]) == 0
    assert notices.heed(office.means, provider.KEY, [Notice("success", "", "no such account")]) == 0
    assert due(office, feed_id) == [False]


def test_a_callback_brings_home_who_never_came_back(office: Office) -> None:
    feed_id, state = office.begin()
    notice = Notice("success", office.bank.link, state=state)
    for _ in range(2):
        notices.heed(office.means, provider.KEY, [notice])
        notices.take_offer(office.means, office.client.id, feed_id)
    assert office.feed(feed_id).state == State.CONNECTED
    assert len(office.accounts(feed_id)) == 1


def test_a_callback_with_somebody_else_s_link_connects_nothing(office: Office) -> None:
    feed_id, state = office.begin()
    office.bank.customer = "somebody-else"
    notices.heed(office.means, provider.KEY, [Notice("success", office.bank.link, state=state)])
    notices.take_offer(office.means, office.client.id, feed_id)
    feed = office.feed(feed_id)
    assert (feed.state, feed.link, feed.offered) == (State.CONNECTING, None, None)


def test_a_failed_link_is_told(office: Office) -> None:
    feed_id, state = office.begin()
    notice = Notice("fail", office.bank.link, state=state, failed=True, code="pretendbank.denied")
    notices.heed(office.means, provider.KEY, [notice])
    feed = office.feed(feed_id)
    assert (feed.state, feed.state_code) == (State.NOT_CONNECTED, "pretendbank.denied")


def test_an_ended_feed_is_not_fetched_for_a_callback(office: Office) -> None:
    feed_id = office.link()
    with office.scope() as scope:
        scope.session.execute(update(Feed).values(state="revoked"))
        scope.session.execute(update(FeedAccount).values(next_due_at=None))
    office.bank.calls.clear()
    notices.heed(office.means, provider.KEY, [Notice("success", office.bank.link)])
    office.fetch(feed_id)
    assert office.bank.calls == []
