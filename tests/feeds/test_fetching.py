"""Lines come in once each, whatever happens on the way."""

from __future__ import annotations

from datetime import date

from portal.feeds.models import State
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
