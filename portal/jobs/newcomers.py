"""Client accounts that a firm asked for, many at once."""

from __future__ import annotations

import uuid

from portal import runtime
from portal.kernel import queue
from portal.team import newcomer_lists


@queue.job("sync", timeout=900)
def make(tenant_id: str, list_id: str) -> None:
    newcomer_lists.work(runtime.get().database, uuid.UUID(tenant_id), uuid.UUID(list_id))
