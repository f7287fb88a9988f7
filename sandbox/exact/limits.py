"""Calls per minute and day, and the block after too many errors.

Calls are counted in memory and written behind, so that a killed server starts again close to
where it was; errors and blocks are written at once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.exact.settings import Settings
from sandbox.store import Store

COUNTED = frozenset((400, 401, 403, 404))
_Key = tuple[str, int, str]  # app, division, span


@dataclass(frozen=True, slots=True)
class Verdict:
    """`headers` to send along; `allowed` False: answer 429."""

    allowed: bool
    headers: dict[str, str]


class Limits:
    """Calls by app and division, errors by app, user, division and endpoint."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[_Key, int] = {}
        self._changed: set[_Key] = set()
        self.reload()

    def reload(self) -> None:
        with self._lock:
            rows = self._store.all("SELECT app, division, span, calls FROM call_counts")
            self._calls = {(row["app"], row["division"], row["span"]): row["calls"] for row in rows}
            self._changed.clear()

    def count(self, app: str, division: int, settings: Settings) -> Verdict:
        """Count one call. On a hit only the headers of the limit that was hit are sent."""
        now = self._clock.now()
        minute = now.replace(second=0, microsecond=0)
        day = minute.replace(hour=0, minute=0)
        with self._lock:
            per_minute = _Window("Minutely-", (app, division, f"{minute:%Y-%m-%dT%H:%M}"), settings.per_minute,
                                 minute + timedelta(minutes=1))  # fmt: skip
            per_day = _Window("", (app, division, f"{day:%Y-%m-%d}"), settings.per_day, day + timedelta(days=1))
            for window in (per_minute, per_day):
                if window.limit and self._calls.get(window.key, 0) >= window.limit:
                    return Verdict(False, window.headers(window.limit))
            headers: dict[str, str] = {}
            for window in (per_day, per_minute):
                used = self._calls[window.key] = self._calls.get(window.key, 0) + 1
                self._changed.add(window.key)
                headers |= window.headers(used)
            return Verdict(True, headers)

    def flush(self) -> None:
        """Write behind, and forget minutes and days gone by."""
        with self._lock:
            changed = [(*key, self._calls[key]) for key in self._changed]
            self._changed.clear()
            if len(self._calls) > 20_000:
                now = self._clock.now()
                spans = (f"{now:%Y-%m-%dT%H:%M}", f"{now:%Y-%m-%d}")
                self._calls = {key: n for key, n in self._calls.items() if key[2] in spans}
        if changed:
            with self._store.transaction() as db:
                db.executemany(
                    "INSERT INTO call_counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET calls = excluded.calls",
                    changed,
                )

    def blocked(self, app: str, user: str, division: int, endpoint: str) -> bool:
        """Whether too many errors have closed this endpoint for now."""
        row = self._store.one(
            "SELECT until FROM call_blocks WHERE app = ? AND user = ? AND division = ? AND endpoint = ?",
            (app, user, division, endpoint),
        )
        return row is not None and row["until"] > self._clock.ms()

    def error(self, app: str, user: str, division: int, endpoint: str, settings: Settings) -> None:
        """Count one error; more than the limit within an hour blocks, each time twice as long."""
        if not settings.errors_per_hour:
            return
        key = (app, user, division, endpoint)
        now = self._clock.ms()
        with self._store.transaction() as db:
            db.execute("INSERT INTO call_errors VALUES (?, ?, ?, ?, ?)", (*key, now))
            found = db.execute(
                "SELECT count(*) FROM call_errors WHERE app = ? AND user = ? AND division = ? AND endpoint = ? AND "
                "at > ?",
                (*key, now - 3_600_000),
            ).fetchone()[0]
            if found <= settings.errors_per_hour:
                return
            before = db.execute(
                "SELECT times FROM call_blocks WHERE app = ? AND user = ? AND division = ? AND endpoint = ?", key
            ).fetchone()
            times = (before[0] if before else 0) + 1
            until = now + settings.error_block_seconds * 1000 * 2 ** (times - 1)
            db.execute("INSERT OR REPLACE INTO call_blocks VALUES (?, ?, ?, ?, ?, ?)", (*key, until, times))
            db.execute("DELETE FROM call_errors WHERE app = ? AND user = ? AND division = ? AND endpoint = ?", key)


@dataclass(frozen=True, slots=True)
class _Window:
    name: str
    key: _Key
    limit: int
    reset: datetime

    def headers(self, used: int) -> dict[str, str]:
        if not self.limit:
            return {}
        return {
            f"X-RateLimit-{self.name}Limit": str(self.limit),
            f"X-RateLimit-{self.name}Remaining": str(max(self.limit - used, 0)),
            f"X-RateLimit-{self.name}Reset": str(int(self.reset.timestamp() * 1000)),
        }
