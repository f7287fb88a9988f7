"""How long a consent lasts, as the provider tells it, and what happens when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations.custody import Means
from portal.connectors.errors import AuthorisationExpired, ConnectorError
from portal.connectors.feed import FeedAccount as Told
from portal.connectors.feed import LinkStatus, RefreshStatus
from portal.feeds import states
from portal.feeds.models import Feed, FeedAccount, RenewalLink, State
from portal.feeds.opening import Opener, manifest_of, open_feed
from portal.kernel import clock, queue
from portal.store.service import may_use

TEXT_LENGTH = 500


def learn(scope: Scope, feed: Feed, status: LinkStatus, accounts: Sequence[Told]) -> None:
    """Write down what a link tells of itself: end of the consent, balances, how the last fetch at the bank went."""
    rows = {row.remote_id: row for row in accounts_of(scope, feed)}
    for told in accounts:
        if row := rows.get(told.id):
            row.balance, row.balance_at = told.balance, told.balance_at
            row.consent_ends_at, row.available = told.consent_ends_at, told.available
    ticked = [row.consent_ends_at for row in rows.values() if row.ticked and row.consent_ends_at]
    take_end(scope, feed, min(ticked, default=None) or status.consent_ends_at)
    feed.next_refresh_at = status.next_refresh_at
    attempt = status.last_attempt
    failed = attempt is not None and attempt.status is RefreshStatus.FAILED
    note(feed, *((attempt.code, attempt.text, attempt.request_id) if attempt and failed else ("", "", "")))
    if status.ended:
        end(scope, feed, status.ended, feed.last_text)
    elif failed and feed.state in states.FETCHING:
        states.move(scope, feed, State.ATTENTION, feed.last_code, feed.last_text)
    elif feed.state == State.ATTENTION:
        states.move(scope, feed, State.CONNECTED)


def take_end(scope: Scope, feed: Feed, ends_at: datetime | None) -> None:
    """A later end is a consent given anew."""
    if ends_at is None or ends_at == feed.consent_ends_at:
        return
    before, feed.consent_ends_at = feed.consent_ends_at, ends_at
    if before is not None and clock.day(before) == clock.day(ends_at):
        return
    if before is None or ends_at > before:
        given(scope, feed)
    activity.record(
        scope, "feed.consent_until", states.subject(feed), provider=manifest_of(feed.provider).label,
        bank=feed.institution_name, until=clock.day(ends_at).isoformat(),
    )  # fmt: skip


def given(scope: Scope, feed: Feed) -> None:
    """A consent as of now: reminders count from here, and links to renew the one before have served."""
    feed.consent_since = clock.now()
    mine = (RenewalLink.tenant_id == feed.tenant_id, RenewalLink.feed_id == feed.id)
    served = update(RenewalLink).where(*mine, RenewalLink.used_at.is_(None)).values(used_at=clock.now())
    scope.session.execute(served)


def end(scope: Scope, feed: Feed, code: str, words: str = "") -> None:
    """The consent is over: nothing is fetched any more until somebody renews it."""
    if feed.state not in (*states.FETCHING, State.PAUSED):
        return
    states.move(scope, feed, State.CONSENT_ENDED, code, words)
    now = clock.now()
    if feed.consent_ends_at is not None and feed.consent_ends_at > now:
        feed.consent_ends_at = now  # sooner than was told


def look(means: Means, scope: Scope, feed: Feed, opener: Opener = open_feed) -> None:
    """Ask the provider how the link stands and write it down. Raises ConnectorError when it does not say."""
    try:
        provider = opener(means, feed)
        status, accounts = provider.status(), provider.accounts()
    except AuthorisationExpired as over:
        note(feed, over.code, over.provider_text, over.values.get("request_id", ""))
        end(scope, feed, over.code, over.provider_text)
        return
    learn(scope, feed, status, accounts)


def check_end(means: Means, scope: Scope, feed: Feed, opener: Opener = open_feed) -> None:
    """The last moment of a consent has passed: it is over, unless the provider knows of a new one."""
    try:
        look(means, scope, feed, opener)
    except ConnectorError as error:
        note(feed, error.code, error.provider_text, error.values.get("request_id", ""))
    if feed.consent_ends_at is not None and feed.consent_ends_at <= clock.now():
        end(scope, feed, "feed.consent_over")


def revive(scope: Scope, feed: Feed) -> None:
    """It works again: connected, and every account is due at once."""
    if feed.state != State.CONNECTED:
        states.move(scope, feed, State.CONNECTED)
    for row in accounts_of(scope, feed):
        if row.ticked:
            row.failures, row.next_due_at = 0, clock.now()
            queue.ring(scope.session, "feeds.fetch", feed.tenant_id, row.id)


def note(feed: Feed, code: str, words: str, request_id: str) -> None:
    """Remember how the last attempt went; a code of "" is a good one."""
    feed.last_at, feed.last_code = clock.now(), code
    feed.last_text, feed.last_request_id = words[:TEXT_LENGTH], request_id[:TEXT_LENGTH]


def is_shown_out(scope: Scope, feed: Feed) -> bool:
    """Whether the firm that linked it may no longer work for this client, or not through this app."""
    if feed.via_id is None:
        return False
    return not may_use(scope, feed.tenant_id, feed.via_id, feed.provider)


def accounts_of(scope: Scope, feed: Feed) -> Sequence[FeedAccount]:
    query = select(FeedAccount).where(FeedAccount.tenant_id == feed.tenant_id, FeedAccount.feed_id == feed.id)
    return scope.session.scalars(query.order_by(FeedAccount.number, FeedAccount.currency, FeedAccount.id)).all()
