"""A mailed link renews one consent, for whoever it was mailed to, and for as long as it says."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import update

from portal.access import Scope
from portal.feeds import renewals
from portal.feeds.models import Feed, RenewalLink, State
from portal.feeds.renewals import LinkRefused, Opened
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict
from portal.kernel.vault import Vault
from portal.tenants.models import Grant, Membership
from tests import factories as make
from tests.feeds.office import BROWSER, Office, open_office
from tests.sync.office import Clock


def mailed(office: Office, feed_id: uuid.UUID) -> list[str]:
    with office.scope() as scope:
        feed = scope.get(Feed, feed_id)
        renewals.send_links(scope, office.vault, office.means.settings, feed)
    return [renewals.sign(office.means.settings, office.client.id, link.id) for link in office.all(RenewalLink)]


def opened(office: Office, token: str) -> Opened:
    with office.database.scoped() as session:
        return renewals.open_link(office.means, session, token)


def test_it_says_what_it_is_for_and_leads_to_the_provider(office: Office) -> None:
    feed_id = office.link()
    (token,) = mailed(office, feed_id)
    shown = opened(office, token)
    assert (shown.client, shown.feed.id, shown.served) == (office.client.name, feed_id, False)
    assert list(shown.numbers) == [account.number for account in office.bank.accounts.values()]
    with office.scope() as scope:
        url = renewals.begin(office.means, scope, scope.get(Feed, feed_id), BROWSER, link_id=shown.link_id)
    assert url.startswith("https://feed.invalid/renew?")
    assert [link.opened_at is not None for link in office.all(RenewalLink)] == [True]


def test_a_link_that_was_touched_opens_nothing(office: Office) -> None:
    (token,) = mailed(office, office.link())
    tampered = [token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), token[1:], "", "x.y", token.replace(".", "")]
    for one in tampered:
        with pytest.raises(LinkRefused, match=r"renewal\.unknown"):
            opened(office, one)


def test_a_link_signed_by_another_key_opens_nothing(office: Office) -> None:
    from dataclasses import replace

    feed_id = office.link()
    mailed(office, feed_id)
    (link,) = office.all(RenewalLink)
    foreign = replace(office.means.settings, secret_key="z" * 40)
    with pytest.raises(LinkRefused, match=r"renewal\.unknown"):
        opened(office, renewals.sign(foreign, office.client.id, link.id))


def test_after_a_new_secret_key_older_links_still_open(office: Office) -> None:
    from dataclasses import replace

    (token,) = mailed(office, office.link())
    settings = office.means.settings
    newer = replace(settings, secret_key="n" * 40, secret_key_fallbacks=(settings.secret_key,))
    assert renewals.read(newer, token)


def test_a_link_expires(office: Office, moving: Clock) -> None:
    feed_id = office.link()
    (token,) = mailed(office, feed_id)
    moving.pass_((180 + 7) * 86_400 + 60)
    with pytest.raises(LinkRefused, match=r"renewal\.expired"):
        opened(office, token)


def test_a_renewed_consent_ends_the_purpose_of_its_links(office: Office) -> None:
    feed_id = office.link()
    (token,) = mailed(office, feed_id)
    office.bank.renew(365)
    with office.scope() as scope:
        assert renewals.finish(office.means, scope, scope.get(Feed, feed_id))
    assert opened(office, token).served
    assert [link.used_at is not None for link in office.all(RenewalLink)] == [True]


def test_a_consent_renewed_on_its_first_day_ends_the_purpose_too(office: Office, moving: Clock) -> None:
    feed_id = office.link()
    (token,) = mailed(office, feed_id)
    moving.pass_(60)
    office.bank.renew(180)  # ends on the same day, a minute later
    with office.scope() as scope:
        assert renewals.finish(office.means, scope, scope.get(Feed, feed_id))
    assert opened(office, token).served


def test_coming_back_without_a_new_consent_renews_nothing(office: Office) -> None:
    feed_id = office.link()
    mailed(office, feed_id)
    with office.scope() as scope:
        assert not renewals.finish(office.means, scope, scope.get(Feed, feed_id))
    assert [link.used_at for link in office.all(RenewalLink)] == [None]


def test_an_ended_consent_works_again_after_the_renewal(office: Office) -> None:
    feed_id = office.link()
    office.bank.ended = "pretendbank.consent_expired"
    office.fetch(feed_id)
    assert office.feed(feed_id).state == State.CONSENT_ENDED
    office.bank.renew(90)
    with office.scope() as scope:
        assert renewals.finish(office.means, scope, scope.get(Feed, feed_id))
    assert office.feed(feed_id).state == State.CONNECTED
    assert all(row.next_due_at for row in office.accounts(feed_id))


def test_who_lost_the_right_renews_nothing(database: Database, vault: Vault) -> None:
    office = open_office(database, vault)
    staff = make.make_user(database, "Karin Wouters")
    with database.scoped(Setting(tenant=office.firm.id)) as session:
        session.add(Membership(tenant_id=office.firm.id, user_id=staff.id, role="staff", created_at=staff.created_at))
    feed_id, state = office.begin(phone="+32 2 000 00 00")
    office.come_back(feed_id, state)
    office.tick(feed_id)
    with office.scope() as scope:  # nobody of the client is known any more: the firm is written to
        scope.session.execute(update(User).where(User.id == office.owner.id).values(disabled_at=staff.created_at))
    (token,) = mailed(office, feed_id)
    assert [link.user_id for link in office.all(RenewalLink)] == [staff.id]
    assert not opened(office, token).served
    with office.scope() as scope:
        scope.session.execute(update(Grant).values(state="withdrawn"))
    with pytest.raises(LinkRefused, match="not_allowed"):
        opened(office, token)


def test_a_link_opens_its_own_consent_only(office: Office, database: Database, vault: Vault) -> None:
    other = open_office(database, vault)
    other_feed = other.link()
    mailed(other, other_feed)
    (link,) = other.all(RenewalLink)
    office.link()
    mixed = renewals.sign(office.means.settings, office.client.id, link.id)
    with pytest.raises(LinkRefused, match=r"renewal\.unknown"):
        opened(office, mixed)


def test_a_disconnected_bank_has_nothing_to_renew(office: Office) -> None:
    from portal.feeds import linking

    feed_id = office.link()
    with office.scope() as scope:
        linking.disconnect(office.means, scope, scope.get(Feed, feed_id))
    with office.scope() as scope, pytest.raises(Conflict, match="not_renewable"):
        renewals.send_links(scope, office.vault, office.means.settings, scope.get(Feed, feed_id))


def test_owners_are_asked_before_the_firm(office: Office) -> None:
    feed_id, state = office.begin(phone="+32 2 000 00 00")
    office.come_back(feed_id, state)
    with office.database.scoped(Setting(tenant=office.client.id)) as session:
        scope = Scope.system(session, office.client.id)
        people = renewals.renewers(session, scope.get(Feed, feed_id))
    assert [(person.email, person.locale) for person in people] == [(office.owner.email, "fr-BE")]
