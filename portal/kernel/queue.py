"""Ringing for work. PostgreSQL is the book, Redis only the doorbell.

`ring(session, "sync.post", tenant, id)` remembers the bell on the session; it is rung once
the outermost transaction has committed. A bell that gets lost is rung again by the sweeper,
which finds due rows in PostgreSQL; a bell that comes twice finds its row already taken.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

log = structlog.get_logger()

QUEUES = ("post", "sync", "mail")


@dataclass(frozen=True, slots=True)
class Declared:
    """A job as its decorator declares it. Repeating is the sweeper's work, so RQ never retries."""

    queue: str
    timeout: int  # seconds
    path: str


JOBS: dict[str, Declared] = {}


def job(queue: str, *, timeout: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare `portal.jobs.<module>.<function>` as the job "<module>.<function>"."""
    if queue not in QUEUES:
        raise ValueError(queue)

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        JOBS[name] = Declared(queue, timeout, f"{function.__module__}.{function.__name__}")
        return function

    return declare


_connection: redis.Redis | None = None
_muted = False


def connect(url: str | None) -> None:
    """Set the doorbell of this process; None mutes it (the sweeper still finds the work)."""
    global _connection, _muted
    _muted = url is None
    _connection = None if url is None else redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)


def connection() -> redis.Redis:
    if _connection is None:
        raise RuntimeError("No Redis is connected in this process.")
    return _connection


def ring(session: Session, job: str, *ids: uuid.UUID) -> None:
    """Ask for `portal.jobs.<job>` with these ids after the commit. Ids only, never data."""
    bells: list[tuple[str, tuple[str, ...]]] = session.info.setdefault("bells", [])
    bell = (job, tuple(str(i) for i in ids))
    if bell not in bells:
        bells.append(bell)


def ring_now(bells: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Best effort: without Redis the sweeper does it, so a failure here fails nobody's request."""
    if _muted or _connection is None:
        return
    try:
        for name, ids in bells:
            declared = JOBS.get(name)
            if declared is None:  # a process without the jobs, as a command: the sweeper rings
                log.warning("doorbell.unknown", job=name)
                continue
            Queue(declared.queue, connection=_connection, serializer=JSONSerializer).enqueue(
                declared.path, *ids, job_timeout=declared.timeout, result_ttl=0, failure_ttl=86_400
            )
    except redis.RedisError as error:
        log.warning("doorbell.silent", error=type(error).__name__)


def forget(tenant_id: uuid.UUID) -> int:
    """Take away every job that names this tenant, waiting or failed; how many. Raises redis.RedisError."""
    if _muted or _connection is None:
        return 0
    gone = 0
    for key in _connection.scan_iter("rq:job:*", count=1000):
        name = key.decode().removeprefix("rq:job:")
        if ":" in name:  # what hangs on a job goes with it
            continue
        try:
            found = Job.fetch(name, connection=_connection, serializer=JSONSerializer)
        except NoSuchJobError:
            continue
        if str(tenant_id) in found.args:
            found.delete(remove_from_queue=True)
            gone += 1
    return gone


def _after_commit(session: Session) -> None:
    # Fires for a released savepoint too; the bells then wait for the outer commit.
    if not session.in_nested_transaction():
        bells: list[Any] = session.info.pop("bells", [])
        if bells:
            ring_now(bells)


def _after_rollback(session: Session, ended: SessionTransaction) -> None:
    # A savepoint that is rolled back takes only its own rows back; a bell too many is harmless.
    if not ended.nested:
        session.info.pop("bells", None)


event.listen(Session, "after_commit", _after_commit)
event.listen(Session, "after_soft_rollback", _after_rollback)
