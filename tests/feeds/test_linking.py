"""A bank is linked by the browser that began it; its accounts are joined to those that are there."""

from __future__ import annotations

import uuid

import pytest

from portal.feeds import accounts, consents, linking, visits
from portal.feeds.linking import Contact
from portal.feeds.models import Feed, FeedAccount, State
from portal.feeds.visits import VisitRefused
from portal.kernel.db import Database
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount
from tests import factories as make
from tests.feeds import provider
from tests.feeds.office import BROWSER, CHOICE, Office, open_office
from tests.feeds.test_fetching import DAYS
from tests.sync.office import Clock


def test_the_state_is_for_one_browser_and_one_return(office: Office, moving: Clock) -> None:
    feed_id, state = office.begin()
    with pytest.raises(VisitRefused, match="other_browser"):
        visits.claim_visit(office.means, office.client.id, state, "another browser")
    assert visits.claim_visit(office.means, office.client.id, state, BROWSER).feed_id == feed_id
    with pytest.raises(VisitRefused, match="visit_used"):
        visits.claim_visit(office.means, office.client.id, state, BROWSER)
    _, late = office.begin()
    moving.pass_(3700)
    with pytest.raises(VisitRefused, match="visit_expired"):
        visits.claim_visit(office.means, office.client.id, late, BROWSER)
    with pytest.raises(VisitRefused, match="visit_unknown"):
        visits.claim_visit(office.means, office.client.id, f"{office.client.id.hex}.made-up", BROWSER)


def test_a_state_of_one_client_opens_nothing_in_another(office: Office, database: Database, vault: Vault) -> None:
    _, state = office.begin()
    other = open_office(database, vault)
    with pytest.raises(VisitRefused, match="visit_unknown"):
        visits.claim_visit(office.means, other.client.id, state, BROWSER)


def test_a_link_of_somebody_else_is_not_taken(office: Office) -> None:
    feed_id, _ = office.begin()
    office.bank.customer = "customer-of-somebody-else"
    with office.scope() as scope, pytest.raises(VisitRefused, match="other_customer"):
        linking.attach(office.means, scope, scope.get(Feed, feed_id), office.bank.link)
    assert office.feed(feed_id).link is None


def test_nothing_that_names_the_link_lies_open(office: Office) -> None:
    feed = office.feed(office.link())
    assert feed.link is not None
    assert feed.customer is not None
    assert office.bank.link.encode() not in feed.link
    assert office.bank.customer.encode() not in feed.customer


@pytest.mark.parametrize("contact", [{}, {"email": "nobody"}, {"phone": "call me"}])
def test_somebody_who_may_renew_is_asked_for(office: Office, contact: dict[str, str]) -> None:
    with office.scope(office.owner) as scope, pytest.raises(Invalid):
        linking.begin(office.means, scope, uuid.uuid4(), BROWSER, CHOICE, Contact(**contact))


def test_an_account_that_came_by_file_is_joined_by_its_number(office: Office) -> None:
    (account,) = office.bank.accounts.values()
    there = make.make_bank_account(office.database, office.client, account.number)
    account.number = " ".join(account.number[at : at + 4] for at in range(0, 16, 4)).lower()
    feed_id = office.link()
    assert [row.bank_account_id for row in office.accounts(feed_id)] == [there.id]
    assert len(office.all(BankAccount)) == 1


def test_a_reconnect_keeps_rows_and_history(office: Office) -> None:
    (remote,) = office.bank.accounts
    office.bank.grow(remote, *DAYS)
    feed_id = office.link()
    office.fetch(feed_id)
    (before,) = office.accounts(feed_id)
    with office.scope() as scope:
        linking.disconnect(office.means, scope, scope.get(Feed, feed_id))
    assert office.feed(feed_id).state == State.REVOKED
    # The provider gives another link with another id for the same account.
    bank = provider.Bank(link=f"link-{uuid.uuid4().hex}", accounts={"anew": office.bank.accounts[remote]})
    bank.renew(90)
    provider.BANKS[bank.link] = office.bank = bank
    again, state = office.begin()
    office.come_back(again, state)
    office.fetch(again)
    (after,) = office.accounts(again)
    assert (again, after.id, after.bank_account_id) == (feed_id, before.id, before.bank_account_id)
    assert (after.remote_id, after.ticked) == ("anew", True)
    assert office.stored() == office.told()
    assert len(office.all(BankAccount)) == 1
    assert len(office.fetches()) == 2


def test_one_feed_at_a_time_brings_an_account(office: Office) -> None:
    first = office.link()
    bank = provider.Bank(link=f"link-{uuid.uuid4().hex}", accounts={"b": next(iter(office.bank.accounts.values()))})
    bank.renew(90)
    provider.BANKS[bank.link] = office.bank = bank
    second = office.link()
    assert first != second
    assert [row.ticked for row in office.accounts(first)] == [False]
    assert [row.ticked for row in office.accounts(second)] == [True]
    assert len(office.all(BankAccount)) == 1


def test_accounts_that_are_not_ticked_are_never_read(database: Database, vault: Vault) -> None:
    office = open_office(database, vault, accounts=2)
    feed_id, state = office.begin()
    office.come_back(feed_id, state)
    one, other = office.accounts(feed_id)
    with office.scope() as scope, pytest.raises(Invalid, match="nothing_ticked"):
        accounts.choose(scope, scope.get(Feed, feed_id), [])
    with office.scope() as scope:
        accounts.choose(scope, scope.get(Feed, feed_id), [one.id])
    for remote in office.bank.accounts:
        office.bank.grow(remote, *DAYS)
    office.fetch(feed_id)
    assert {number for number, _ in office.stored()} == {one.number}
    assert [fetch.feed_account_id for fetch in office.fetches()] == [one.id]
    assert other.ticked is False


def test_an_account_that_is_gone_is_told_and_kept(office: Office) -> None:
    feed_id = office.link()
    office.bank.accounts = {"other": provider.Account(make.belgian_iban(next(make._counter)))}
    with office.scope() as scope:
        accounts.find_accounts(office.means, scope, scope.get(Feed, feed_id))
    rows = {row.remote_id: row for row in office.accounts(feed_id)}
    assert len(rows) == 2
    assert rows["other"].available
    assert not next(row for key, row in rows.items() if key != "other").available


@pytest.mark.parametrize(("hours", "due"), [(1, True), (24, True), (0, False)])
def test_the_interval_is_each_account_s_own(office: Office, hours: int, due: bool) -> None:
    feed_id = office.link()
    office.fetch(feed_id)
    (row,) = office.accounts(feed_id)
    with office.scope() as scope:
        accounts.set_interval(scope, row.id, hours)
    (row,) = office.accounts(feed_id)
    assert (row.next_due_at is not None) is due
    if row.next_due_at and row.last_at:
        assert round((row.next_due_at - row.last_at).total_seconds() / 3600) == hours


@pytest.mark.parametrize("hours", [-1, 25])
def test_an_interval_beyond_a_day_is_refused(office: Office, hours: int) -> None:
    feed_id = office.link()
    (row,) = office.accounts(feed_id)
    with office.scope() as scope, pytest.raises(Invalid, match="interval"):
        accounts.set_interval(scope, row.id, hours)


def test_two_who_tick_at_once_make_one_account(office: Office) -> None:
    feed_id, state = office.begin()
    office.come_back(feed_id, state)
    office.tick(feed_id)
    office.tick(feed_id)
    assert len(office.all(BankAccount)) == 1
    assert len(office.all(FeedAccount)) == 1


def test_a_provider_that_is_away_changes_nothing(office: Office) -> None:
    from portal.connectors.errors import Temporary

    feed_id = office.link()
    office.bank.failures.append(Temporary("pretendbank.timeout"))
    with office.scope() as scope, pytest.raises(Conflict, match="no_answer"):
        accounts.find_accounts(office.means, scope, scope.get(Feed, feed_id))
    assert office.feed(feed_id).state == State.CONNECTED
    with office.scope() as scope:
        assert consents.accounts_of(scope, scope.get(Feed, feed_id))
