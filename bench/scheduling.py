"""A day's work of 1,000 and 10,000 dossiers through the dispatcher's own loop and choosing, on a virtual clock.

The model: every dossier is asked four things, three in four have a statement and some entries (five
in the middle) to send, one in two hundred has a backlog of some 1,300; a call takes 250 ms and a
dossier allows sixty at first and then one a second. No order of work can end before all calls fit
through the slots, nor before the longest dossier's limit lets its last call through: that is the
bound. Beside it the same slices first come, first served, for the dossier in the middle.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bench.table import Row
from bench.virtual import BEGIN, VirtualSlots
from portal.kernel import clock
from portal.sync import turns
from portal.sync.dispatch import Choose, Round, Turn
from portal.sync.turns import Waiting
from portal.sync.working import Dossier

LATENCY = 0.25  # seconds a call
BURST, RATE = 60, 1.0  # calls that a dossier allows at once, and then a second
IN_FLIGHT = 16
READS = 4  # calls that find nothing new
NEAR, MEDIAN = 1 / 1.05, 1 / 1.3
# Backlogs are few and drawn by lot: by these a day as it is usually, of some 15,900 and 195,300 calls,
# the longest dossier with some 1,600 and 4,300.
LOTS = {1_000: 223, 10_000: 49}


def calls_of(dossiers: int) -> list[int]:
    """How many calls each dossier needs today."""
    lot = random.Random(LOTS[dossiers])
    needed = []
    for _ in range(dossiers):
        calls = READS
        if lot.random() < 0.75:
            calls += 1 + round(lot.lognormvariate(math.log(5), 1.0))
        if lot.random() < 0.005:
            calls += round(lot.lognormvariate(math.log(1300), 0.55))
        needed.append(calls)
    return needed


@dataclass(slots=True)
class Books:
    """One dossier: what is left to call, and what its bucket holds at a moment."""

    dossier: Dossier
    left: int
    tokens: float = BURST
    at: datetime = BEGIN
    served: float = turns.NEVER
    since: float = 0.0
    done: datetime | None = None

    def call(self, now: datetime) -> bool:
        """Whether it is allowed now."""
        self.tokens = min(BURST, self.tokens + RATE * (now - self.at).total_seconds())
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        self.left -= 1
        return True

    def waiting(self) -> Waiting:
        return Waiting(self.dossier.coupling_id, "login", "firm", self.left, self.served, self.since)


@dataclass
class Day:
    """All dossiers, who of them may be called now, and who not before when."""

    slots: VirtualSlots
    books: dict[uuid.UUID, Books]
    free: dict[uuid.UUID, Waiting] = field(default_factory=dict)
    held: list[tuple[datetime, uuid.UUID]] = field(default_factory=list)
    calls: int = 0
    in_turns: timedelta = timedelta(0)

    @classmethod
    def of(cls, needed: Sequence[int]) -> Day:
        tenant = uuid.UUID(int=0)
        books = {
            key: Books(Dossier(tenant, key, "model"), calls, since=float(position))
            for position, (key, calls) in enumerate((uuid.UUID(int=n + 1), calls) for n, calls in enumerate(needed))
        }
        day = cls(VirtualSlots(), books)
        day.free = {key: one.waiting() for key, one in books.items()}
        return day

    def choose(self, general: int, lane: int) -> tuple[Sequence[Turn], Sequence[Turn]]:
        """By the product's own rule."""
        self._let_go()
        chosen = turns.choose(self.free.values(), (), general=general, lane=lane)
        return self._take(chosen.general, lane=False), self._take(chosen.lane, lane=True)

    def first_come(self, general: int, lane: int) -> tuple[Sequence[Turn], Sequence[Turn]]:
        self._let_go()
        longest = heapq.nsmallest(general, self.free.values(), key=lambda one: one.since)
        return self._take(longest, lane=False), ()

    def work(self, turn: Turn) -> int:
        """A slice, or less when the limit ends it; nobody waits."""
        one, begin, made = self.books[turn.dossier.coupling_id], self.slots.now, 0
        while one.left and made < turns.SLICE and one.call(self.slots.now):
            self.slots.pass_(LATENCY)
            made += 1
        self.calls += made
        self.in_turns += self.slots.now - begin
        return made

    def give_back(self, turn: Turn) -> None:
        key, now = turn.dossier.coupling_id, self.slots.now
        one = self.books[key]
        if not one.left:
            one.done = now
            return
        missing = 1 - min(BURST, one.tokens + RATE * (now - one.at).total_seconds())
        at = now + timedelta(seconds=max(missing / RATE, 0))
        one.since = (at - BEGIN).total_seconds() + len(self.books)
        heapq.heappush(self.held, (at, key))

    def _let_go(self) -> None:
        while self.held and self.held[0][0] <= self.slots.now:
            _, key = heapq.heappop(self.held)
            self.free[key] = self.books[key].waiting()

    def _take(self, chosen: Sequence[Waiting], *, lane: bool) -> list[Turn]:
        taken = []
        for waits in chosen:
            one = self.books[_key(waits)]
            del self.free[_key(waits)]
            one.served = clock.now().timestamp()
            taken.append(Turn(one.dossier, lane, clock.now()))
        return taken


def _key(waits: Waiting) -> uuid.UUID:
    if not isinstance(waits.key, uuid.UUID):
        raise TypeError
    return waits.key


@dataclass(frozen=True)
class Played:
    """Minutes until all dossiers were done, and until half of them were; calls, and seconds in turns without one."""

    makespan: float
    median: float
    calls: int
    idle: float


def play(needed: Sequence[int], rule: Callable[[Day], Choose]) -> Played:
    day = Day.of(needed)
    with day.slots.clocked():
        Round(
            choose=rule(day), work=day.work, give_back=day.give_back, slots=day.slots, size=IN_FLIGHT,
            until=BEGIN + timedelta(days=2),
        ).run(linger=timedelta(minutes=2))  # fmt: skip
    ends = [_minutes(one.done) for one in day.books.values()]
    return Played(max(ends), statistics.median(ends), day.calls, day.in_turns.total_seconds() - day.calls * LATENCY)


def _minutes(done: datetime | None) -> float:
    if done is None:
        raise RuntimeError("a dossier was never done")
    return (done - BEGIN).total_seconds() / 60


def bound(needed: Sequence[int]) -> float:
    """Minutes: all calls through the slots, or the longest dossier through its limit."""
    transport = sum(needed) * LATENCY / IN_FLIGHT
    slowest = max(max((calls - BURST) / RATE, calls * LATENCY) for calls in needed)
    return max(transport, slowest) / 60


def rows(quick: bool = False) -> Iterator[Row]:
    for dossiers in (1_000,) if quick else (1_000, 10_000):
        needed = calls_of(dossiers)
        ours = play(needed, lambda day: day.choose)
        fifo = play(needed, lambda day: day.first_come)
        least, calls = bound(needed), sum(needed)
        done, half = f"{ours.makespan:.1f} min", f"{ours.median:.1f} min"
        yield Row(
            f"{dossiers:,} dossiers, {IN_FLIGHT} in flight", done, f"{least:.1f} min, the bound",
            least / ours.makespan, NEAR,
        )  # fmt: skip
        yield Row("  half of them done", half, f"{fifo.median:.1f} min, first come", fifo.median / ours.median, MEDIAN)
        yield Row("  calls a day", f"{ours.calls:,}", f"{calls:,} needed", calls / ours.calls, 1.0)
        yield Row("  time in slots without a call", f"{ours.idle:.1f} s", "0 s", float(ours.idle < 0.001), 1.0)
