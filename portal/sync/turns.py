"""Whose turn it is: the choosing alone, as a function of what waits.

Most slots go round: firms take turns, in each firm its log-ins, under each log-in its dossiers,
who waited longest since the last turn first. A quarter of the slots is a lane for dossiers with
much work, the longest first, as the limits of one dossier decide when the last call is made. A
turn is a slice of calls, and a dossier has one turn at a time: one that is held back by a limit is
not among what waits, so nobody waits with it.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

SLICE = 20  # calls of one turn
LONG = 60  # with more calls than this a dossier may use the lane
LANE = 4  # one slot of so many is the lane
NEVER = -math.inf


@dataclass(frozen=True, slots=True)
class Waiting:
    """A dossier in which something may be called now, or, among the busy, in which it is."""

    key: Hashable
    login: Hashable
    firm: Hashable
    calls: int
    served: float = NEVER  # when it had its last turn
    since: float = 0.0  # since when its oldest call waits, on the same clock
    at_once: int | None = None  # turns at the same time under its log-in


@dataclass(frozen=True, slots=True)
class Chosen:
    """Both in the order in which they go."""

    general: Sequence[Waiting]
    lane: Sequence[Waiting]


def lane_of(slots: int) -> int:
    """How many of so many slots are the lane."""
    return slots // LANE


def choose(waiting: Iterable[Waiting], busy: Iterable[Waiting], *, general: int, lane: int) -> Chosen:
    """At most so many dossiers for either, none twice and none that is busy."""
    free = _Free(busy)
    candidates = [one for one in waiting if one.key not in free.keys]
    long = heapq.nsmallest(
        lane * 2, (one for one in candidates if one.calls > LONG), key=lambda one: (-one.calls, one.served, one.since)
    )
    chosen = [one for one in long if free.take(one, lane)][:lane]
    rest = [one for one in candidates if one.key not in free.keys]
    return Chosen(_round_robin(rest, free, general), chosen)


class _Free:
    """What is busy already, with what has been chosen."""

    def __init__(self, busy: Iterable[Waiting]) -> None:
        self.keys: set[Hashable] = set()
        self.logins: Counter[Hashable] = Counter()
        self.firms: Counter[Hashable] = Counter()
        self.taken = 0
        for one in busy:
            self._count(one)

    def take(self, one: Waiting, most: int) -> bool:
        """Choose it if its log-in allows one more turn, and `most` are not chosen yet."""
        if self.taken >= most or self.room(one) < 1:
            return False
        self._count(one)
        self.taken += 1
        return True

    def room(self, one: Waiting) -> float:
        """How many more turns may go on under its log-in."""
        return math.inf if one.at_once is None else one.at_once - self.logins[one.login]

    def _count(self, one: Waiting) -> None:
        self.keys.add(one.key)
        self.logins[one.login] += 1
        self.firms[one.firm] += 1


def _round_robin(waiting: Iterable[Waiting], free: _Free, room: int) -> list[Waiting]:
    """Those at work count as a turn already taken, for their log-in and for their firm."""
    logins: dict[Hashable, list[Waiting]] = defaultdict(list)
    for one in waiting:
        logins[one.login].append(one)
    firms: dict[Hashable, list[tuple[int, Waiting]]] = defaultdict(list)
    for login, dossiers in logins.items():
        first = heapq.nsmallest(room, dossiers, key=_longest_unserved)
        first = first[: int(max(min(room, free.room(dossiers[0])), 0))]
        for position, one in enumerate(first, free.logins[login]):
            firms[one.firm].append((position, one))
    ranked: list[tuple[int, Waiting]] = []
    for firm, dossiers_in_turn in firms.items():
        in_turn = heapq.nsmallest(room, dossiers_in_turn, key=_turn)
        ranked += [(position, one) for position, (_, one) in enumerate(in_turn, free.firms[firm])]
    return [one for _, one in heapq.nsmallest(room, ranked, key=_turn)]


def _longest_unserved(one: Waiting) -> tuple[float, float]:
    return one.served, one.since


def _turn(ranked: tuple[int, Waiting]) -> tuple[int, float, float]:
    return ranked[0], *_longest_unserved(ranked[1])
