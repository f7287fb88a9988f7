"""Which postings are rung for next: a share of every dossier before the second of any."""

from __future__ import annotations

import redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import text

from portal.kernel import clock, crash, queue
from portal.kernel.db import Database

FULL = 100  # bells in the queue at most; more would only wait there, and be rung again
LOW = 25  # from here on, who finishes a posting rings for more
ONE_AT_A_TIME = 7_031_978  # advisory lock
_DUE = text("SELECT tenant_id, id FROM ring_due_postings(:now, :room)")
_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")


def waiting(name: str) -> int:
    """Bells in a queue; 0 when no Redis answers, as nothing waits there then."""
    try:
        return Queue(name, connection=queue.connection(), serializer=JSONSerializer).count
    except (redis.RedisError, RuntimeError):
        return 0


def dispatch(database: Database) -> int:
    """Ring for what is due, as far as there is room in the queue; how many."""
    room = FULL - waiting("post")
    if room <= 0:
        return 0
    with database.scoped() as session:
        if not session.scalar(_LOCK, {"key": ONE_AT_A_TIME}):
            return 0
        due = session.execute(_DUE, {"now": clock.now(), "room": room}).all()
        crash.point("dispatch.chosen")
        for tenant_id, posting_id in due:
            queue.ring(session, "sync.post", tenant_id, posting_id)
    crash.point("dispatch.rung")
    return len(due)


def top_up(database: Database) -> None:
    """Called at the end of a posting, so that workers never run dry between two sweeps."""
    if waiting("post") < LOW:
        dispatch(database)
