"""What the control page can switch. Defaults are what is known of the provider."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Settings:
    per_minute: int = 60  # calls per app and division; 0 = no limit
    per_day: int = 5000
    errors_per_hour: int = 10  # more than this many blocks the key; 0 = never
    error_block_seconds: int = 3600
    error_block_status: int = 429  # or 403: what the provider answers while blocked is not known
    token_min_age: int = 570  # seconds before a refresh is allowed
    token_lifetime: int = 600
    refresh_lifetime: int = 30 * 86400
    refresh_grace: int = 0  # seconds a used refresh token keeps working
    code_lifetime: int = 180
    token_calls_per_day: int = 0  # per app and user; 0 = no limit, 200 was once announced
    reconnect_kills: str = "consent"  # or "refresh": when the older connection of a login dies
    single_access_token: bool = False  # a new access token ends the one before
    post_status: int = 201  # some recordings show 200
    post_echo: str = "full"  # or "nulls": only the key is filled
    latency_ms: int = 0  # added to every API call
    auto_approve: str = ""  # login of the user who consents without a page
    select_required: tuple[str, ...] = (
        "generaljournalentry/GeneralJournalEntries",
        "financialtransaction/TransactionLines",
    )
    unfilterable: dict[str, list[str]] = field(default_factory=dict)  # endpoint → fields refused in $filter

    def changed(self, values: dict[str, Any]) -> Settings:
        """Raises ValueError on an unknown name or a value of another type."""
        known = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting: {name}")
            if isinstance(known[name], tuple):
                value = tuple(value)
            if type(value) is not type(known[name]):
                raise ValueError(f"{name} must be of type {type(known[name]).__name__}")
            known[name] = value
        return Settings(**known)


def load(store: Store) -> Settings:
    return Settings().changed(json.loads(store.value("settings") or "{}"))


def save(store: Store, settings: Settings) -> None:
    store.keep("settings", json.dumps(dataclasses.asdict(settings)))
