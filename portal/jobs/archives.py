"""Making archives, and deleting accounts whose day has come."""

from __future__ import annotations

import uuid

from portal import runtime
from portal.archives import erasing, service
from portal.archives.telling import Means
from portal.kernel import queue


@queue.job("sync", timeout=3600)
def make(tenant_id: str, archive_id: str) -> None:
    here = runtime.get()
    means = Means(here.vault, here.settings.base_url)
    service.make(here.database, uuid.UUID(tenant_id), uuid.UUID(archive_id), means)


@queue.job("sync", timeout=3600)
def erase(tenant_id: str, erasure_id: str) -> None:
    here = runtime.get()
    erasing.erase(here.database, here.settings.home, uuid.UUID(tenant_id), uuid.UUID(erasure_id))
