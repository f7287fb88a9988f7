"""Lines come in once each, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from portal.connectors.feed import FeedPage
from portal.feeds import fetching, refreshing
from portal.feeds.models import Feed, State
from portal.kernel import queue
from tests.feeds import provider
from tests.feeds.office import Office

DAYS = [(date(2026, 11, day), f"{day}.50") for day in range(1, 8)]


def test_from_a_link_to_lines(office: Office) -> None:
    (remote,) = office.bank.accounts
    office.bank.grow(remote, *DAYS)
    feed_id = office.link()
    office.fetch(feed_id)
    assert office.stored() == office.told()
    (row,) = office.accounts(feed_id)
    assert (row.cursor, row.failures, row.lease_until) == ("7", 0, None)
    assert row.last_at is not None
    assert row.next_due_at is not None
    assert round((row.next_due_at - row.last_at).total_seconds() / 3600) == 12
    (fetch,) = office.fetches()
    assert (fetch.state, fetch.pages, fetch.stored) == ("done", 4, 7)
    assert office.feed(feed_id).state == State.CONNECTED


def test_whoever_asks_while_an_account_is_read_is_served_after(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    (remote,) = office.bank.accounts
    feed_id = office.link()
    (row,) = office.accounts(feed_id)
    rung: list[tuple[Any, ...]] = []
    monkeypatch.setattr(queue, "ring", lambda _, *what: rung.append(what))
    told = provider.Client.transactions

    def asked_meanwhile(self: provider.Client, account: str, cursor: str = "") -> Iterator[FeedPage]:
        yield from told(self, account, cursor)
        monkeypatch.setattr(provider.Client, "transactions", told)
        with office.scope(office.owner) as scope:
            assert refreshing.synchronise_now(office.means, scope, scope.get(Feed, feed_id), "203.0.113.7") == 1
        office.fetch(feed_id)  # the job of this click: the account is in other hands
        office.bank.grow(remote, *DAYS)  # what the bank then tells

    monkeypatch.setattr(provider.Client, "transactions", asked_meanwhile)
    monkeypatch.setattr(fetching, "STEP", 0)
    office.fetch(feed_id)
    (read,) = office.accounts(feed_id)
    assert read.refresh_id
    assert read.next_due_at == read.last_at
    assert rung[-1] == ("feeds.fetch", office.client.id, row.id)
    office.fetch(feed_id)
    assert office.stored() == office.told()
    (done,) = office.accounts(feed_id)
    assert (done.refresh_id, done.lease_until) == ("", None)
