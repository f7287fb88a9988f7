"""Scripted trouble of a stand-in server: which calls it hits, how often, decided by a seed and nothing else.

A server names the kinds it knows; each is acted out where the server answers. Endpoints are
matched by a pattern such as `accounts/*/transactions`.
"""

from __future__ import annotations

import dataclasses
import json
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sandbox.store import Row, Store

TABLE = """
CREATE TABLE faults (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, method TEXT NOT NULL, endpoint TEXT NOT NULL, skip INTEGER NOT NULL,
    times INTEGER, probability REAL NOT NULL, seed TEXT NOT NULL, seconds REAL NOT NULL, details TEXT NOT NULL,
    matched INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0
);
"""
_SPECIFIED = frozenset(("kind", "method", "endpoint", "skip", "times", "probability", "seed", "seconds", "details"))


@dataclass(frozen=True, slots=True)
class Fault:
    """ "" matches all. The first `skip` matches pass; `times` None: until removed; `probability` is drawn per match."""

    id: int
    kind: str
    method: str
    endpoint: str
    skip: int
    times: int | None
    probability: float
    seed: str
    seconds: float
    details: Mapping[str, Any]
    matched: int
    fired: int

    def concerns(self, method: str, endpoint: str) -> bool:
        return self.method in ("", method) and (not self.endpoint or fnmatchcase(endpoint, self.endpoint))

    def strikes(self) -> bool:
        """Whether the match with number `matched` fires."""
        if self.matched < self.skip or (self.times is not None and self.fired >= self.times):
            return False
        return self.probability >= 1 or random.Random(f"{self.seed}/{self.matched}").random() < self.probability


class Faults:
    """`kinds`: what each kind of fault does, for the control page."""

    def __init__(self, store: Store, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self._store = store
        self._lock = threading.Lock()

    def all(self) -> list[Fault]:
        return [_read(row) for row in self._store.all("SELECT * FROM faults ORDER BY id")]

    def add(self, spec: Mapping[str, Any]) -> int:
        """Keys: kind, method, endpoint, skip, times, probability, seed, seconds, details. Raises ValueError."""
        kind = str(spec.get("kind", ""))
        if kind not in self.kinds:
            raise ValueError(f"unknown kind of fault: {kind!r}; there are: {', '.join(self.kinds)}")
        unknown = set(spec) - {
            "kind",
            "method",
            "endpoint",
            "skip",
            "times",
            "probability",
            "seed",
            "seconds",
            "details",
        }
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        times = spec.get("times", 1)
        with self._store.transaction() as db:
            made = db.execute(
                "INSERT INTO faults (kind, method, endpoint, skip, times, probability, seed, seconds, details)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    kind, str(spec.get("method") or "").upper(), str(spec.get("endpoint") or ""),
                    int(spec.get("skip", 0)), None if times is None else int(times),
                    float(spec.get("probability", 1)), str(spec.get("seed", "0")), float(spec.get("seconds", 1)),
                    json.dumps(dict(spec.get("details") or {})),
                ),
            )  # fmt: skip
        return int(made.lastrowid or 0)

    def remove(self, fault: int | None = None) -> None:
        """One, or all."""
        if fault is None:
            self._store.run("DELETE FROM faults")
        else:
            self._store.run("DELETE FROM faults WHERE id = ?", (fault,))

    def strike(self, method: str, endpoint: str) -> list[Fault]:
        """The faults that hit this call; each match is counted, and kept over a restart."""
        struck: list[Fault] = []
        with self._lock:
            for fault in self.all():
                if not fault.concerns(method, endpoint):
                    continue
                hit = fault.strikes()
                self._store.run(
                    "UPDATE faults SET matched = matched + 1, fired = fired + ? WHERE id = ?", (hit, fault.id)
                )
                if hit:
                    struck.append(fault)
        return struck

    def listed(self) -> list[dict[str, Any]]:
        return [dataclasses.asdict(fault) for fault in self.all()]


def _read(row: Row) -> Fault:
    values = {field.name: row[field.name] for field in dataclasses.fields(Fault)}
    return Fault(**values | {"details": json.loads(row["details"])})
