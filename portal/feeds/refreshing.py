"""*Synchronise now*: a person is there, so the bank itself may be asked."""

from __future__ import annotations

from datetime import timedelta

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations.custody import Means
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Temporary
from portal.feeds import consents, states
from portal.feeds.models import Feed
from portal.feeds.opening import Opener, open_feed
from portal.kernel import clock, queue
from portal.kernel.errors import Conflict


def synchronise_now(means: Means, scope: Scope, feed: Feed, address: str, opener: Opener = open_feed) -> int:
    """Ask the bank for every ticked account, then read; how many accounts. `address`: of the person who asks.

    Raises Conflict: "feed.too_soon" with `until`, "feed.not_connected", or with what the provider said.
    """
    if feed.state not in states.FETCHING:
        raise Conflict("feed.not_connected", bank=feed.institution_name)
    if feed.next_refresh_at is not None and feed.next_refresh_at > clock.now():
        raise Conflict("feed.too_soon", until=feed.next_refresh_at)
    asked = 0
    provider = opener(means, feed, person=True)
    for row in (row for row in consents.accounts_of(scope, feed) if row.ticked):
        try:
            row.refresh_id, row.refresh_since = provider.refresh(row.remote_id, address), clock.now()
        except Temporary as error:
            if not asked:  # a link that is fetched as a whole refuses its second account
                raise _too_soon(feed, error) from None
        except AuthorisationExpired as over:
            consents.note(feed, over.code, over.provider_text, over.values.get("request_id", ""))
            consents.end(scope, feed, over.code, over.provider_text)
            return 0
        except ConnectorError as error:
            raise Conflict("feed.no_answer", reason=error.code, text=error.provider_text) from None
        asked += 1
        row.next_due_at = clock.now()
        queue.ring(scope.session, "feeds.fetch", scope.tenant_id, row.id)
    if asked:
        activity.record(scope, "feed.asked", states.subject(feed), bank=feed.institution_name, accounts=asked)
    return asked


def _too_soon(feed: Feed, error: Temporary) -> Conflict:
    if error.retry_after is None:
        return Conflict("feed.no_answer", reason=error.code, text=error.provider_text)
    feed.next_refresh_at = clock.now() + timedelta(seconds=error.retry_after)
    return Conflict("feed.too_soon", until=feed.next_refresh_at)
