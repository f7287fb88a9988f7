"""What the control page can switch. Defaults are what is known of the provider."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox import settings


@dataclass(frozen=True, slots=True)
class Settings(settings.Settings):
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
