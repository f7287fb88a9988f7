"""Working through what is due: turns of dossiers, in slots that make one call at a time each.

The bell says only that there may be work; what waits, PostgreSQL says, and `turns` chooses. A
turn that was taken and never given back, its process having died, is free again after a minute;
what is called in it is guarded by the lease of each posting, not by the turn.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import redis
import structlog
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import DateTime, Uuid, bindparam, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from portal.connectors import registry
from portal.couplings.models import Coupling
from portal.kernel import clock, crash, queue
from portal.kernel.db import Database, Setting
from portal.runtime import Runtime
from portal.sync import turns
from portal.sync.sending import NEVER, Connect, Desk, signed_in
from portal.sync.turns import Waiting
from portal.sync.working import Dossier, work

log = structlog.get_logger()

# Dossiers at work at the same time in one process: more than calls may be under way there (`http.AT_ONCE`), as a
# third of a step is reading and writing of our own.
HANDS = 24
DRAIN_SECONDS = 60.0
# So long after its last step a worker looks for more. Not longer: where one worker serves all queues, others wait.
LINGER = 2.0
LOOK = timedelta(seconds=0.5)  # how often
TURN = timedelta(seconds=60)  # after that a turn that was not given back is nobody's
REFRESH = timedelta(seconds=1)  # the lane is filled anew so often, though others still wait for their turn
ENOUGH_BELLS = 4  # more than that only wait in the queue
ONE_AT_A_TIME = 7_031_978  # advisory lock: two that choose at once would choose the same
_WAITING = text("SELECT * FROM waiting_dossiers(:now)")
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_TAKE = text("SELECT coupling_id FROM take_turns(:tenants, :couplings, :now, :until)").bindparams(
    bindparam("tenants", type_=ARRAY(Uuid())), bindparam("couplings", type_=ARRAY(Uuid())),
    bindparam("now", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Turn:
    dossier: Dossier
    lane: bool
    at: datetime  # when it was taken


class Slots(Protocol):
    """Where turns are worked on; `Threads` are those of a worker."""

    def start(self, turn: Turn, work: Callable[[Turn], int], end: Callable[[Turn], None]) -> None: ...

    def wait(self) -> Sequence[tuple[Turn, int]]:
        """The turns that ended, one at least, and how many steps each was."""
        ...

    def rest(self, span: timedelta) -> None:
        """Let time pass while nothing is at work."""
        ...


class Threads:
    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._running: dict[Future[int], Turn] = {}

    def start(self, turn: Turn, work: Callable[[Turn], int], end: Callable[[Turn], None]) -> None:
        def both() -> int:
            try:
                return work(turn)
            finally:
                end(turn)

        self._running[self._pool.submit(both)] = turn

    def wait(self) -> Sequence[tuple[Turn, int]]:
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        ended = []
        for future in done:
            if (failure := future.exception()) is not None:
                log.error("posting.step_failed", exc_info=failure)
            ended.append((self._running.pop(future), 1 if failure else future.result()))
        return ended

    def rest(self, span: timedelta) -> None:
        time.sleep(span.total_seconds())


def waiting(name: str) -> int:
    """Bells in a queue; 0 when no Redis answers, as nothing waits there then."""
    try:
        return Queue(name, connection=queue.connection(), serializer=JSONSerializer).count
    except (redis.RedisError, RuntimeError):
        return 0


def choose(database: Database, *, general: int, lane: int) -> tuple[list[Turn], list[Turn]]:
    """Take turns for so many dossiers in which something is due: those that go round, and those of the lane."""
    now = clock.now()
    with database.scoped() as session:
        session.execute(_LOCK, {"key": ONE_AT_A_TIME})
        rows = session.execute(_WAITING, {"now": now}).all()
        dossiers = {row.coupling_id: Dossier(row.tenant_id, row.coupling_id, row.app) for row in rows}
        chosen = turns.choose(
            (_waiting(row) for row in rows if not row.taken), [_waiting(row) for row in rows if row.taken],
            general=general, lane=lane,
        )  # fmt: skip
        keys = [one.key for one in (*chosen.general, *chosen.lane)]
        if not keys:
            return [], []
        taken = _take(session, [dossiers[key] for key in keys], now)
        crash.point("dispatch.chosen")
    both = ((chosen.general, False), (chosen.lane, True))
    ours = [[Turn(dossiers[one.key], lane, now) for one in part if one.key in taken] for part, lane in both]
    return ours[0], ours[1]


def _waiting(row: Any) -> Waiting:
    manifest = registry.load(row.app).MANIFEST
    batch = manifest.capabilities.batch_size
    return Waiting(
        key=row.coupling_id,
        login=row.authorisation_id,
        firm=row.firm,
        calls=-(-row.waiting // batch) if batch > 1 else 2 * row.waiting,  # sent, and read back
        served=row.served_at.timestamp() if row.served_at else turns.NEVER,
        since=row.since.timestamp() if row.since else 0.0,
        at_once=manifest.limits.at_once if manifest.limits.shared else None,
    )


def _take(session: Any, dossiers: Sequence[Dossier], now: datetime) -> set[uuid.UUID]:
    asked = {
        "tenants": [dossier.tenant_id for dossier in dossiers],
        "couplings": [dossier.coupling_id for dossier in dossiers],
        "now": now,
        "until": now + TURN,
    }
    return set(session.scalars(_TAKE, asked))


def give_back(database: Database, turn: Turn) -> None:
    """The turn is over; the dossier waits for its next, if anything is due in it."""
    tenant_id, coupling_id = turn.dossier.tenant_id, turn.dossier.coupling_id
    with database.direct(Setting(tenant=tenant_id)) as connection:
        connection.execute(
            update(Coupling)
            .where(Coupling.tenant_id == tenant_id, Coupling.id == coupling_id, Coupling.served_at == turn.at)
            .values(taken_until=None)
        )


Choose = Callable[[int, int], tuple[Sequence[Turn], Sequence[Turn]]]


@dataclass(slots=True)
class Round:
    """Turns in slots: those that were taken and wait, and those under way. Knows no database and no package.

    `choose(general, lane)` takes new turns, `work(turn)` says how many steps it took, `give_back(turn)` ends it.
    """

    choose: Choose
    work: Callable[[Turn], int]
    give_back: Callable[[Turn], None]
    slots: Slots
    size: int  # how many slots there are
    until: datetime  # no turn is taken after that
    general: deque[Turn] = field(default_factory=deque)
    lane: deque[Turn] = field(default_factory=deque)
    running: int = 0
    in_lane: int = 0
    chosen_at: datetime = NEVER

    def run(self, linger: timedelta = timedelta(0)) -> int:
        """Until nothing waits, and for `linger` after a step nothing comes, or the time is up; how many steps."""
        steps, last = 0, clock.now()
        while True:
            self._fill()
            self._start()
            if self.running:
                steps += self._end()
                last = clock.now()
            elif steps and clock.now() < min(self.until, last + linger):
                self.slots.rest(LOOK)
            else:
                return steps

    def _fill(self) -> None:
        """Take new turns when too few wait for the slots to come."""
        now, lanes = clock.now(), turns.lane_of(self.size)
        short = self.in_lane < lanes and not self.lane and now - self.chosen_at > REFRESH
        if now >= self.until or (self.general and not short):
            return
        self.chosen_at = now
        general, lane = self.choose(max(self.size - len(self.general), 0), max(lanes - len(self.lane), 0))
        self.general.extend(general)
        self.lane.extend(lane)

    def _start(self) -> None:
        lanes = turns.lane_of(self.size)
        while self.running < self.size and (self.general or self.lane):
            first = self.lane if self.lane and (self.in_lane < lanes or not self.general) else self.general
            turn = first.popleft()
            self.running += 1
            self.in_lane += turn.lane
            self.slots.start(turn, self.work, self.give_back)

    def _end(self) -> int:
        """Wait for turns to end; how many steps they were."""
        steps = 0
        for turn, taken in self.slots.wait():
            self.running -= 1
            self.in_lane -= turn.lane
            steps += taken
        return steps


def drain(
    runtime: Runtime,
    connect: Connect = signed_in,
    *,
    hands: int = HANDS,
    seconds: float = DRAIN_SECONDS,
    linger: float = 0.0,
    slots: Slots | None = None,
) -> int:
    """Work until nothing is due, and for `linger` seconds after the last step nothing becomes due, or the time is up.

    Gives how many steps. No slot waits for a limit: a dossier that is held back has no turn until it may go on.
    """
    desk, database = Desk(runtime, connect), runtime.database
    with _slots(slots, hands) as given:
        return Round(
            choose=lambda general, lane: choose(database, general=general, lane=lane),
            work=lambda turn: work(desk, turn.dossier),
            give_back=lambda turn: give_back(database, turn),
            slots=given,
            size=hands,
            until=clock.now() + timedelta(seconds=seconds),
        ).run(timedelta(seconds=linger))


@contextmanager
def _slots(given: Slots | None, hands: int) -> Iterator[Slots]:
    if given is not None:
        yield given
        return
    with ThreadPoolExecutor(hands, "post") as pool:
        yield Threads(pool)


def ring_drain(database: Database) -> None:
    """Ring once more, unless enough bells wait already."""
    if waiting("post") < ENOUGH_BELLS:
        with database.scoped() as session:
            session.connection()
            queue.ring(session, "sync.drain")
