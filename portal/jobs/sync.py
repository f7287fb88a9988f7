"""Jobs of the sync room: runs, postings one step at a time, comparisons, copies."""

from __future__ import annotations

import uuid

from portal import runtime
from portal.kernel import queue
from portal.sync import comparison, copies, dispatch, runs


@queue.job("sync", timeout=300)
def run(tenant_id: str, run_id: str) -> None:
    runs.run(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(run_id))


@queue.job("post", timeout=300)
def drain() -> None:
    here = runtime.get()
    if dispatch.drain(here, linger=dispatch.LINGER):
        dispatch.ring_drain(here.database)


@queue.job("sync", timeout=600)
def compare(tenant_id: str, coupling_id: str) -> None:
    comparison.compare_night(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(coupling_id))


@queue.job("sync", timeout=900)
def copy(tenant_id: str, list_id: str) -> None:
    copies.work(runtime.get().database, uuid.UUID(tenant_id), uuid.UUID(list_id))
