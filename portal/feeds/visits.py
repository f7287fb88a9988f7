"""Somebody is sent to the provider and comes back: a one-time state, bound to the browser that left."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from portal.access import Scope
from portal.authorisations.custody import Means
from portal.feeds.models import Feed, FeedVisit
from portal.kernel import clock
from portal.kernel.db import Setting, uuid7
from portal.kernel.errors import PortalError

VISIT_LIVES = timedelta(hours=1)  # logging in at a bank with a card reader takes its time


class VisitRefused(PortalError):
    """Somebody came back from the provider whom we did not send, or not like this. Nothing changed."""

    status = 400


@dataclass(frozen=True, slots=True)
class Returned:
    """A visit that came back, used up as of now."""

    tenant_id: uuid.UUID
    feed_id: uuid.UUID
    purpose: str
    renewal_link_id: uuid.UUID | None


def return_address(means: Means, feed: Feed) -> str:
    return f"{means.settings.base_url}/feeds/return/{feed.provider}"


def new_visit(scope: Scope, feed: Feed, browser: str, purpose: str, link_id: uuid.UUID | None = None) -> str:
    """A one-time state for somebody who is sent to the provider; it starts with the tenant, as addresses cannot."""
    state, now = f"{scope.tenant_id.hex}.{secrets.token_urlsafe(32)}", clock.now()
    scope.session.add(
        FeedVisit(
            tenant_id=scope.tenant_id, id=uuid7(), feed_id=feed.id, state_hash=_hash(state),
            browser_hash=_hash(browser), purpose=purpose, renewal_link_id=link_id, created_at=now,
            expires_at=now + VISIT_LIVES,
        )
    )  # fmt: skip
    return state


def claim_visit(means: Means, tenant_id: uuid.UUID, state: str, browser: str) -> Returned:
    """Who came back, used up and committed before anything is asked. Raises VisitRefused."""
    with means.database.scoped(Setting(tenant=tenant_id)) as session:
        query = select(FeedVisit).where(FeedVisit.tenant_id == tenant_id, FeedVisit.state_hash == _hash(state))
        row = session.scalars(query.with_for_update()).one_or_none()
        if row is None:
            raise VisitRefused("feed.visit_unknown")
        if not browser or row.browser_hash != _hash(browser):
            raise VisitRefused("feed.visit_other_browser")
        if row.used_at is not None:
            raise VisitRefused("feed.visit_used")
        if row.expires_at <= clock.now():
            raise VisitRefused("feed.visit_expired")
        row.used_at = clock.now()
        return Returned(tenant_id, row.feed_id, row.purpose, row.renewal_link_id)


def feed_of_state(scope: Scope, state: str) -> Feed | None:
    """The feed for which somebody was sent away with this state, come back or not."""
    query = (
        select(Feed)
        .join(FeedVisit, (FeedVisit.tenant_id == Feed.tenant_id) & (FeedVisit.feed_id == Feed.id))
        .where(FeedVisit.tenant_id == scope.tenant_id, FeedVisit.state_hash == _hash(state))
    )
    return scope.session.scalars(query).one_or_none()


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
