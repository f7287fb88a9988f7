"""The state of one sandbox, shared by its pages, its API and its control."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox import faults
from sandbox.clock import Base
from sandbox.saltedge import signatures
from sandbox.saltedge.schema import SCHEMA
from sandbox.saltedge.settings import Settings
from sandbox.store import Row, Store
from sandbox.world import World

KINDS = {
    "429": "the call is refused as one too many",
    "500": "the call is refused with an internal error, nothing is done",
    "503": "the call is refused as unavailable, nothing is done",
    "slow": "the call waits `seconds` before it is answered",
    "drop": "the connection is closed, nothing is done",
    "drop_after": "the work is done, then the connection is closed without an answer",
    "garbage": "the work is done, the answer is not what was agreed",
    "truncated": "the work is done, half of the answer is sent, then the connection is closed",
    "InvalidCredentials": "an attempt at the bank fails: the log-in is wrong",
    "InteractiveTimeout": "an attempt at the bank fails: nobody confirmed in time",
    "ProviderUnavailable": "an attempt at the bank fails: the bank does not answer",
    "ProviderError": "an attempt at the bank fails: the bank has a fault",
    "FetchingTimeout": "an attempt at the bank fails: the bank is too slow",
}
ATTEMPT = "ATTEMPT"  # in the place of a method
ATTEMPT_KINDS = frozenset(kind for kind in KINDS if kind[0].isupper())
FIRST_ID = 700_000_000_000_000_000
TICK = 0.1  # seconds between looks at what is due


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(faults.Fault):
    """Faults of calls and of attempts do not count each other's matches: attempts have the method ATTEMPT."""

    def concerns(self, method: str, endpoint: str, division: int) -> bool:
        of_attempt = self.kind in ATTEMPT_KINDS
        return of_attempt == (method == ATTEMPT) and faults.Fault.concerns(self, method, endpoint, division)


class Sandbox(World[Settings, Fault]):
    """Salt Edge and the banks behind it. `key` signs callbacks."""

    def __init__(self, data: Path, clock: Base | None = None, key: Path | None = None) -> None:
        super().__init__(Store(data / "saltedge.sqlite", SCHEMA), clock, Settings, KINDS, Fault)
        self.key = signatures.own_key(key or data / "callback-key.pem")
        self.delivering = threading.Lock()

    def reset(self) -> None:
        """Forget everything but the apps and the key."""
        apps = [dict(row) for row in self.store.all("SELECT * FROM apps")]
        super().reset()
        self.store.insert_many("apps", apps)

    def add_fault(self, spec: Mapping[str, Any]) -> int:
        """The method of a failing attempt is known."""
        failing = spec.get("kind") in ATTEMPT_KINDS
        return super().add_fault({**spec, "method": ATTEMPT} if failing else spec)

    def new_id(self, count: int = 1) -> int:
        """Ids grow with time and are unique over all kinds; the first of `count`."""
        return FIRST_ID + self.store.next_number("id", count)

    def app(self, app_id: str) -> Row | None:
        return self.store.one("SELECT * FROM apps WHERE app_id = ?", (app_id,))

    def add_app(self, app_id: str, secret: str, public_key: str, callbacks: str = "", **apart: str) -> None:
        """`callbacks` is the address for all kinds; one of the `apart` overrules it; "" is called by nobody."""
        urls = {f"{event}_url": apart.get(event, callbacks) for event in ("success", "fail", "notify")}
        with self.store.transaction():
            self.store.run("DELETE FROM apps WHERE app_id = ?", (app_id,))
            self.store.insert("apps", app_id=app_id, secret=secret, public_key=public_key, **urls)


def iso(ms: int | None) -> str | None:
    """As the provider writes instants: whole seconds, with a Z."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
