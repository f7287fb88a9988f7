"""The state of one sandbox, shared by its pages, its API and its control."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.clock import Base, Clock, real_time
from sandbox.faults import Fault, Faults
from sandbox.saltedge import settings as settings_
from sandbox.saltedge import signatures
from sandbox.saltedge.schema import SCHEMA
from sandbox.saltedge.settings import Settings
from sandbox.store import Row, Store

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
ATTEMPT_KINDS = frozenset(kind for kind in KINDS if kind[0].isupper())
FIRST_ID = 700_000_000_000_000_000
TICK = 0.1  # seconds between looks at what is due


@dataclass(frozen=True, slots=True)
class Logged:
    """One request, without secrets."""

    at: str
    method: str
    path: str
    status: int  # 0: the connection was dropped
    fault: str


class Sandbox:
    """`due` is called every tick and after every move of the clock; `deliver` sends waiting callbacks."""

    def __init__(self, data: Path, clock: Base | None = None, key: Path | None = None) -> None:
        self.store = Store(data / "saltedge.sqlite", SCHEMA)
        self.base = clock or real_time
        self.clock = Clock(self.store, self.base)
        self.settings = settings_.load(self.store)
        self.faults = Faults(self.store, KINDS)
        self.key = signatures.own_key(key or data / "callback-key.pem")
        self.log: deque[Logged] = deque(maxlen=5000)
        self.calls: Counter[str] = Counter()
        self.delivering = threading.Lock()
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def start(self, tick: Any) -> None:
        self._ticker = threading.Thread(target=self._run, args=(tick,), name="saltedge-ticker", daemon=True)
        self._ticker.start()

    def _run(self, tick: Any) -> None:
        while not self._stop.wait(TICK):
            tick(self)

    def close(self) -> None:
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join(timeout=10)
        self.store.close()

    def change_settings(self, values: dict[str, Any]) -> Settings:
        """Raises ValueError."""
        self.settings = self.settings.changed(values)
        settings_.save(self.store, self.settings)
        return self.settings

    def reset(self) -> None:
        """Forget everything but the apps and the key."""
        apps = [dict(row) for row in self.store.all("SELECT * FROM apps")]
        self.store.empty()
        self.store.insert_many("apps", apps)
        self.clock.real()
        self.settings = Settings()
        self.log.clear()
        self.calls.clear()

    def record(self, method: str, path: str, status: int, fault: str) -> None:
        self.log.append(Logged(self.clock.now().isoformat(timespec="milliseconds"), method, path, status, fault))
        self.calls[f"{method} {status}"] += 1

    def new_id(self, count: int = 1) -> int:
        """Ids grow with time and are unique over all kinds; the first of `count`."""
        return FIRST_ID + self.store.next_number("id", count)

    def wait(self, seconds: float) -> bool:
        """False when the server is stopped before the time is over."""
        return not self._stop.wait(seconds)

    def strike(self, method: str, endpoint: str) -> list[Fault]:
        """Faults of calls and of attempts do not count each other's matches: attempts have the method ATTEMPT."""
        return [
            fault for fault in self.faults.strike(method, endpoint)
            if (fault.kind in ATTEMPT_KINDS) == (method == "ATTEMPT")
        ]  # fmt: skip

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
