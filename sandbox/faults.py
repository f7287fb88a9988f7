"""Scripted trouble of a stand-in server: which calls it hits, how often, decided by a seed and nothing else.

A server names the kinds it knows; each is acted out where the server answers. Endpoints are
matched by a pattern such as `accounts/*/transactions`.
"""

from __future__ import annotations

import dataclasses
import json
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Generic, Self, TypeVar

from sandbox.store import Row, Store

TABLE = """
CREATE TABLE faults (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, method TEXT NOT NULL, endpoint TEXT NOT NULL, skip INTEGER NOT NULL,
    times INTEGER, probability REAL NOT NULL, seed TEXT NOT NULL, seconds REAL NOT NULL, details TEXT NOT NULL,
    matched INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0
);
"""
COUNTED = ("id", "matched", "fired")  # what nobody specifies


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(ABC):
    """How often a fault fires. The first `skip` matches pass; `times` None: until removed.

    `probability` is drawn from `seed`, per match. `seconds` is what the kind makes of it.
    """

    id: int = 0
    kind: str
    skip: int
    times: int | None
    probability: float
    seed: str
    seconds: float
    matched: int = 0
    fired: int = 0

    @classmethod
    def read(cls, row: Row) -> Self:
        return cls(**{field.name: row[field.name] for field in dataclasses.fields(cls)})

    @classmethod
    def specified(cls, spec: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that a specification fills. Raises ValueError when it makes no sense."""
        times, seconds = spec.get("times", 1), float(spec.get("seconds", 1))
        values = {
            "kind": str(spec["kind"]), "skip": int(spec.get("skip", 0)), "times": None if times is None else int(times),
            "probability": float(spec.get("probability", 1)), "seed": str(spec.get("seed", "0")), "seconds": seconds,
        }  # fmt: skip
        if not 0 <= seconds < threading.TIMEOUT_MAX:
            raise ValueError("seconds must be 0 or more")
        return values

    @abstractmethod
    def concerns(self, method: str, endpoint: str, division: int) -> bool:
        """Whether the call is a match. `division` is 0 where the endpoint tells everything."""

    def strikes(self) -> bool:
        """Whether the match with number `matched` fires."""
        if self.matched < self.skip or (self.times is not None and self.fired >= self.times):
            return False
        return self.probability >= 1 or random.Random(f"{self.seed}/{self.matched}").random() < self.probability

    def counted(self, hit: bool) -> Self:
        return dataclasses.replace(self, matched=self.matched + 1, fired=self.fired + hit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Script):
    """ "" matches all."""

    method: str
    endpoint: str
    details: Mapping[str, Any]

    @classmethod
    def read(cls, row: Row) -> Self:
        values = {field.name: row[field.name] for field in dataclasses.fields(cls)}
        return cls(**values | {"details": json.loads(row["details"])})

    @classmethod
    def specified(cls, spec: Mapping[str, Any]) -> dict[str, Any]:
        return Script.specified(spec) | {
            "method": str(spec.get("method") or "").upper(), "endpoint": str(spec.get("endpoint") or ""),
            "details": json.dumps(dict(spec.get("details") or {})),
        }  # fmt: skip

    def concerns(self, method: str, endpoint: str, division: int) -> bool:
        return self.method in ("", method) and (not self.endpoint or fnmatchcase(endpoint, self.endpoint))


F = TypeVar("F", bound=Script)


class Faults(Generic[F]):
    """`kinds`: what each kind of fault does, for the control. In memory too: a call without faults costs nothing."""

    def __init__(self, store: Store, kinds: Mapping[str, str], form: type[F]) -> None:
        self.kinds = kinds
        self._store, self._form = store, form
        self._lock = threading.Lock()
        self._active: list[F] = []
        self.reload()

    def reload(self) -> None:
        rows = self._store.all("SELECT * FROM faults ORDER BY id")
        with self._lock:
            self._active = [self._form.read(row) for row in rows]

    def all(self) -> list[F]:
        with self._lock:
            return list(self._active)

    def add(self, spec: Mapping[str, Any]) -> int:
        """Keys: the fields of a fault but its id and counts. Returns the id. Raises ValueError."""
        kind = str(spec.get("kind", ""))
        if kind not in self.kinds:
            raise ValueError(f"unknown kind of fault: {kind!r}; there are: {', '.join(self.kinds)}")
        unknown = set(spec) - ({field.name for field in dataclasses.fields(self._form)} - {*COUNTED})
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        values = self._form.specified(spec)
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with self._store.transaction() as db:
            made = db.execute(f"INSERT INTO faults ({names}) VALUES ({marks})", tuple(values.values())).lastrowid  # noqa: S608 - own names
        self.reload()
        return int(made or 0)

    def remove(self, fault: int | None = None) -> None:
        """One, or all."""
        if fault is None:
            self._store.run("DELETE FROM faults")
        else:
            self._store.run("DELETE FROM faults WHERE id = ?", (fault,))
        self.reload()

    def strike(self, method: str, endpoint: str, division: int = 0) -> list[F]:
        """The faults that hit this call; each match is counted, and kept over a restart."""
        if not self._active:
            return []
        struck: list[F] = []
        changed: list[tuple[int, int, int]] = []
        with self._lock:
            for index, fault in enumerate(self._active):
                if not fault.concerns(method, endpoint, division):
                    continue
                hit = fault.strikes()
                after = self._active[index] = fault.counted(hit)
                changed.append((after.matched, after.fired, fault.id))
                if hit:
                    struck.append(fault)
        if changed:
            with self._store.transaction() as db:
                db.executemany(
                    "UPDATE faults SET matched = max(matched, ?), fired = max(fired, ?) WHERE id = ?", changed
                )
        return struck
