"""From choosing a bank to lines, by the pages."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select

from portal.feeds import reading
from portal.feeds.models import Feed, State
from portal.feeds.visits import VISIT_LIVES
from portal.kernel import clock
from portal.kernel.db import Database
from tests import factories as make
from tests.feeds import provider
from tests.feeds.office import Office
from tests.feeds.test_fetching import DAYS
from tests.routes.conftest import SignIn

FORM = {"country": "BE", "bank": "kredbe", "provider": provider.KEY, "email": "claire@example.com", "phone": ""}


def state_in(html: str) -> str:
    found = re.search(r'href="(https://feed\.invalid/[^"]+)"', html)
    assert found
    return parse_qs(urlsplit(found.group(1).replace("&amp;", "&")).query)["state"][0]


def test_a_bank_is_linked_ticked_and_fetched(office: Office, sign_in: SignIn) -> None:
    (remote,) = office.bank.accounts
    office.bank.grow(remote, *DAYS)
    there = make.make_bank_account(office.database, office.client, office.bank.accounts[remote].number)
    home, browser = f"/c/{office.client.id}/feeds", sign_in(office.owner)
    assert "KBC" in browser.get(f"{home}/new?country=BE").text
    assert "Pretend Feed" in browser.get(f"{home}/new?country=BE&bank=kredbe").text
    away = browser.post(f"{home}/new", data=FORM)
    assert away.status_code == 200
    state = state_in(away.text)
    back = browser.get(f"/feeds/return/{provider.KEY}?state={state}&connection_id={office.bank.link}")
    assert back.status_code == 303, back.text[:500]
    page = browser.get(back.location)
    assert there.name in page.text, "the account that is there is told by its name"
    account = re.search(r'name="account" value="([^"]+)"', page.text)
    assert account
    done = browser.post(back.location, data={"account": account.group(1)})
    assert done.status_code == 303
    (feed,) = office.all(Feed)
    office.fetch(feed.id)
    assert office.stored() == office.told()
    shown = browser.get(done.location).text
    assert "Connecté" in shown
    card = browser.get(f"/c/{office.client.id}/").text
    assert "Connecté" in card
    assert browser.get(f"/c/{office.client.id}/bank").status_code == 200
    again = browser.get(f"/feeds/return/{provider.KEY}?state={state}&connection_id={office.bank.link}")
    assert again.status_code == 400, "a state serves once"


def test_another_browser_cannot_finish_it(office: Office, sign_in: SignIn) -> None:
    browser, thief = sign_in(office.owner), sign_in(make.make_user(office.database, "Thief"))
    state = state_in(browser.post(f"/c/{office.client.id}/feeds/new", data=FORM).text)
    refused = thief.get(f"/feeds/return/{provider.KEY}?state={state}&connection_id={office.bank.link}")
    assert refused.status_code == 400
    (feed,) = office.all(Feed)
    assert feed.state == State.CONNECTING


def test_somebody_who_may_renew_is_asked_for(office: Office, sign_in: SignIn) -> None:
    browser = sign_in(office.owner)
    refused = browser.post(f"/c/{office.client.id}/feeds/new", data={**FORM, "email": ""})
    assert refused.status_code == 422
    assert office.all(Feed) == []


def test_a_bank_that_nobody_offers_is_refused(office: Office, sign_in: SignIn) -> None:
    refused = sign_in(office.owner).post(f"/c/{office.client.id}/feeds/new", data={**FORM, "bank": "made-up"})
    assert refused.status_code == 422


def test_the_page_says_why_and_gives_a_packet(office: Office, sign_in: SignIn) -> None:
    feed_id = office.link()
    office.bank.ended = "pretendbank.consent_expired"
    office.fetch(feed_id)
    browser = sign_in(office.owner)
    shown = browser.get(f"/c/{office.client.id}/feeds/{feed_id}").text
    assert "pretendbank.consent_expired" in shown
    assert "request_id=r-1" in shown
    home = browser.get(f"/c/{office.client.id}/").text
    assert "Autorisation échue" in home


def test_synchronise_now_gives_the_address_of_whoever_asks(office: Office, sign_in: SignIn) -> None:
    feed_id = office.link()
    browser = sign_in(office.owner)
    answer = browser.post(f"/c/{office.client.id}/feeds/{feed_id}/sync", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert answer.status_code == 303
    assert office.bank.addresses == ["203.0.113.9"]
    page = browser.get(answer.location).text
    assert 'hx-trigger="every 3s"' in page
    stopped = browser.get(f"{answer.location}?poll=1", headers={"HX-Request": "true", "HX-Target": "fetching"})
    assert stopped.status_code == 200, "it goes on asking while the bank is asked"


def test_the_interval_is_kept_and_nonsense_is_not(office: Office, sign_in: SignIn) -> None:
    feed_id = office.link()
    (row,) = office.accounts(feed_id)
    url = f"/c/{office.client.id}/feeds/{feed_id}/accounts/{row.id}/interval"
    browser = sign_in(office.owner)
    assert browser.post(url, data={"hours": "3"}).status_code == 303
    assert browser.post(url, data={"hours": "30"}).status_code == 422
    assert browser.post(url, data={"hours": "x"}).status_code == 422
    assert [one.interval_hours for one in office.accounts(feed_id)] == [3]


def test_a_made_up_bank_is_marked_on_every_page_of_its_account(office: Office, sign_in: SignIn) -> None:
    feed_id = office.link()
    with office.scope() as scope:
        scope.get(Feed, feed_id).sandbox = True
    (row,) = office.accounts(feed_id)
    browser, client = sign_in(office.owner), office.client.id
    for path in (f"feeds/{feed_id}", f"bank/{row.bank_account_id}", f"bank/{row.bank_account_id}/lines"):
        page = browser.get(f"/c/{client}/{path}")
        assert page.status_code == 200, path
        assert "banque fictive" in page.text, path
    other = make.make_bank_account(office.database, office.client)
    assert "banque fictive" not in browser.get(f"/c/{client}/bank/{other.id}").text


def test_letting_go_and_linking_again_is_one_row(office: Office, sign_in: SignIn) -> None:
    feed_id = office.link()
    browser, url = sign_in(office.owner), f"/c/{office.client.id}/feeds/{feed_id}"
    assert browser.post(f"{url}/disconnect").status_code == 303
    assert office.feed(feed_id).state == State.REVOKED
    state = state_in(browser.post(f"{url}/link").text)
    assert state
    assert office.feed(feed_id).state == State.CONNECTING
    assert len(office.all(Feed)) == 1


def test_a_feed_that_nobody_finished_is_not_connecting_for_ever(database: Database, office: Office) -> None:
    feed_id, _ = office.begin()
    feed = office.feed(feed_id)
    assert reading.state_of(feed) == State.CONNECTING
    feed.state_since = clock.now() - VISIT_LIVES * 2
    assert reading.state_of(feed) == State.NOT_CONNECTED
    with office.scope() as scope:
        assert scope.session.scalars(select(Feed.state)).all()
