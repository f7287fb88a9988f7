"""Limits as the providers count them: calls in a window, a day, and at once. In memory: a restart forgives."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.packages.package import Rules

PLENTY = 1_000_000  # what is left where there is no limit
Key = tuple[str, str]  # package, what is counted


@dataclass(frozen=True, slots=True)
class Usage:
    """What is left after this call. `refused` names the limit that stops it, "" when none does."""

    refused: str = ""
    retry_after: float = 0.0  # seconds
    window_left: int = 0
    window_reset: float = 0.0  # seconds until the window is empty
    day_left: int = 0


class Limits:
    """Counts calls that begin and end; `clear` forgives all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[Key, deque[int]] = {}
        self._days: Counter[tuple[str, str, str]] = Counter()
        self._flying: Counter[Key] = Counter()

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._days.clear()
            self._flying.clear()

    def enter(self, key: Key, rules: Rules) -> Usage:
        """Count a call that begins; `leave` must follow. A refused call is not counted."""
        now, day = self._clock.ms(), self._clock.now().date().isoformat()
        with self._lock:
            self._flying[key] += 1
            calls = self._calls.setdefault(key, deque())
            while calls and calls[0] <= now - rules.window * 1000:
                calls.popleft()
            oldest = (calls[0] + rules.window * 1000 - now) / 1000 if calls else float(rules.window)
            if rules.at_once and self._flying[key] > rules.at_once:
                return Usage("at_once", 1.0)
            if rules.per_day and self._days[(*key, day)] >= rules.per_day:
                return Usage("day", 86_400.0 - now % 86_400_000 / 1000)
            if rules.per_window and len(calls) >= rules.per_window:
                return Usage("window", max(oldest, 0.001))
            if rules.per_window:
                calls.append(now)
            self._days[(*key, day)] += 1
            window_left = rules.per_window - len(calls) if rules.per_window else PLENTY
            day_left = rules.per_day - self._days[(*key, day)] if rules.per_day else PLENTY
            return Usage("", 0.0, max(window_left, 0), oldest, max(day_left, 0))

    def leave(self, key: Key) -> None:
        with self._lock:
            self._flying[key] -= 1
