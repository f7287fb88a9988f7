"""The gate of the command that tries a connector."""

from __future__ import annotations

import random

import pytest

from portal.conformance.pace import Paced
from portal.connectors.manifest import Limits


class Hours:
    """A clock that only waiting moves, and a little each call."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("most", "window"), [(5, 1), (60, 60), (1, 10)])
def test_no_window_holds_more_than_it_may(most: int, window: int) -> None:
    hours, made, chance = Hours(), list[float](), random.Random(7)
    gate = Paced(Limits(per_minute=most, window_seconds=window), sleep=hours.sleep, now=hours)
    for _ in range(4 * most + 3):
        gate.before("", "", write=False)
        made.append(hours.now)
        hours.now += chance.random() * window / most / 2
    for start in made:
        assert sum(start <= moment < start + window for moment in made) <= most


def test_without_a_limit_nobody_waits() -> None:
    hours = Hours()
    gate = Paced(Limits(), sleep=hours.sleep, now=hours)
    for _ in range(1000):
        gate.before("", "", write=True)
    assert hours.now == 100.0
