"""What the control page can switch. Defaults are what is known of the provider."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox import settings


@dataclass(frozen=True, slots=True)
class Settings(settings.Settings):
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
