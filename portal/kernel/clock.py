"""The one place where the product asks what time it is, so that tests can move it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

BUSINESS_ZONE = ZoneInfo("Europe/Brussels")


def now() -> datetime:
    """Aware UTC, microseconds kept."""
    return datetime.now(UTC)


def day(moment: datetime, zone: ZoneInfo = BUSINESS_ZONE) -> date:
    """The plain date that a bookkeeper in `zone` reads on the wall at `moment`."""
    return moment.astimezone(zone).date()


def today(zone: ZoneInfo = BUSINESS_ZONE) -> date:
    return day(now(), zone)
