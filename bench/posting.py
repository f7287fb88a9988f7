"""Posting through each connector with sixteen calls in flight, against what the packages' latency allows at most.

The whole way of a posting: lease, `sending` committed, the call, reading back, confirmation; over
HTTP to the stand-in of the package, which answers each call after 300 ms. The reference is
concurrency ÷ latency, in calls; entries go together where the package takes them. The limits of
the packages are lifted on both sides: they are measured by themselves. Some dossiers have one entry,
some a dozen: were all alike, all hands would call in step and write in step, as no firm's do.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from sqlalchemy import select

from bench.table import Row
from config import DATABASE
from portal.access import Scope
from portal.chaos.stage import Stage
from portal.chaos.stands import BOOKS, Control
from portal.connectors import registry
from portal.couplings.models import Configuration
from portal.kernel import http, queue
from portal.kernel.db import Setting
from portal.kernel.logs import set_up_logging
from portal.sync import dispatch, runs
from portal.sync.models import Posting, PostingState, Run
from portal.sync.runs import start_run

IN_FLIGHT = http.AT_ONCE
LATENCY = 0.3  # seconds
DOSSIERS = 256  # a firm in the morning: many dossiers, a few entries in each
GOAL = 0.9


def rows(quick: bool = False) -> Iterator[Row]:
    for app in BOOKS:
        entries = (2 if quick else 6) * DOSSIERS
        yield _posted(app, entries)


def _posted(app: str, entries: int) -> Row:
    home = Path(tempfile.mkdtemp(prefix="koppelpoort-bench-"))
    home.chmod(0o755)
    (home / "logs").mkdir()
    stage = Stage(home, random.Random(1), apps=(app,))
    try:
        with _without_limits(app):
            stage.start()
            _answer(stage, app, after=0.0)
            set_up_logging("WARNING", readable=True)
            stage.furnish(entries, DOSSIERS, logins=4, uneven=True)
            stage.bank_speaks(0, 1)
            queue.connect(None)
            offer_all(stage)
            _answer(stage, app, after=LATENCY)
            before = _calls(stage)
            started, cpu = time.perf_counter(), time.process_time()
            dispatch.drain(stage.runtime, seconds=300)
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        booked, calls = _booked(stage), _calls(stage) - before
        if booked != entries:
            raise RuntimeError(f"{app}: {booked} of {entries} entries were booked")
        ours, bound = calls / seconds, IN_FLIGHT / LATENCY
        return Row(
            f"{app}, {IN_FLIGHT} in flight, {1000 * cpu / entries:.0f} ms CPU an entry",
            f"{ours:.1f} calls/s, {entries / seconds:.0f} entries/s",
            f"{bound:.1f} calls/s ({IN_FLIGHT} ÷ {LATENCY} s)", ours / bound, GOAL,
        )  # fmt: skip
    finally:
        stage.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _without_limits(app: str) -> Iterator[None]:
    module = registry.load(app)
    published = module.MANIFEST
    lifted = replace(published.limits, per_minute=None, per_day=None, at_once=None, window_told=None, day_told=None)
    setattr(module, "MANIFEST", replace(published, limits=lifted))  # noqa: B010  (a constant for everybody else)
    try:
        yield
    finally:
        setattr(module, "MANIFEST", published)  # noqa: B010


def _answer(stage: Stage, app: str, *, after: float) -> None:
    """Let the stand-in answer after so many seconds, however many calls there are."""
    latency = int(after * 1000)
    name = "exact" if app == "exact" else "packages"
    control = Control(stage.ports[name])
    if app == "exact":
        control("PATCH", "settings", latency_ms=latency)
    else:
        control("POST", "settings", package=app, latency_ms=latency, per_window=0, per_day=0, at_once=0)


def _calls(stage: Stage) -> int:
    """All that were counted on the way to the package."""
    with psycopg.connect(stage.services["postgres"].url, dbname=DATABASE) as connection:
        (counted,) = connection.execute("SELECT coalesce(sum(day_used), 0) FROM call_budgets").fetchone() or (0,)
    return int(counted)


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
