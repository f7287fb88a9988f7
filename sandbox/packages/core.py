"""The state of the server, and the part of it that one package sees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sandbox.clock import Base, Clock
from sandbox.faults import Fault
from sandbox.packages import plugged
from sandbox.packages.access import Access, TokenRules
from sandbox.packages.books import Books
from sandbox.packages.limits import Limits
from sandbox.packages.package import Package, Rules
from sandbox.packages.schema import SCHEMA
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.world import World

KINDS = {
    "drop_before_commit": "the connection is closed, nothing is done",
    "drop_after_commit": "the work is done, then the connection is closed without an answer",
    "commit_late": "the connection is closed now, the work is done `seconds` later",
    "slow": "waits `seconds` before the work",
    "slow_after": "waits `seconds` between the work and the answer",
    "429": "refused as over a limit",
    "500": "refused with an internal error, nothing is done",
    "503": "refused as unavailable, nothing is done",
    "500_after_commit": "the work is done, the answer is an internal error",
    "garbage": "the work is done, the answer is not what was agreed",
    "truncated": "the work is done, half of the answer is sent, then the connection is closed",
    "revoke": "the consent or key is withdrawn just before the call",
    "expire": "the access token ends just before the call",
    "close_period": "the books of the dossier close just before the call, up to `details` {until}",
}
# `auto_approve`: login that consents without a page. `token_lifetime` 0: as the package has it.
COMMON: Mapping[str, Any] = {"auto_approve": "", "latency_ms": 0, "token_lifetime": 0}


class Stand:
    """What a package works with. Everything it keeps is its own; the clock is everybody's."""

    def __init__(self, package: Package, store: Store, clock: Clock) -> None:
        self.package, self.key = package, package.key
        self.store, self.clock = store, clock
        self.books = Books(store, clock, package.key)
        self.access = Access(store, clock, package.key)
        self._given = {**asdict(package.limits), **COMMON, **package.settings}
        self.settings: dict[str, Any] = {}
        self.reload()

    def reload(self) -> None:
        self.settings = dict(self._given) | json.loads(self.store.value(f"settings.{self.key}") or "{}")

    def change_settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Raises ValueError on an unknown name or a value of another type."""
        for name, value in values.items():
            if name not in self._given:
                raise ValueError(f"unknown setting: {name}; there are: {', '.join(self._given)}")
            if type(value) is not type(self._given[name]):
                raise ValueError(f"{name} must be of type {type(self._given[name]).__name__}")
        self.settings = self.settings | dict(values)
        self.store.keep(f"settings.{self.key}", json.dumps(self.settings))
        return self.settings

    @property
    def rules(self) -> Rules:
        return Rules(*(int(self.settings[name]) for name in ("per_window", "window", "per_day", "at_once")))

    @property
    def tokens(self) -> TokenRules:
        rules = self.package.tokens
        return replace(rules, lifetime=self.settings["token_lifetime"] or rules.lifetime)

    # what fits nowhere else: consumers, files, lines of an entry in the making

    def keep(self, kind: str, owner: str, id: str, value: Any) -> None:
        """Keep a JSON value under a name, in place of what was there."""
        self.store.run(
            "INSERT INTO things (package, kind, owner, id, value) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value",
            (self.key, kind, owner, id, json.dumps(value)),
        )

    def thing(self, kind: str, owner: str, id: str) -> Any:
        """One kept value, or None."""
        row = self.store.one(
            "SELECT value FROM things WHERE package = ? AND kind = ? AND owner = ? AND id = ?",
            (self.key, kind, owner, id),
        )
        return None if row is None else json.loads(row["value"])

    def kept(self, kind: str, owner: str) -> dict[str, Any]:
        """By id, oldest first."""
        rows = self.store.all(
            "SELECT id, value FROM things WHERE package = ? AND kind = ? AND owner = ? ORDER BY seq",
            (self.key, kind, owner),
        )
        return {row["id"]: json.loads(row["value"]) for row in rows}

    def forget(self, kind: str, owner: str, id: str | None = None) -> None:
        self.store.run(
            "DELETE FROM things WHERE package = ? AND kind = ? AND owner = ? AND (? IS NULL OR id = ?)",
            (self.key, kind, owner, id, id),
        )


class Sandbox(World[Settings, Fault]):
    """All packages together. Settings are of each package, not of the whole."""

    def __init__(self, data: Path, clock: Base | None = None) -> None:
        super().__init__(Store(data / "packages.sqlite", SCHEMA), clock, Settings, KINDS, Fault)
        self.limits = Limits(self.clock)
        self.stands = {key: Stand(package, self.store, self.clock) for key, package in plugged.load().items()}

    def stand(self, key: str) -> Stand:
        """Raises ValueError."""
        if key not in self.stands:
            raise ValueError(f"no package {key!r}; there are: {', '.join(self.stands)}")
        return self.stands[key]

    def reset(self) -> None:
        super().reset()
        self.limits.clear()
        for stand in self.stands.values():
            stand.reload()

    def told_settings(self) -> dict[str, Any]:
        return {key: stand.settings for key, stand in self.stands.items()}

    def add_fault(self, spec: Mapping[str, Any]) -> int:
        """Package, dossier, endpoint and write (else both) tell the calls."""
        sent = dict(spec)
        places = [str(sent.pop(name, "") or "*") for name in ("package", "dossier", "endpoint")]
        write = sent.pop("write", None)
        if sent.get("kind") == "close_period" and "until" not in (sent.get("details") or {}):
            raise ValueError("close_period needs a day, in details {until}")
        method = "" if write is None else "WRITE" if write else "READ"
        return super().add_fault({**sent, "method": method, "endpoint": "/".join(places)})

    def remove_faults(self, fault: int | None = None) -> None:
        super().remove_faults(fault)
        if fault is None:
            self.limits.clear()
