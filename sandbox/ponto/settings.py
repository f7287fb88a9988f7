"""What the control page can switch. Defaults are what is known of the provider."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Settings:
    token_lifetime: int = 1799  # seconds
    refresh_lifetime: int = 60 * 86400
    code_lifetime: int = 300
    consent_days: int = 180
    tell_consent_end: bool = True  # some banks do not say when the consent ends
    sync_gap: int = 300  # seconds between two fetches of one account; 10 in the provider's own sandbox
    sync_pending: int = 1  # seconds a fetch waits
    sync_seconds: int = 3  # seconds until it is done
    own_fetches: bool = True  # at 2, 8, 14 and 20 h
    webhook_copies: int = 1
    webhook_virtual_time: bool = False  # sign by the virtual clock; real time else, as whoever checks lives in it
    latency_ms: int = 0
    auto_approve: str = ""  # login of the organisation that consents without a page

    def changed(self, values: dict[str, Any]) -> Settings:
        """Raises ValueError on an unknown name or a value of another type."""
        known = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting: {name}")
            if type(value) is not type(known[name]):
                raise ValueError(f"{name} must be of type {type(known[name]).__name__}")
            known[name] = value
        return Settings(**known)


def load(store: Store) -> Settings:
    return Settings().changed(json.loads(store.value("settings") or "{}"))


def save(store: Store, settings: Settings) -> None:
    store.keep("settings", json.dumps(dataclasses.asdict(settings)))
