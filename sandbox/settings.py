"""What the control can switch: named values with a default, checked by their type, kept over restarts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Settings:
    """A stand-in's own are fields of a subclass. Defaults are what is known of the provider."""

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Raises ValueError on an unknown name or a value of another type."""
        known = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting: {name}; there are: {', '.join(known)}")
            known[name] = _fitting(name, value, type(known[name]))
        return type(self)(**known)

    @classmethod
    def load(cls, store: Store) -> Self:
        return cls().changed(json.loads(store.value("settings") or "{}"))

    def save(self, store: Store) -> None:
        store.keep("settings", json.dumps(dataclasses.asdict(self)))


def _fitting(name: str, value: Any, kind: type) -> Any:
    """The value as a `kind`: JSON has no tuples, and writes 2.0 as 2. Raises ValueError."""
    if kind is tuple and isinstance(value, list | tuple):
        return tuple(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{name} must be of type {kind.__name__}")
    return value
