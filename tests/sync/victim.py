"""The process that dies: it works on one client account until it comes to the point it was armed for."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from config import Settings
from portal import runtime
from portal.access import Actor, Scope
from portal.activity.service import set_key
from portal.jobs import schedule
from portal.jobs import sync as jobs
from portal.kernel import clock, crash, queue
from portal.kernel.db import Setting
from portal.kernel.vault import Kek, Vault
from portal.sync import batches, comparison, dispatch, reversal

ROUNDS = 9
STEP = timedelta(seconds=125)  # longer than any lease or settle time


@dataclass(frozen=True)
class Place:
    """Everything a victim has to know; it starts with nothing but this."""

    environment: Mapping[str, str]
    key: bytes
    firm: uuid.UUID
    client: uuid.UUID
    coupling: uuid.UUID
    run: uuid.UUID


def work(place: Place, point: str) -> None:
    """Come back only when the point was never reached."""
    made = start(place)
    crash.arm(point)
    room = point.partition(".")[0]
    if room == "batch":
        _start_batch(made, place)
    elif room == "tick":
        moment = clock.now() + timedelta(minutes=os.getpid())  # one that nobody had before
        schedule.tick(made.database, schedule.TASKS[0], moment, "victim")
    for _ in range(ROUNDS):
        jobs.run(str(place.client), str(place.run))
        dispatch.drain(made, hands=1, seconds=10)
        comparison.compare_night(made, place.client, place.coupling)
        advance(STEP)


def undo(place: Place, entry_id: uuid.UUID, point: str) -> None:
    """Undo an entry and work on that until it is booked."""
    made = start(place)
    crash.arm(point)
    with made.database.scoped(Setting(tenant=place.client)) as session:
        scope = Scope.system(session, place.client)
        shown = reversal.plan(scope, entry_id).shown
        reversal.undo(scope, entry_id, reason="Wrong account", sha256=shown.sha256)
    for _ in range(ROUNDS):
        dispatch.drain(made, hands=1, seconds=10)
        advance(STEP)


def start(place: Place) -> runtime.Runtime:
    settings = Settings.from_env(place.environment)
    made = runtime.make(settings, pool_size=4)
    queue.connect(None)
    set_key(place.key)
    return runtime.set(runtime.Runtime(settings, made.database, Vault([Kek("tests", bytes(range(32)))])))


def advance(by: timedelta) -> None:
    """Let this process's clock run ahead."""
    before: Any = clock.now
    clock.now = lambda: before() + by  # only in this process, which ends soon


def _start_batch(made: runtime.Runtime, place: Place) -> None:
    with made.database.scoped(Setting(tenant=place.firm, portal=place.firm)) as session:
        batches.start_batch(Scope(session, place.firm, "portal", "staff", Actor(None, "")), [place.client])
