"""Jobs of the authorisations: keeping log-ins alive, and bringing home what a crash left on disk."""

from __future__ import annotations

import uuid

from portal import runtime
from portal.authorisations import heartbeat, renewal
from portal.authorisations.custody import Custody
from portal.kernel import queue


@queue.job("sync", timeout=120)
def keep_alive(tenant_id: str, authorisation_id: str) -> None:
    here = runtime.get()
    custody = Custody(here.database, here.vault, here.settings, uuid.UUID(tenant_id), uuid.UUID(authorisation_id))
    heartbeat.keep_alive(custody)


@queue.job("sync", timeout=120)
def collect_spool() -> None:
    here = runtime.get()
    renewal.collect_spool(here.database, here.vault, here.settings)
