"""The state of one sandbox, shared by its pages, its API and its control."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.clock import Base, Clock, real_time
from sandbox.exact import settings as settings_
from sandbox.exact.faults import Faults
from sandbox.exact.limits import Limits
from sandbox.exact.messages import ApiError
from sandbox.exact.oauth import OAuth
from sandbox.exact.registry import ENTITIES
from sandbox.exact.schema import SCHEMA, SCHEMA_VERSION
from sandbox.exact.settings import Settings
from sandbox.exact.writes import Write, create
from sandbox.store import Store

ENVIRONMENTS = ("nl", "be", "fr")
TICK = 0.1  # seconds between looks at late writes and counters


@dataclass(frozen=True, slots=True)
class Logged:
    """One request, without secrets: no query values of tokens, no bodies."""

    at: str
    method: str
    path: str
    status: int  # 0: the connection was dropped
    fault: str


class Sandbox:
    def __init__(self, data: Path, clock: Base | None = None) -> None:
        self.store = Store(data / "exact.sqlite", SCHEMA, SCHEMA_VERSION)
        self.clock = Clock(self.store, clock or real_time)
        self.settings = settings_.load(self.store)
        self.oauth = OAuth(self.store, self.clock)
        self.limits = Limits(self.store, self.clock)
        self.faults = Faults(self.store)
        self.log: deque[Logged] = deque(maxlen=5000)
        self.calls: Counter[str] = Counter()
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="sandbox-ticker", daemon=True)
        self._ticker.start()

    def close(self) -> None:
        self._stop.set()
        self._ticker.join(timeout=5)
        self.limits.flush()
        self.store.close()

    def change_settings(self, values: dict[str, Any]) -> Settings:
        """Raises ValueError."""
        self.settings = self.settings.changed(values)
        settings_.save(self.store, self.settings)
        return self.settings

    def reset(self) -> None:
        """Forget everything, settings and clock included."""
        self.store.empty()
        self.clock.real()
        self.settings = Settings()
        self.oauth = OAuth(self.store, self.clock)
        self.limits.reload()
        self.faults.reload()
        self.log.clear()
        self.calls.clear()

    def record(self, method: str, path: str, status: int, fault: str) -> None:
        self.log.append(Logged(self.clock.now().isoformat(timespec="milliseconds"), method, path, status, fault))
        self.calls[f"{method} {status}"] += 1

    def postpone(self, write: Write, seconds: float) -> None:
        """A write that the provider will finish after its caller has gone."""
        self.store.insert(
            "late_writes", due=self.clock.ms() + int(seconds * 1000), division=write.division,
            endpoint=write.entity.path, user=write.user, body=write.body,
        )  # fmt: skip

    def finish_late_writes(self) -> None:
        """Do the postponed writes that are due; what is refused now is refused silently."""
        due = self.store.all(
            "SELECT * FROM late_writes WHERE outcome IS NULL AND due <= ? ORDER BY due", (self.clock.ms(),)
        )
        for row in due:
            with self.store.transaction():
                changed = self.store.run(
                    "UPDATE late_writes SET outcome = '…' WHERE id = ? AND outcome IS NULL", (row["id"],)
                )
                if not changed:
                    continue
                user = self.store.one("SELECT * FROM users WHERE UserID = ?", (row["user"],))
                if user is None:
                    continue
                write = Write(
                    row["division"],
                    ENTITIES[row["endpoint"].lower()],
                    row["user"],
                    user["role"],
                    user["Language"],
                    row["body"],
                )
                self.store.run("UPDATE late_writes SET outcome = ? WHERE id = ?", (self._late(write), row["id"]))

    def _late(self, write: Write) -> str:
        try:
            with self.store.attempt():
                return create(self.store, write, self.clock.ms())
        except ApiError as error:
            return error.text

    def _tick(self) -> None:
        flushed = time.monotonic()
        while not self._stop.wait(TICK):
            self.finish_late_writes()
            if time.monotonic() - flushed > 0.5:
                self.limits.flush()
                flushed = time.monotonic()
