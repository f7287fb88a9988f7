"""Jobs of the billing room: the month that is over."""

from __future__ import annotations

import uuid
from functools import partial

from portal import runtime
from portal.billing import closing
from portal.kernel import queue


@queue.job("mail", timeout=600)
def close(portal_id: str) -> None:
    made = runtime.get()
    means = closing.Means(made.vault, made.settings.base_url)
    month = closing.last_month()
    closing.in_portal(made.database, uuid.UUID(portal_id), partial(closing.close_month, means=means, month=month))
