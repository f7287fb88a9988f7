"""Working through the postings that are due: a share of every dossier before the second of any.

The bell says only that there may be work; which, PostgreSQL says. What a process took from the
list and did not begin is due again after 20 seconds, should it die.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import redis
import structlog
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import text

from portal.kernel import clock, crash, queue
from portal.kernel.db import Database
from portal.runtime import Runtime
from portal.sync.sending import Connect, Desk, signed_in

log = structlog.get_logger()

IN_FLIGHT = 16  # calls at the same time in one process
DRAIN_SECONDS = 60.0
ENOUGH_BELLS = 4  # more than that only wait in the queue
ONE_AT_A_TIME = 7_031_978  # advisory lock: two that choose at once would choose the same
_CHOOSE = text("SELECT tenant_id, id FROM ring_due_postings(:now, :room)")
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def waiting(name: str) -> int:
    """Bells in a queue; 0 when no Redis answers, as nothing waits there then."""
    try:
        return Queue(name, connection=queue.connection(), serializer=JSONSerializer).count
    except (redis.RedisError, RuntimeError):
        return 0


def choose(database: Database, room: int) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(tenant, posting) of what is due next; due again in 20 seconds unless it is taken up."""
    with database.scoped() as session:
        session.execute(_LOCK, {"key": ONE_AT_A_TIME})
        chosen = [(row.tenant_id, row.id) for row in session.execute(_CHOOSE, {"now": clock.now(), "room": room})]
        if chosen:
            crash.point("dispatch.chosen")
    return chosen


def drain(
    runtime: Runtime, connect: Connect = signed_in, *, in_flight: int = IN_FLIGHT, seconds: float = DRAIN_SECONDS
) -> int:
    """Take steps of postings until none is due or the time is up; how many steps."""
    desk = Desk(runtime, connect)
    until = time.monotonic() + seconds
    chosen: deque[tuple[uuid.UUID, uuid.UUID]] = deque()
    running: set[Future[None]] = set()
    steps = 0
    with ThreadPoolExecutor(in_flight, "post") as pool:
        while True:
            if not chosen and time.monotonic() < until:
                chosen.extend(choose(runtime.database, in_flight))
            while chosen and len(running) < in_flight:
                running.add(pool.submit(desk.step, *chosen.popleft()))
            if not running:
                return steps
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            steps += len(finished)
            for future in finished:
                if (failure := future.exception()) is not None:
                    log.error("posting.step_failed", exc_info=failure)


def ring_drain(database: Database) -> None:
    """Ring once more, unless enough bells wait already."""
    if waiting("post") < ENOUGH_BELLS:
        with database.scoped() as session:
            session.connection()
            queue.ring(session, "sync.drain")
