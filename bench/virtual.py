"""Slots in which turns take virtual time: the dispatcher's own loop, hours in seconds."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from portal.kernel import clock
from portal.sync.dispatch import Turn

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)


class VirtualSlots:
    """See `portal.sync.dispatch.Slots`. A turn is worked on at once, from the moment it starts at.

    What the work calls says how long that takes, by `pass_`; then it is the moment of its start
    again, for the other slots, and that of its end when it is waited for.
    """

    def __init__(self, begin: datetime = BEGIN) -> None:
        self.now = begin
        self._ends: list[tuple[datetime, int, Turn, int, Callable[[Turn], None]]] = []
        self._count = itertools.count()

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def start(self, turn: Turn, work: Callable[[Turn], int], end: Callable[[Turn], None]) -> None:
        begin = self.now
        steps = work(turn)
        heapq.heappush(self._ends, (self.now, next(self._count), turn, steps, end))
        self.now = begin

    def wait(self) -> Sequence[tuple[Turn, int]]:
        self.now, _, turn, steps, end = heapq.heappop(self._ends)
        end(turn)
        return [(turn, steps)]

    def rest(self, span: timedelta) -> None:
        """Longer than asked for: what becomes due meanwhile only waits a little more."""
        self.now += 4 * span

    @contextmanager
    def clocked(self) -> Iterator[None]:
        """The product's clock shows virtual time."""
        before = clock.now
        clock.now = lambda: self.now
        try:
            yield
        finally:
            clock.now = before
