"""What providers tell unasked: it makes accounts due, and nothing else. What is true is read from the provider."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import text, update

from portal.access import Scope
from portal.authorisations.custody import Means
from portal.authorisations.login import tenant_of
from portal.connectors.feed import Notice
from portal.feeds import consents, linking, opening, visits
from portal.feeds.models import Feed, FeedAccount, State
from portal.feeds.opening import Opener, open_feed
from portal.kernel import clock, queue
from portal.kernel.db import Setting
from portal.kernel.errors import PortalError

_WHOSE = text("SELECT tenant_id, id FROM feeds_of_notice(:provider, :link, :account)")


def heed(means: Means, provider: str, notices: Iterable[Notice]) -> int:
    """How many feeds they were about. The same ones again do no harm; unknown ones do nothing."""
    heeded = 0
    for notice in notices:
        link = opening.link_hash(provider, notice.link) if notice.link else b""
        asked = {"provider": provider, "link": link, "account": notice.account}
        with means.database.scoped() as session:
            found = session.execute(_WHOSE, asked).all()
        for tenant_id, feed_id in found:
            _wake(means, tenant_id, feed_id, notice)
        heeded += len(found)
        if not found and notice.link and notice.state:
            heeded += _offer(means, provider, notice)
    return heeded


def _wake(means: Means, tenant_id: uuid.UUID, feed_id: uuid.UUID, notice: Notice) -> None:
    """Every account of the feed, or the one that is told, is due now."""
    now = clock.now()
    with means.database.scoped(Setting(tenant=tenant_id)) as session:
        which = [FeedAccount.tenant_id == tenant_id, FeedAccount.feed_id == feed_id, FeedAccount.ticked]
        if notice.account:
            which.append(FeedAccount.remote_id == notice.account)
        moved = update(FeedAccount).where(*which).values(next_due_at=now, noticed_at=now).returning(FeedAccount.id)
        for account_id in session.scalars(moved).all():
            queue.ring(session, "feeds.fetch", tenant_id, account_id)


def _offer(means: Means, provider: str, notice: Notice) -> bool:
    """A new link, named before its person came back: looked at by a job, not believed."""
    tenant_id = tenant_of(notice.state)
    if tenant_id is None:
        return False
    with means.database.scoped(Setting(tenant=tenant_id)) as session:
        scope = Scope.system(session, tenant_id)
        feed = visits.feed_of_state(scope, notice.state)
        if feed is None or feed.provider != provider or feed.state != State.CONNECTING:
            return False
        if notice.failed:
            linking.give_up(scope, feed, notice.code or "feed.broken_off")
            return True
        feed.offered = means.vault.seal(session, opening.place(feed, "offered"), notice.link)
        queue.ring(session, "feeds.take_offer", tenant_id, feed.id)
        return True


def take_offer(means: Means, tenant_id: uuid.UUID, feed_id: uuid.UUID, opener: Opener = open_feed) -> None:
    """Attach the link that a callback named, when it is this client's. Safe to run twice."""
    with means.database.scoped(Setting(tenant=tenant_id)) as session:
        scope = Scope.system(session, tenant_id)
        feed = scope.get(Feed, feed_id, lock=True)
        link = opening.secret(means, feed, "offered")
        if not link or feed.state != State.CONNECTING:
            return
        try:
            linking.attach(means, scope, feed, link, opener)
        except PortalError as refused:
            consents.note(feed, refused.code, "", "")
            feed.offered = None
