"""What every stand-in has: a store, a clock, settings, faults, a log of requests, a thread that minds time."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from sandbox.clock import Base, Clock, real_time
from sandbox.faults import Faults, Script
from sandbox.settings import Settings
from sandbox.store import Store

KEPT = 5000  # requests that are remembered


@dataclass(frozen=True, slots=True)
class Logged:
    """One request, without secrets: no query values of tokens, no bodies."""

    at: str
    method: str
    path: str
    status: int  # 0: the connection was dropped
    fault: str


S = TypeVar("S", bound=Settings)
F = TypeVar("F", bound=Script)


class World(Generic[S, F]):
    """The state of one stand-in, shared by its pages, its API and its control.

    `kinds` and `fault` are the trouble it knows, `settings` what can be switched.
    """

    def __init__(
        self, store: Store, clock: Base | None, settings: type[S], kinds: Mapping[str, str], fault: type[F]
    ) -> None:
        self.store = store
        self.clock = Clock(store, clock or real_time)
        self.settings = settings.load(store)
        self.faults = Faults(store, kinds, fault)
        self.log: deque[Logged] = deque(maxlen=KEPT)
        self.calls: Counter[str] = Counter()
        self.working = threading.RLock()  # what time brings is worked out by one thread at a time
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def keep_time(self, work: Callable[[], object], every: float) -> None:
        """Begin a thread that does `work` every so many seconds, until `close`."""

        def run() -> None:
            while not self._stop.wait(every):
                work()

        self._ticker = threading.Thread(target=run, name=f"{self.store.path.stem}-time", daemon=True)
        self._ticker.start()

    def wait(self, seconds: float) -> bool:
        """False when the server is stopped before the time is over."""
        return not self._stop.wait(seconds)

    def close(self) -> None:
        """End the thread, then the store."""
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join(timeout=10)
        with self.working:
            self.store.close()

    def reset(self) -> None:
        """Forget everything, settings and clock included."""
        self.store.empty()
        self.clock.real()
        self.settings = type(self.settings)()
        self.faults.reload()
        self.log.clear()
        self.calls.clear()

    def change_settings(self, values: Mapping[str, Any]) -> S:
        """Raises ValueError."""
        self.settings = self.settings.changed(values)
        self.settings.save(self.store)
        return self.settings

    def told_settings(self) -> dict[str, Any]:
        return asdict(self.settings)

    def record(self, method: str, path: str, status: int, fault: str) -> None:
        self.log.append(Logged(self.clock.now().isoformat(timespec="milliseconds"), method, path, status, fault))
        self.calls[f"{method} {status}"] += 1

    def add_fault(self, spec: Mapping[str, Any]) -> int:
        """Returns its id. Raises ValueError."""
        return self.faults.add(spec)

    def remove_faults(self, fault: int | None = None) -> None:
        """One, or all."""
        self.faults.remove(fault)
