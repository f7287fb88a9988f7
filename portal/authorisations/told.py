"""What a reply tells of the provider's limits, by the header names of its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from portal.connectors.manifest import Limits, Told

DAY = timedelta(days=1)
SKEW = timedelta(seconds=2)  # a Date header has whole seconds only
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AN_AGE = 10**8  # seconds; a reset beyond it is a moment, below it a wait


@dataclass(frozen=True, slots=True)
class Window:
    """How much of one of the provider's windows is used, and by our clock when it ends; None: it did not say."""

    used: int
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Reply:
    """`window` and `day` as far as told; `blocked_until` when it says to wait."""

    window: Window | None
    day: Window | None
    blocked_until: datetime | None


def read(limits: Limits, status: int, headers: Mapping[str, str], now: datetime) -> Reply:
    """Nonsense counts as not told."""
    told = {name.lower(): value for name, value in headers.items()}
    length = timedelta(seconds=limits.window_seconds)
    window = _window(limits.window_told, told, limits.per_minute, length, now)
    day = _window(limits.day_told, told, limits.per_day, DAY, now)
    blocked = _blocked_until(status, told, (window, day), length, now)
    if window is not None and window.ends is not None and window.used >= (limits.per_minute or 0):
        # Nothing is left: that ends with their window, not as long after as calls of our own would count.
        return Reply(None, day, max(blocked or window.ends, window.ends))
    return Reply(window, day, blocked)


def floor(moment: datetime, length: timedelta) -> datetime:
    """Start of the window of this length that the moment falls in, counted from 1970."""
    return moment - (moment - EPOCH) % length


def _window(
    names: Told | None, told: Mapping[str, str], limit: int | None, length: timedelta, now: datetime
) -> Window | None:
    if names is None or limit is None:
        return None
    try:
        used = max(limit - int(told[names.remaining.lower()]), 0)
        if not names.reset:
            return Window(used, None)
        reset = float(told[names.reset.lower()]) * names.unit
        left = timedelta(seconds=reset - _their_time(told, now) if reset > AN_AGE else reset)
    except (KeyError, ValueError, OverflowError):
        return None
    if not -SKEW <= left <= length + SKEW:
        return None
    return Window(used, _near(now + left, length))


def _their_time(told: Mapping[str, str], now: datetime) -> float:
    try:
        return parsedate_to_datetime(told["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return now.timestamp()


def _near(moment: datetime, length: timedelta) -> datetime:
    """A window that ends within two seconds of a full minute or day ends there; of a short one, much nearer."""
    skew = min(SKEW, length / 20)
    ours = floor(moment + skew, length)
    return ours if abs(moment - ours) <= skew else moment


def _blocked_until(
    status: int, told: Mapping[str, str], windows: tuple[Window | None, ...], length: timedelta, now: datetime
) -> datetime | None:
    """As Retry-After says; after a 429 without, until the end of the window whose headers came along."""
    if status not in (429, 503):
        return None
    if (wait := _retry_after(told, now)) is not None:
        return now + min(wait, DAY)
    if status == 503:
        return None
    for window in windows:  # of several limits only the one that was hit is told
        if window is not None and window.ends is not None:
            return max(window.ends, now + timedelta(seconds=1))
    return now + length


def _retry_after(told: Mapping[str, str], now: datetime) -> timedelta | None:
    value = told.get("retry-after", "")
    try:
        return timedelta(seconds=max(float(value), 0))
    except (ValueError, OverflowError):
        pass
    try:
        return timedelta(seconds=max(parsedate_to_datetime(value).timestamp() - _their_time(told, now), 0))
    except (ValueError, TypeError):
        return None
