"""A gate for one process with no database: it waits where the provider's limits would refuse."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from portal.connectors.manifest import Limits

MARGIN = 1.05  # of a window: their clock starts when a call arrives, ours when it leaves


class Paced:
    """See `portal.connectors.base.Gate`. Keeps the window only; a day is longer than this command runs."""

    def __init__(
        self,
        limits: Limits,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = limits.per_minute
        self._window = limits.window_seconds * MARGIN
        self._sleep, self._now = sleep, now
        self._calls: deque[float] = deque()

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        if self._most is None:
            return
        while len(self._calls) >= self._most:
            left = self._calls.popleft() + self._window - self._now()
            if left > 0:
                self._sleep(left)
        self._calls.append(self._now())

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        return None
