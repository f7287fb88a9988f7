"""The state of one sandbox, shared by its pages, its API and its control."""

from __future__ import annotations

import time
from pathlib import Path

from sandbox.clock import Base
from sandbox.exact.faults import KINDS, Fault
from sandbox.exact.limits import Limits
from sandbox.exact.messages import ApiError
from sandbox.exact.oauth import OAuth
from sandbox.exact.registry import ENTITIES
from sandbox.exact.schema import SCHEMA, SCHEMA_VERSION
from sandbox.exact.settings import Settings
from sandbox.exact.writes import Write, create
from sandbox.store import Store
from sandbox.world import World

ENVIRONMENTS = ("nl", "be", "fr")
TICK = 0.1  # seconds between looks at late writes
FLUSH = 0.5  # seconds between writings of the counters


class Sandbox(World[Settings, Fault]):
    """Exact Online: consents, limits, and writes that are done after their caller has gone."""

    def __init__(self, data: Path, clock: Base | None = None) -> None:
        super().__init__(Store(data / "exact.sqlite", SCHEMA, SCHEMA_VERSION), clock, Settings, KINDS, Fault)
        self.oauth = OAuth(self.store, self.clock)
        self.limits = Limits(self.store, self.clock)
        self._flushed = time.monotonic()
        self.keep_time(self._tick, TICK)

    def close(self) -> None:
        self.limits.flush()
        super().close()

    def reset(self) -> None:
        super().reset()
        self.oauth = OAuth(self.store, self.clock)
        self.limits.reload()

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
        self.finish_late_writes()
        if time.monotonic() - self._flushed > FLUSH:
            self.limits.flush()
            self._flushed = time.monotonic()
