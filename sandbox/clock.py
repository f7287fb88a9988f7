"""The server's clock: the real one, shifted or frozen by the control page, kept over restarts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sandbox.store import Store

Base = Callable[[], datetime]


def real_time() -> datetime:
    return datetime.now(UTC)


class Clock:
    """`now()` is aware UTC. `base` is what passes when nobody touches the clock."""

    def __init__(self, store: Store, base: Base = real_time) -> None:
        self._store = store
        self._base = base
        self._offset = timedelta(seconds=float(store.value("clock.offset") or 0))
        frozen = store.value("clock.frozen")
        self._frozen = datetime.fromisoformat(frozen) if frozen else None

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    @property
    def offset(self) -> float:
        """Seconds ahead of real time (0 when frozen)."""
        return 0.0 if self._frozen else self._offset.total_seconds()

    def now(self) -> datetime:
        return self._frozen or self._base() + self._offset

    def ms(self) -> int:
        """Epoch milliseconds."""
        return int(self.now().timestamp() * 1000)

    def advance(self, seconds: float) -> None:
        """Also backwards. Raises OverflowError."""
        if self._frozen:
            self._frozen += timedelta(seconds=seconds)
        else:
            self._offset += timedelta(seconds=seconds)
        self._save()

    def set(self, moment: datetime) -> None:
        """Aware UTC; time goes on from there unless it is frozen."""
        if self._frozen:
            self._frozen = moment
        else:
            self._offset = moment - self._base()
        self._save()

    def freeze(self) -> None:
        self._frozen = self.now()
        self._save()

    def thaw(self) -> None:
        """Let time pass again from where it stands."""
        if self._frozen:
            self._offset = self._frozen - self._base()
            self._frozen = None
        self._save()

    def real(self) -> None:
        """Back to real time."""
        self._frozen, self._offset = None, timedelta()
        self._save()

    def _save(self) -> None:
        self._store.keep("clock.offset", str(self._offset.total_seconds()))
        self._store.keep("clock.frozen", self._frozen.isoformat() if self._frozen else "")
