"""Jobs of the feeds room: fetching, what callbacks announced, consents that end, reminders."""

from __future__ import annotations

import uuid

from portal import runtime
from portal.feeds import fetching, notices, reminders
from portal.kernel import queue


@queue.job("sync", timeout=600)
def fetch(tenant_id: str, account_id: str) -> None:
    fetching.fetch(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(account_id))


@queue.job("sync", timeout=120)
def take_offer(tenant_id: str, feed_id: str) -> None:
    notices.take_offer(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(feed_id))


@queue.job("sync", timeout=120)
def check_end(tenant_id: str, feed_id: str) -> None:
    reminders.check_end(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(feed_id))


@queue.job("mail", timeout=120)
def remind(tenant_id: str, feed_id: str) -> None:
    reminders.remind(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(feed_id))
