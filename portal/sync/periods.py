"""Which day belongs to which period, and when a period may go out."""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta

from portal.couplings.models import Configuration
from portal.kernel import clock

DAY = timedelta(days=1)
EARLIEST = time(4, 0)  # in the morning, when last night's statements are in


def period_of(frequency: str, day: date) -> tuple[date, date]:
    """First and last day of the period that `day` is in: that day, or its month."""
    if frequency == "daily":
        return day, day
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def last_due(frequency: str, delay_days: int, today: date) -> date:
    """The last day whose period has ended, with the delay, before `today`."""
    edge = today - DAY * (delay_days + 1)
    start, end = period_of(frequency, edge)
    return edge if edge == end else start - DAY


def next_due(configuration: Configuration, today: date) -> datetime | None:
    """When the next period goes out by itself; None when the last one has passed."""
    first = max(last_due(configuration.frequency, configuration.delay_days, today) + DAY, configuration.starts_on)
    if configuration.ends_on is not None and first > configuration.ends_on:
        return None
    _, end = period_of(configuration.frequency, first)
    due = end + DAY * (configuration.delay_days + 1)
    return datetime.combine(due, EARLIEST, clock.BUSINESS_ZONE)
