"""Reminders on their days, each once; nobody is written to about a consent that was renewed."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from portal.access import Scope
from portal.feeds import opening, reminders, renewals
from portal.feeds.models import Feed, FeedReminder, RenewalLink, State
from portal.feeds.reminders import DAYS
from portal.kernel import clock, queue
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.mail import Mail
from portal.kernel.vault import Vault
from portal.runtime import Runtime
from tests import factories as make
from tests.feeds import provider
from tests.feeds.office import Office
from tests.sync.office import Clock, settings

BRUSSELS = ZoneInfo("Europe/Brussels")
CONSENTS, LENGTH, TENANTS = 500, 180, 20
# When people renew, in days before the end; None: never, and "bank": at the bank itself, without telling us.
HABITS = (29, 12, 10, 9, 3, 1, 0, None, "bank")


@dataclass
class Consent:
    tenant: uuid.UUID
    id: uuid.UUID
    bank: provider.Bank
    habit: int | str | None
    given: date
    ends: date
    expected: list[tuple[date, int]] = field(default_factory=list)
    needless: int = 0


class Calendar:
    """A clock that stands at eight in the morning of a day, on the wall."""

    def __init__(self, day: date) -> None:
        self.day, self.hour = day, 8

    def now(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, self.hour, tzinfo=BRUSSELS)


def plant(means: Runtime, count: int, start: date, seed: int) -> list[Consent]:
    """Consents of all lengths and habits, spread over tenants, as linking would leave them."""
    chance = random.Random(seed)
    owner = make.make_user(means.database, "Owner")
    clients = [make.make_tenant(means.database, "client", f"C{n}", members={owner: "owner"}) for n in range(TENANTS)]
    made = []
    for number in range(count):
        client = clients[number % TENANTS]
        length = chance.choice((90, 180))
        given = start - timedelta(days=chance.randrange(0, length - max(DAYS)))  # none of its days has come yet
        ends = given + timedelta(days=length)
        bank = provider.Bank(link=f"l-{uuid.uuid4().hex}", consent_ends_at=at_noon(ends))
        provider.BANKS[bank.link] = bank
        one = Consent(client.id, uuid7(), bank, chance.choice(HABITS), given, ends)
        made.append(one)
        with means.database.scoped(Setting(tenant=client.id)) as session:
            feed = Feed(
                tenant_id=client.id, id=one.id, provider=provider.KEY, environment="live", institution="kbc",
                institution_name="KBC", country="BE", state=State.CONNECTED, state_since=at_noon(given),
                created_at=at_noon(given), consent_ends_at=at_noon(ends), consent_since=at_noon(given),
            )  # fmt: skip
            feed.link = means.vault.seal(session, opening.place(feed, "link"), bank.link)
            session.add(feed)
    return made


def at_noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=BRUSSELS)


def renew(means: Runtime, one: Consent, today: date) -> None:
    """By our link, or at the bank without our knowing."""
    one.given, one.ends = today, today + timedelta(days=90)
    one.bank.ended, one.bank.consent_ends_at = "", at_noon(one.ends)
    if one.habit == "bank":
        return
    with means.database.scoped(Setting(tenant=one.tenant)) as session:
        scope = Scope.system(session, one.tenant)
        assert renewals.finish(means, scope, scope.get(Feed, one.id))


@pytest.mark.slow
def test_five_hundred_consents_over_half_a_year(
    fresh_database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    means = Runtime(settings(), fresh_database, vault)
    hand = Calendar(date(2026, 1, 15))
    monkeypatch.setattr(clock, "now", hand.now)
    rung: list[tuple[str, tuple[uuid.UUID, ...]]] = []
    monkeypatch.setattr(queue, "ring", lambda session, job, *ids: rung.append((job, ids)))

    def heard(job: str) -> list[tuple[uuid.UUID, ...]]:
        found = [ids for name, ids in rung if name == job]
        rung.clear()
        return found

    consents = plant(means, CONSENTS, hand.day, seed=7)
    by_id = {one.id: one for one in consents}
    for _ in range(LENGTH):
        for one in consents:
            left = (one.ends - hand.day).days
            before = 20 if one.habit == "bank" else one.habit
            if left == before and one.given < hand.day:
                hand.hour = 6  # before anybody is written to
                renew(means, one, hand.day)
                hand.hour = 8
            elif left in DAYS and one.given < hand.day:
                one.expected.append((hand.day, left))
        rung.clear()
        reminders.ring_due(means.database, 10_000)
        reminders.ring_due(means.database, 10_000)  # a second scheduler
        for tenant_id, feed_id in heard("feeds.remind"):
            sent = reminders.remind(means, tenant_id, feed_id)
            by_id[feed_id].needless += sent and by_id[feed_id].ends > hand.day + timedelta(days=max(DAYS))
        reminders.ring_ended(means.database, 10_000)
        for tenant_id, feed_id in heard("feeds.check_end"):
            reminders.check_end(means, tenant_id, feed_id)
        hand.day += timedelta(days=1)
    assert sum(len(one.expected) for one in consents) > 1000
    assert sum(one.needless for one in consents) == 0
    for one in consents:
        with fresh_database.scoped(Setting(tenant=one.tenant)) as session:
            scope = Scope.system(session, one.tenant)
            rows = session.query(FeedReminder).filter_by(tenant_id=one.tenant, feed_id=one.id).all()
            feed = scope.get(Feed, one.id)
        told = sorted((row.sent_at.astimezone(BRUSSELS).date(), row.days_before) for row in rows)
        assert told == sorted(one.expected), one.habit
        assert all(row.mails == 1 for row in rows)
        over = one.ends < hand.day - timedelta(days=1)
        assert (feed.state == State.CONSENT_ENDED) is over
    with fresh_database.scoped() as session:
        mails = session.query(Mail).filter_by(template="renewal").count()
    assert mails == sum(len(one.expected) for one in consents)


def test_two_schedulers_at_the_same_moment_write_once(office: Office, moving: Clock) -> None:
    feed_id = office.link()
    office.bank.renew(180)
    moving.pass_(170 * 86_400)
    found: list[int] = []
    both = threading.Barrier(2)

    def work() -> None:
        both.wait()
        found.append(reminders.remind(office.means, office.client.id, feed_id))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1]
    assert len(office.all(RenewalLink)) == 1
    assert [row.days_before for row in office.all(FeedReminder)] == [10]


def test_a_day_that_was_missed_is_made_good_once(office: Office, moving: Clock) -> None:
    feed_id = office.link()
    moving.pass_(155 * 86_400)  # the scheduler slept over the thirtieth day
    assert reminders.remind(office.means, office.client.id, feed_id) == 1
    assert reminders.remind(office.means, office.client.id, feed_id) == 0
    assert [row.days_before for row in office.all(FeedReminder)] == [30]


def test_the_mail_is_in_the_reader_s_language_and_its_link_is_not_kept(office: Office, moving: Clock) -> None:
    feed_id = office.link()
    moving.pass_(150 * 86_400)
    reminders.remind(office.means, office.client.id, feed_id)
    with office.database.scoped() as session:
        (row,) = session.query(Mail).filter_by(to_email=office.owner.email, template="renewal").all()
    assert row.locale == "fr-BE"
    (link,) = office.all(RenewalLink)
    token = renewals.sign(office.means.settings, office.client.id, link.id)
    with office.scope() as scope:
        kept = scope.session.execute(text("SELECT string_agg(r::text, ' ') FROM renewal_links r")).scalar_one()
    assert token not in kept


def test_nobody_is_written_to_twice_a_day(office: Office, moving: Clock) -> None:
    feed_id = office.link()
    days: Counter[date] = Counter()
    for _ in range(200):
        moving.pass_(86_400)
        days[clock.today()] += reminders.remind(office.means, office.client.id, feed_id)
    assert sorted(days.values())[-4:] == [1, 1, 1, 1]
    assert sum(days.values()) == len(DAYS)
