"""How usage becomes money. Pure: facts and prices in, amounts out.

1. A client account counts for the firm on each day on which that firm manages it. The first day
   counts; the day on which it ends counts no longer. A move on the 10th is the new firm's from the 10th.
2. A bank account counts on each day on which its consent is alive *and* rule 1 holds for its client.
   A day counts once, however often an account came and went on it.
3. A day costs the price that is valid on it, divided by the number of days of its month.
4. What one account uses of one item at one price in one month is one amount: price × days ÷ days
   of the month, rounded half up to the cent. Nothing else is rounded before VAT.
5. VAT is the sum of the amounts of a rate times that rate, rounded half up to the cent, per document.
6. An item without a price is free.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
CLIENT_ACCOUNT = "client_account"
Period = tuple[date, date]  # from the first day until the second, which is not in it


@dataclass(frozen=True, slots=True)
class Fact:
    """`subject` used `item` from `starts_on` until `stops_on`, for the firm. Facts may overlap."""

    item: str
    client_id: uuid.UUID
    client_name: str
    subject_id: uuid.UUID  # the client account itself, or a bank account
    subject_name: str
    starts_on: date
    stops_on: date


@dataclass(frozen=True, slots=True)
class Price:
    """Per month, valid from a day until the next one of its item."""

    item: str
    valid_from: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Key:
    """What is counted and rounded as one (rule 4)."""

    month: date  # its first day
    client_id: uuid.UUID
    item: str
    subject_id: uuid.UUID
    price: Decimal


@dataclass(frozen=True, slots=True)
class Use:
    days: int
    of_days: int  # the month's
    net: Decimal
    client_name: str = ""
    subject_name: str = ""


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def months(first: date, last: date) -> list[date]:
    """Their first days, both ends in it."""
    found, month = [], month_of(first)
    while month <= last:
        found.append(month)
        month = next_month(month)
    return found


def to_cent(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def share(price: Decimal, days: int, of_days: int) -> Decimal:
    """Rule 4."""
    return to_cent(price * days / of_days)


def usage(facts: Iterable[Fact], prices: Sequence[Price], closed: Iterable[date]) -> dict[Key, Use]:
    """What was used in these months, by what is rounded as one."""
    spans: dict[tuple[str, uuid.UUID, uuid.UUID], list[Period]] = defaultdict(list)
    names: dict[uuid.UUID, tuple[str, str]] = {}
    for fact in facts:
        spans[fact.item, fact.client_id, fact.subject_id].append((fact.starts_on, fact.stops_on))
        names[fact.subject_id] = fact.client_name, fact.subject_name
    merged = {who: _merge(periods) for who, periods in spans.items()}
    lists = {item: sorted((p.valid_from, p.amount) for p in prices if p.item == item) for item, *_ in merged}
    found: dict[Key, Use] = {}
    for month in closed:
        until = next_month(month)
        of_days = (until - month).days
        valid = {item: _in_month(listed, month, until) for item, listed in lists.items()}
        for (item, client_id, subject_id), periods in merged.items():
            for price, days in _days_by_price(periods, valid[item]).items():
                net = share(price, days, of_days)
                found[Key(month, client_id, item, subject_id, price)] = Use(days, of_days, net, *names[subject_id])
    return found


def _merge(periods: Iterable[Period]) -> list[Period]:
    """The same days without overlaps, in order."""
    merged: list[Period] = []
    for starts_on, stops_on in sorted(p for p in periods if p[0] < p[1]):
        if merged and starts_on <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], stops_on)
        else:
            merged.append((starts_on, stops_on))
    return merged


def _in_month(listed: Sequence[tuple[date, Decimal]], month: date, until: date) -> list[tuple[Period, Decimal]]:
    """Which price holds on which days of the month (rule 3)."""
    ends = [*(valid_from for valid_from, _ in listed[1:]), until]
    pieces = (
        ((max(begins, month), min(ends_on, until)), amount)
        for (begins, amount), ends_on in zip(listed, ends, strict=False)  # a free item has no price at all
    )
    return [(period, amount) for period, amount in pieces if period[0] < period[1]]


def _days_by_price(periods: Sequence[Period], valid: Iterable[tuple[Period, Decimal]]) -> Mapping[Decimal, int]:
    """Two periods of a month at one price are one (rule 4)."""
    days: dict[Decimal, int] = defaultdict(int)
    for (begins, ends), price in valid:
        counted = sum(max(0, (min(stops, ends) - max(starts, begins)).days) for starts, stops in periods)
        if counted:
            days[price] += counted
    return days


def differences(due: Mapping[Key, Use], billed: Mapping[Key, Use]) -> Iterator[tuple[Key, Use]]:
    """What is still to be billed, or to be given back: so that after it the bills add up to what is due."""
    nothing = Use(0, 0, Decimal(0))
    for key in sorted(due.keys() | billed.keys(), key=_order(due, billed)):
        now, before = due.get(key, nothing), billed.get(key, nothing)
        net = now.net - before.net
        if net:
            named = now if key in due else before
            of_days = now.of_days or before.of_days
            yield key, Use(now.days - before.days, of_days, net, named.client_name, named.subject_name)


def _order(
    due: Mapping[Key, Use], billed: Mapping[Key, Use]
) -> Callable[[Key], tuple[date, str, str, str, str, Decimal]]:
    def order(key: Key) -> tuple[date, str, str, str, str, Decimal]:
        use = due.get(key) or billed[key]
        return key.month, key.item, use.client_name.casefold(), use.subject_name, str(key.subject_id), key.price

    return order
