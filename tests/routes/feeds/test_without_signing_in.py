"""Mailed links, callbacks and calendar addresses: what is reached without signing in, and what is not."""

from __future__ import annotations

import re
import uuid

import pytest

from portal.feeds import renewals
from portal.feeds.models import CalendarLink, Feed, RenewalLink
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.tenants.models import Membership
from tests import factories as make
from tests.feeds import provider
from tests.feeds.office import Office
from tests.routes.conftest import SignIn
from tests.routes.feeds.test_link import state_in


def mailed(office: Office, feed_id: uuid.UUID) -> str:
    from portal import runtime

    with office.scope() as scope:
        renewals.send_links(scope, office.vault, runtime.get().settings, scope.get(Feed, feed_id))
    (link,) = office.all(RenewalLink)
    return f"/renew?t={renewals.sign(runtime.get().settings, office.client.id, link.id)}"


def test_a_consent_is_renewed_by_the_mailed_link(office: Office, sign_in: SignIn) -> None:
    feed_id = office.link()
    url, nobody = mailed(office, feed_id), sign_in(None)
    page = nobody.get(url)
    assert page.status_code == 200
    assert office.client.name in page.text
    (account,) = office.bank.accounts.values()
    assert account.number not in page.text, "only enough of the number to recognise it"
    assert office.all(RenewalLink)[0].opened_at is None, "a link scanner changes nothing"
    state = state_in(nobody.post(url).text)
    office.bank.renew(365)
    done = nobody.get(f"/feeds/return/{provider.KEY}?state={state}&connection_id={office.bank.link}")
    assert done.status_code == 200
    assert office.all(RenewalLink)[0].used_at is not None
    served = nobody.get(url)
    assert "/renew" not in re.sub(r"here\(|lang=\w+", "", served.text.split("<main")[1])
    assert nobody.get(f"/c/{office.client.id}/").status_code == 303, "it signs nobody in"


def test_the_way_back_from_a_mailed_link_is_for_the_browser_that_left(office: Office, sign_in: SignIn) -> None:
    feed_id = office.link()
    url = mailed(office, feed_id)
    state = state_in(sign_in(None).post(url).text)
    other = sign_in(None).get(f"/feeds/return/{provider.KEY}?state={state}")
    assert other.status_code == 400


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é"])
def test_no_link_of_ours_is_a_plain_page(sign_in: SignIn, token: str) -> None:
    nobody = sign_in(None)
    assert nobody.get("/renew", query_string={"t": token}).status_code == 400
    assert nobody.post("/renew", query_string={"t": token}).status_code == 400


def call(sign_in: SignIn, body: bytes, signature: str = "right", key: str = provider.KEY) -> int:
    answer = sign_in(None).post(
        f"/callbacks/{key}", data=body, headers={"Signature": signature}, csrf=False, content_type="application/json"
    )
    return answer.status_code


def test_a_signed_callback_makes_accounts_due(office: Office, sign_in: SignIn) -> None:
    feed_id = office.link()
    office.fetch(feed_id)
    body = f"success|{office.bank.link}||".encode()
    for _ in range(3):
        assert call(sign_in, body) == 200
    assert all(row.next_due_at and row.next_due_at <= clock.now() for row in office.accounts(feed_id))


def test_an_unsigned_callback_does_nothing(office: Office, sign_in: SignIn, capsys: pytest.CaptureFixture[str]) -> None:
    feed_id = office.link()
    office.fetch(feed_id)
    before = [row.next_due_at for row in office.accounts(feed_id)]
    assert call(sign_in, f"success|{office.bank.link}||".encode(), "wrong") == 400
    assert [row.next_due_at for row in office.accounts(feed_id)] == before
    told = capsys.readouterr()
    assert office.bank.link not in told.out + told.err, "a body is never logged"


def test_strange_callbacks_are_answered_shortly(office: Office, sign_in: SignIn) -> None:
    assert call(sign_in, b"success|no such link||") == 200
    assert call(sign_in, b"x" * 70_000) == 413
    assert call(sign_in, b"success|x||", key="nobody") == 404


def test_a_calendar_address_works_until_it_is_revoked_or_its_reader_leaves(office: Office, sign_in: SignIn) -> None:
    staff = make.make_user(office.database, "Karin Wouters", locale="nl-BE")
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        session.add(Membership(tenant_id=office.firm.id, user_id=staff.id, role="staff", created_at=clock.now()))
    feed_id = office.link()
    browser, home = sign_in(staff), f"/p/{office.firm.id}/consents"
    page = browser.post(f"{home}/calendar").text
    found = re.search(r"/calendar/([\w.-]+)\.ics", page)
    assert found
    address = found.group(0)
    assert address not in browser.get(home).text, "the address is shown once"
    ical = sign_in(None).get(address)
    assert ical.mimetype == "text/calendar"
    ends = office.feed(feed_id).consent_ends_at
    assert ends is not None
    assert f"DTSTART;VALUE=DATE:{clock.day(ends):%Y%m%d}" in ical.text
    assert "Toestemming van" in ical.text.replace("\r\n ", "")
    assert all(len(line.encode()) <= 75 for line in ical.text.split("\r\n"))
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        row = session.query(CalendarLink).filter_by(tenant_id=office.firm.id).one()
        assert found.group(1).encode() not in row.token_hash
    assert sign_in(None).get("/calendar/" + "0" * 32 + ".x.ics").status_code == 404
    browser.post(f"{home}/calendar/revoke")
    assert sign_in(None).get(address).status_code == 404


def test_the_firm_sees_all_consents_and_mails_links_in_bulk(office: Office, sign_in: SignIn) -> None:
    staff = make.make_user(office.database, "Karin Wouters")
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        session.add(Membership(tenant_id=office.firm.id, user_id=staff.id, role="staff", created_at=clock.now()))
    feed_id = office.link()
    browser, home = sign_in(staff), f"/p/{office.firm.id}/consents"
    page = browser.get(home)
    assert page.status_code == 200
    assert office.client.name in page.text
    assert office.owner.email in page.text
    assert browser.get(f"{home}.csv").status_code == 200
    assert office.client.name in browser.get(f"{home}/mail").text
    assert browser.post(f"{home}/links", data={"id": str(feed_id)}).status_code == 303
    (link,) = office.all(RenewalLink)
    assert (link.email, link.created_by) == (office.owner.email, staff.id)
    browser.post(f"{home}/links", data={"id": str(uuid.uuid4())})
    assert len(office.all(RenewalLink)) == 1


def test_a_firm_without_a_grant_sees_and_mails_nothing(office: Office, sign_in: SignIn) -> None:
    stranger = make.make_user(office.database, "Piet Bakker")
    rival = make.make_tenant(office.database, "portal", "Rival", members={stranger: "administrator"})
    feed_id = office.link()
    browser, home = sign_in(stranger), f"/p/{rival.id}/consents"
    assert office.client.name not in browser.get(home).text
    browser.post(f"{home}/links", data={"id": str(feed_id)})
    assert office.all(RenewalLink) == []
