"""Scripted trouble: which calls it hits, how often, decided by a seed and nothing else."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from sandbox.store import Row, Store

# What each fault does. The token endpoint is endpoint "token".
KINDS = {
    "drop_before_commit": "the connection is closed, nothing is done",
    "drop_after_commit": "the work is done, then the connection is closed without an answer",
    "commit_late": "the connection is closed now, the work is done `seconds` later",
    "slow": "waits `seconds`, before the work (phase before) or between work and answer (phase after)",
    "429": "refused as over the limit of the minute",
    "500": "refused with an internal error, nothing is done",
    "503": "refused as unavailable, nothing is done",
    "500_after_commit": "the work is done, the answer is an internal error",
    "garbage": "the work is done, the answer is not what was agreed",
    "truncated": "the work is done, half of the answer is sent, then the connection is closed",
    "revoke_grant": "the user withdraws the consent just before the call",
    "expire_token": "the access token ends just before the call",
    "close_period": "all periods of the journal close just before the call",
    "token_answer_lost": "the token call is done, its answer never arrives",
}
_SPECIFIED = frozenset(
    ("kind", "method", "endpoint", "division", "skip", "times", "probability", "seed", "seconds", "phase")
)


@dataclass(frozen=True, slots=True)
class Fault:
    """None matches all. The first `skip` matches pass.
    `times` None: until removed. `probability` is drawn from `seed`, per match."""

    id: int
    kind: str
    method: str | None
    endpoint: str | None
    division: int | None
    skip: int
    times: int | None
    probability: float
    seed: str
    seconds: float
    phase: str
    matched: int
    fired: int

    def concerns(self, method: str, endpoint: str, division: int) -> bool:
        if self.kind == "token_answer_lost" and endpoint != "token":
            return False
        return (
            (self.method is None or self.method == method)
            and (self.endpoint is None or fnmatch(endpoint.lower(), self.endpoint.lower()))
            and (self.division is None or self.division == division)
        )

    def strikes(self) -> bool:
        """Whether the match with number `matched` fires."""
        if self.matched < self.skip or (self.times is not None and self.fired >= self.times):
            return False
        return self.probability >= 1 or random.Random(f"{self.seed}/{self.matched}").random() < self.probability


class Faults:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._active: list[Fault] = []
        self.reload()

    def reload(self) -> None:
        rows = self._store.all("SELECT * FROM faults ORDER BY id")
        with self._lock:
            self._active = [_read(row) for row in rows]

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._active)

    def add(self, spec: dict[str, Any]) -> int:
        """Raises ValueError when the specification makes no sense."""
        kind = str(spec.get("kind", ""))
        if kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {kind!r}")
        unknown = set(spec) - _SPECIFIED
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        times = spec.get("times", 1)
        with self._store.transaction() as db:
            made = db.execute(
                "INSERT INTO faults (kind, method, endpoint, division, skip, times, probability, seed, seconds, phase)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    kind, spec.get("method") and str(spec["method"]).upper(), spec.get("endpoint"),
                    None if spec.get("division") is None else int(spec["division"]), int(spec.get("skip", 0)),
                    None if times is None else int(times), float(spec.get("probability", 1)),
                    str(spec.get("seed", "0")), float(spec.get("seconds", 1)),
                    "after" if spec.get("phase") == "after" else "before",
                ),
            ).lastrowid  # fmt: skip
        self.reload()
        return int(made or 0)

    def remove(self, fault: int | None = None) -> None:
        """One, or all."""
        if fault is None:
            self._store.run("DELETE FROM faults")
        else:
            self._store.run("DELETE FROM faults WHERE id = ?", (fault,))
        self.reload()

    def strike(self, method: str, endpoint: str, division: int) -> list[Fault]:
        """The faults that hit this call; each match is counted, and kept over a restart."""
        if not self._active:
            return []
        struck: list[Fault] = []
        changed: list[tuple[int, int, int]] = []
        with self._lock:
            for index, fault in enumerate(self._active):
                if not fault.concerns(method, endpoint, division):
                    continue
                hit = fault.strikes()
                self._active[index] = _counted(fault, hit)
                changed.append((self._active[index].matched, self._active[index].fired, fault.id))
                if hit:
                    struck.append(fault)
        if changed:
            with self._store.transaction() as db:
                db.executemany(
                    "UPDATE faults SET matched = max(matched, ?), fired = max(fired, ?) WHERE id = ?", changed
                )
        return struck


def _read(row: Row) -> Fault:
    return Fault(**{name: row[name] for name in row.keys()})  # noqa: SIM118 - a Row iterates over values, not names


def _counted(fault: Fault, hit: bool) -> Fault:
    values = {name: getattr(fault, name) for name in Fault.__slots__}
    return Fault(**values | {"matched": fault.matched + 1, "fired": fault.fired + hit})
