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


def goes_out_on(end: date, delay_days: int) -> date:
    """The day after a period's last day and the delay: May with a delay of 3 goes out on 4 June."""
    return end + DAY * (delay_days + 1)


def last_due(frequency: str, delay_days: int, today: date) -> date:
    """The last day whose period has ended, with the delay, before `today`."""
    edge = today - DAY * (delay_days + 1)
    start, end = period_of(frequency, edge)
    return edge if edge == end else start - DAY


def next_period(configuration: Configuration, today: date) -> tuple[date, date] | None:
    """The first period that is not due yet, within start and end; None when there is no more."""
    edge = last_due(configuration.frequency, configuration.delay_days, today) + DAY
    first = max(edge, configuration.starts_on)
    if configuration.ends_on is not None and first > configuration.ends_on:
        return None
    start, end = period_of(configuration.frequency, first)
    start = max(start, configuration.starts_on)
    return start, end if configuration.ends_on is None else min(end, configuration.ends_on)


def next_due(configuration: Configuration, today: date) -> datetime | None:
    """When the next period goes out by itself; None when the last one has passed.

    A period cut short by the end date is still told by its month: late lines of the last
    days come in the same entry.
    """
    coming = next_period(configuration, today)
    if coming is None:
        return None
    _, end = period_of(configuration.frequency, coming[0])
    return datetime.combine(goes_out_on(end, configuration.delay_days), EARLIEST, clock.BUSINESS_ZONE)
