"""Reminders 30, 10, 1 and 0 days before a consent ends: each once, on its day, also where a day was missed."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations.custody import Means
from portal.connectors.errors import ConnectorError
from portal.feeds import consents, renewals, states
from portal.feeds.models import Feed, FeedReminder
from portal.feeds.opening import Opener, open_feed
from portal.kernel import clock, queue
from portal.kernel.db import Database, Setting, uuid7

DAYS = (30, 10, 1, 0)
FROM_HOUR = 7  # on the wall: nobody is mailed at night
UNTIL_DAYS_AFTER = 7
STALE = timedelta(hours=24)  # a date that was read longer ago is read again before anybody is mailed

_DUE = text("SELECT tenant_id, id FROM due_feed_reminders(:now, :room)")
_ENDED = text("SELECT tenant_id, id FROM ended_feed_consents(:now, :room)")
_FETCH = text("SELECT tenant_id, id FROM ring_due_feed_accounts(:now, :room)")


def ring_due(database: Database, room: int) -> None:
    """Ring for reminders that are due, by day."""
    if clock.now().astimezone(clock.BUSINESS_ZONE).hour >= FROM_HOUR:
        _ring(database, "feeds.remind", _DUE, room)


def ring_ended(database: Database, room: int) -> None:
    _ring(database, "feeds.check_end", _ENDED, room)


def ring_fetches(database: Database, room: int) -> None:
    _ring(database, "feeds.fetch", _FETCH, room)


def _ring(database: Database, job: str, statement: TextClause, room: int) -> None:
    if room <= 0:
        return
    with database.scoped() as session:
        for tenant_id, row_id in session.execute(statement, {"now": clock.now(), "room": room}).all():
            queue.ring(session, job, tenant_id, row_id)


def remind(means: Means, tenant_id: uuid.UUID, feed_id: uuid.UUID, opener: Opener = open_feed) -> int:
    """Mail what is due for one consent; how many mails. Whoever comes second finds it written down."""
    _read_again(means, tenant_id, feed_id, opener)
    with means.database.scoped(Setting(tenant=tenant_id)) as session:
        scope = Scope.system(session, tenant_id)
        feed = scope.get(Feed, feed_id, lock=True)
        days = due_days(feed, clock.today())
        if days is None or feed.consent_ends_at is None or feed.state not in renewals.RENEWABLE:
            return 0
        row = {
            "tenant_id": tenant_id, "id": uuid7(), "feed_id": feed.id, "days_before": days, "mails": 0,
            "ends_on": clock.day(feed.consent_ends_at), "sent_at": clock.now(),
        }  # fmt: skip
        written = session.scalars(
            insert(FeedReminder).values(row).on_conflict_do_nothing().returning(FeedReminder)
        ).one_or_none()
        if written is None:
            return 0
        written.mails = renewals.send_links(scope, means.vault, means.settings, feed)
        activity.record(
            scope, "feed.reminded", states.subject(feed), bank=feed.institution_name, mails=written.mails,
            until=row["ends_on"], days=days,
        )  # fmt: skip
        return written.mails


def due_days(feed: Feed, today: date) -> int | None:
    """The last of the days that have come since the consent was given; None when none has, or it is long over."""
    if feed.consent_ends_at is None or feed.consent_since is None:
        return None
    ends_on, given_on = clock.day(feed.consent_ends_at), clock.day(feed.consent_since)
    if today > ends_on + timedelta(days=UNTIL_DAYS_AFTER):
        return None
    come = [days for days in DAYS if given_on < ends_on - timedelta(days=days) <= today]
    return min(come, default=None)


def _read_again(means: Means, tenant_id: uuid.UUID, feed_id: uuid.UUID, opener: Opener) -> None:
    """A date that nobody has looked at for a day may be of a consent that was renewed elsewhere."""
    with means.database.scoped(Setting(tenant=tenant_id)) as session:
        scope = Scope.system(session, tenant_id)
        feed = scope.get(Feed, feed_id)
        if feed.state not in states.FETCHING or (feed.last_at and clock.now() - feed.last_at < STALE):
            return
        try:
            consents.look(means, scope, feed, opener)
        except ConnectorError as error:
            consents.note(feed, error.code, error.provider_text, error.values.get("request_id", ""))


def check_end(means: Means, tenant_id: uuid.UUID, feed_id: uuid.UUID, opener: Opener = open_feed) -> None:
    """The last moment of a consent has passed."""
    with means.database.scoped(Setting(tenant=tenant_id)) as session:
        scope = Scope.system(session, tenant_id)
        consents.check_end(means, scope, scope.get(Feed, feed_id, lock=True), opener)
