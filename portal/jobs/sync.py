"""Jobs of the sync room: runs, postings one step at a time, comparisons."""

from __future__ import annotations

import uuid

from portal import runtime
from portal.kernel import queue
from portal.sync import comparison, dispatch, runs, sending


@queue.job("sync", timeout=300)
def run(tenant_id: str, run_id: str) -> None:
    runs.run(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(run_id))


@queue.job("post", timeout=180)
def post(tenant_id: str, posting_id: str) -> None:
    here = runtime.get()
    sending.post(here, uuid.UUID(tenant_id), uuid.UUID(posting_id))
    dispatch.top_up(here.database)


@queue.job("post", timeout=60)
def ring_due() -> None:
    dispatch.dispatch(runtime.get().database)


@queue.job("sync", timeout=600)
def compare(tenant_id: str, coupling_id: str) -> None:
    comparison.compare_night(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(coupling_id))
