"""Posting with sixteen calls in flight, against what the provider's latency allows at most.

The whole way of a posting: lease, `sending` committed, the call, reading back, confirmation;
over HTTP to the sandbox provider, which answers each call after 300 ms. The reference is
concurrency ÷ latency. Enough dossiers that the provider's limits per dossier are not met.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from bench.table import Row
from portal.access import Scope
from portal.chaos.stage import Stage
from portal.couplings.models import Configuration
from portal.kernel import queue
from portal.kernel.db import Setting
from portal.kernel.logs import set_up_logging
from portal.sync import dispatch, runs
from portal.sync.models import Posting, PostingState, Run
from portal.sync.runs import start_run

IN_FLIGHT = 16
LATENCY = 0.3  # seconds
CALLS = 2  # an entry: sent, and read back
DOSSIERS = 32
GOAL = 0.9


def rows(quick: bool = False) -> Iterator[Row]:
    entries = 128 if quick else 512
    home = Path(tempfile.mkdtemp(prefix="koppelpoort-bench-"))
    home.chmod(0o755)
    (home / "logs").mkdir()
    stage = Stage(home, random.Random(1))
    try:
        stage.start()
        set_up_logging("WARNING", readable=True)
        stage.furnish(entries, DOSSIERS, logins=4)
        stage.bank_speaks(0, 1)
        queue.connect(None)
        offer_all(stage)
        stage.control("PATCH", "settings", latency_ms=int(LATENCY * 1000))
        started, cpu = time.perf_counter(), time.process_time()
        dispatch.drain(stage.runtime, in_flight=IN_FLIGHT)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        booked = _booked(stage)
        if booked != entries:
            raise RuntimeError(f"{booked} of {entries} entries were booked")
        ours, bound = entries * CALLS / seconds, IN_FLIGHT / LATENCY
        work = f"posting, {IN_FLIGHT} in flight, {1000 * cpu / entries:.0f} ms CPU an entry"
        yield Row(work, f"{ours:.1f} calls/s", f"{bound:.1f} calls/s ({IN_FLIGHT} ÷ {LATENCY} s)", ours / bound, GOAL)
    finally:
        stage.stop()
        shutil.rmtree(home, ignore_errors=True)


def offer_all(stage: Stage) -> None:
    for client in stage.clients:
        with stage.runtime.database.scoped(Setting(tenant=client.tenant_id)) as session:
            scope = Scope.system(session, client.tenant_id)
            configuration = session.scalars(select(Configuration)).one()
            run = start_run(scope, configuration, "schedule")[0]
        runs.run(stage.runtime, client.tenant_id, run.id)
        with stage.runtime.database.scoped(Setting(tenant=client.tenant_id)) as session:
            done = Scope.system(session, client.tenant_id).get(Run, run.id)
            if done.state != "done" or done.blocked:
                raise RuntimeError(f"{client.name}: run {done.state} {done.code}")


def _booked(stage: Stage) -> int:
    number = 0
    for client in stage.clients:
        with stage.runtime.database.scoped(Setting(tenant=client.tenant_id)) as session:
            query = select(Posting.id).where(Posting.state == PostingState.CONFIRMED)
            number += len(session.scalars(query).all())
    return number
