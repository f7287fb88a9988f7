"""Fetching the lines of one account: page by page, each page with its cursor in one transaction.

So a process may die anywhere: what was stored is behind the cursor, what was not is before it,
and the ledger knows a line that is told twice. The fence says whose pages count: a worker that
was thought dead changes nothing any more.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import update

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations.custody import Means
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Temporary
from portal.connectors.feed import Attempt, BankFeed, FeedPage, FeedTransaction, RefreshStatus
from portal.feeds import consents, states
from portal.feeds.models import Feed, FeedAccount, FeedFetch, State
from portal.feeds.opening import Opener, manifest_of, open_feed
from portal.kernel import clock, crash, queue
from portal.kernel.db import Database, Setting, uuid7
from portal.ledger.feeding import Fed, WholeNeeded, store_transactions
from portal.ledger.models import BankAccount

LEASE = timedelta(minutes=3)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=12)
PATIENCE = 3  # failures in a row after which people are told; what a person has to mend is told at once
FOLLOW, STEP = 40, 2.0  # looks at a fetch at the bank that runs, and seconds between two
FORGOTTEN = timedelta(minutes=15)  # a fetch at the bank that runs longer is waited for no more


class Stopped(Exception):
    """Somebody else has the account, or it may not be fetched any more."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One account in our hands, for as long as its fence holds."""

    feed: Feed
    account_id: uuid.UUID
    remote_id: str
    cursor: str
    refresh_id: str
    refresh_since: datetime | None
    fence: int
    fetch_id: uuid.UUID
    started_at: datetime

    @property
    def setting(self) -> Setting:
        return Setting(tenant=self.feed.tenant_id)


def fetch(means: Means, tenant_id: uuid.UUID, account_id: uuid.UUID, opener: Opener = open_feed) -> None:
    """Bring an account up to date; nothing when somebody is at it, or it may not be. Safe to run twice."""
    taken = _take(means.database, tenant_id, account_id)
    if taken is None:
        return
    crash.point("feed.leased")
    try:
        provider = opener(means, taken.feed)
        attempt = _follow(provider, taken)
        if attempt is not None and attempt.status is RefreshStatus.RUNNING:
            _put_off(means.database, taken)
            return
        _read(means.database, taken, provider)
        crash.point("feed.read_to_end")
        status, accounts = provider.status(), provider.accounts()
        with means.database.scoped(taken.setting) as session:
            scope = Scope.system(session, tenant_id)
            row, feed = _held(scope, taken)
            consents.learn(scope, feed, status, accounts)
            _settle(scope, row, feed, taken)
            crash.point("feed.before_finish")
        crash.point("feed.finished")
    except Stopped:
        _close(means.database, taken, "stopped")
    except ConnectorError as error:
        _fail(means.database, taken, error)


def _take(database: Database, tenant_id: uuid.UUID, account_id: uuid.UUID) -> Taken | None:
    now = clock.now()
    with database.scoped(Setting(tenant=tenant_id)) as session:
        scope = Scope.system(session, tenant_id)
        row = scope.get(FeedAccount, account_id, lock=True)
        feed = scope.get(Feed, row.feed_id)
        if not row.ticked or feed.state not in states.FETCHING or (row.lease_until and row.lease_until > now):
            return None
        if consents.is_shown_out(scope, feed):
            _pause(scope, feed)
            return None
        row.fence += 1
        row.lease_until, row.next_due_at = now + LEASE, now + LEASE + timedelta(minutes=1)
        opened = FeedFetch(tenant_id=tenant_id, id=uuid7(), feed_account_id=row.id, started_at=now)
        session.add(opened)
        return Taken(
            feed, row.id, row.remote_id, row.cursor, row.refresh_id, row.refresh_since, row.fence, opened.id, now
        )


def _held(scope: Scope, taken: Taken) -> tuple[FeedAccount, Feed]:
    """The rows, locked, while they are ours to write. Raises Stopped.

    The feed first, as whoever asks the bank from a page does: the other way round the two could wait for each other.
    """
    feed = scope.get(Feed, taken.feed.id, lock=True)
    row = scope.get(FeedAccount, taken.account_id, lock=True)
    if row.fence != taken.fence or not row.ticked or feed.state not in states.FETCHING:
        raise Stopped
    if consents.is_shown_out(scope, feed):
        raise Stopped
    return row, feed


# ------------------------------------------------------------------ reading


def _read(database: Database, taken: Taken, provider: BankFeed) -> None:
    announced = provider.pending(taken.remote_id)
    try:
        for page in provider.transactions(taken.remote_id, taken.cursor):
            crash.point("feed.page_read")
            _store(database, taken, page, announced)
    except WholeNeeded as doubt:
        # One transaction for all of it: only the whole tells a changed id from a second equal line.
        pages = list(provider.transactions(taken.remote_id))
        told = [one for page in pages for one in page.transactions if one.line.date >= doubt.since]
        last = next((page.cursor for page in reversed(pages) if page.cursor), "")
        _store(database, taken, FeedPage(told, last), announced, doubt.since)


def _store(
    database: Database,
    taken: Taken,
    page: FeedPage,
    announced: Sequence[FeedTransaction],
    whole_since: date | None = None,
) -> None:
    with database.scoped(taken.setting) as session:
        scope = Scope.system(session, taken.feed.tenant_id)
        row, feed = _held(scope, taken)
        crash.point("feed.locked")
        account = scope.get(BankAccount, row.bank_account_id or uuid.UUID(int=0))
        told = [*page.transactions, *announced]
        fed = store_transactions(scope, account, feed.provider, told, whole_since=whole_since)
        crash.point("feed.lines_written")
        row.cursor = page.cursor or row.cursor
        row.lease_until = clock.now() + LEASE
        _count(scope, taken, fed)
        crash.point("feed.before_commit")
    crash.point("feed.page_committed")


def _count(scope: Scope, taken: Taken, fed: Fed) -> None:
    row = scope.get(FeedFetch, taken.fetch_id)
    row.pages += 1
    row.stored, row.known = row.stored + fed.stored, row.known + fed.known
    row.updated, row.pending = row.updated + fed.updated, fed.pending


# ------------------------------------------------------------------ a fetch at the bank that a person asked for


def _follow(provider: BankFeed, taken: Taken) -> Attempt | None:
    """Wait for it, for as long as is fair to the others. None when nobody asked for one, or it is forgotten."""
    if not taken.refresh_id:
        return None
    for look in range(FOLLOW):
        attempt = provider.refreshed(taken.refresh_id)
        if attempt.status is not RefreshStatus.RUNNING:
            return attempt
        if taken.refresh_since is None or clock.now() - taken.refresh_since > FORGOTTEN:
            return None
        if look + 1 < FOLLOW:
            time.sleep(STEP)
    return attempt


def _put_off(database: Database, taken: Taken) -> None:
    """It still runs: look again in a while."""
    with database.scoped(taken.setting) as session:
        row, _ = _held(Scope.system(session, taken.feed.tenant_id), taken)
        row.lease_until, row.next_due_at = None, clock.now() + timedelta(seconds=30)
    _close(database, taken, "stopped")


# ------------------------------------------------------------------ the end


def _settle(scope: Scope, row: FeedAccount, feed: Feed, taken: Taken) -> None:
    """It worked: when the next one is due, and a line on the timeline when something came."""
    now = clock.now()
    row.last_at, row.failures, row.lease_until = now, 0, None
    row.next_due_at = now + timedelta(hours=row.interval_hours) if row.interval_hours else None
    if row.noticed_at is not None and row.noticed_at > taken.started_at:
        row.next_due_at = now  # the provider spoke while we read
    if row.refresh_id == taken.refresh_id:
        row.refresh_id, row.refresh_since = "", None
    else:  # somebody asked while we read, and the job that was rung for it found the account in our hands
        row.next_due_at = now
        queue.ring(scope.session, "feeds.fetch", scope.tenant_id, row.id)
    done = scope.get(FeedFetch, taken.fetch_id)
    done.state, done.finished_at = "done", now
    if done.stored:
        activity.record(
            scope, "feed.fetched", states.subject(feed), context=row.bank_account_id,
            provider=manifest_of(feed.provider).label, bank=feed.institution_name, lines=done.stored,
        )  # fmt: skip


def _fail(database: Database, taken: Taken, error: ConnectorError) -> None:
    """Try again later, and say why; or stop, when only a person can go on."""
    now, request_id = clock.now(), error.values.get("request_id", "")
    with database.scoped(taken.setting) as session:
        scope = Scope.system(session, taken.feed.tenant_id)
        row = scope.get(FeedAccount, taken.account_id, lock=True)
        if row.fence != taken.fence:
            return
        feed = scope.get(Feed, row.feed_id)
        row.failures, row.lease_until = row.failures + 1, None
        row.refresh_id, row.refresh_since = "", None
        row.next_due_at = now + pause_after(row.failures, error)
        consents.note(feed, error.code, error.provider_text, request_id)
        if isinstance(error, AuthorisationExpired):
            consents.end(scope, feed, error.code, error.provider_text)
        elif feed.state == State.CONNECTED and (not isinstance(error, Temporary) or row.failures >= PATIENCE):
            states.move(scope, feed, State.ATTENTION, error.code, error.provider_text)
        _note(scope, taken, error.code, error.provider_text, request_id)


def pause_after(failures: int, error: ConnectorError) -> timedelta:
    """What the provider asks for; else 5, 10, 20 … minutes up to twelve hours, a fifth more or less."""
    if isinstance(error, Temporary) and error.retry_after is not None:
        return timedelta(seconds=error.retry_after + 1)
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE)
    spread: float = random.uniform(0.8, 1.2)  # noqa: S311  (spreads load, guards nothing)
    return pause * spread


def _close(database: Database, taken: Taken, state: str) -> None:
    with database.scoped(taken.setting) as session:
        scope = Scope.system(session, taken.feed.tenant_id)
        row = scope.get(FeedFetch, taken.fetch_id)
        row.state, row.finished_at = state, clock.now()
        feed = scope.get(Feed, taken.feed.id, lock=True)
        if feed.state in states.FETCHING and consents.is_shown_out(scope, feed):
            _pause(scope, feed)


def _note(scope: Scope, taken: Taken, code: str, words: str, request_id: str) -> None:
    done = {"state": "failed", "finished_at": clock.now(), "code": code, "request_id": request_id}
    mine = (FeedFetch.tenant_id == taken.feed.tenant_id, FeedFetch.id == taken.fetch_id)
    scope.session.execute(update(FeedFetch).where(*mine).values(**done, text=words[: consents.TEXT_LENGTH]))


def _pause(scope: Scope, feed: Feed) -> None:
    states.move(scope, feed, State.PAUSED, "feed.grant_withdrawn")


def due_of(rows: Iterable[FeedAccount]) -> datetime | None:
    """When the next fetch of these accounts is due."""
    return min((row.next_due_at for row in rows if row.ticked and row.next_due_at), default=None)
