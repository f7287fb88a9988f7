"""What the control page can switch. Defaults are what is known of the provider."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox import settings


@dataclass(frozen=True, slots=True)
class Settings(settings.Settings):
    per_minute: int = 0  # calls per app; 0 = no limit
    fetch_seconds: float = 2.0  # how long a refresh takes, on the virtual clock
    refresh_gap: int = 3600  # seconds after an attempt before the next one is possible
    background_per_day: int = 4  # refreshes within 24 hours that nobody is present at; 0 = no limit
    automatic_hours: float = 12.0  # the provider itself fetches so often; 0 = never
    history_days: int = 90  # how far back the first fetch reaches when the consent does not say
    callback_copies: int = 0  # 1 to 3 identical success callbacks; 0 = decided by the attempt's number
    notify: bool = True  # tell the stages of an attempt too
    deliver: bool = True  # false: callbacks wait for `POST callbacks/deliver`
    duplicates: bool = True  # the provider finds a row twice now and then, and says so
    latency_ms: int = 0
