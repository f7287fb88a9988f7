"""Values as most packages write them in JSON. Whoever calls turns what these raise into UnexpectedReply."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

FURTHEST = 60  # places before or after the point of a number that is read


def text(value: Any) -> str:
    """Without blanks around it; "" where there is nothing."""
    return "" if value is None else str(value).strip()


def figure(text: str) -> Decimal:
    """The number that a reply writes. Raises ValueError for one that no book holds, ArithmeticError for none:
    1E+999999999 is eleven bytes, and a thousand million digits once it is written out or made whole."""
    found = Decimal(text)
    if abs(found.adjusted()) > FURTHEST:
        raise ValueError("a number out of all bounds")
    return found


def money(value: Any) -> Decimal:
    """A number, decoded exactly; nothing is nought. Raises TypeError."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | None):
        raise TypeError(f"not an amount: {type(value).__name__}")
    return Decimal(value or 0)


def day(value: Any) -> date:
    """Of `2026-03-31`, `20260331`, and what begins with the former. Raises ValueError."""
    return date.fromisoformat(str(value)[:10])


def wait(headers: Mapping[str, str], name: str, longest: float, usual: float) -> float:
    """The seconds that a header tells, at least one and at most `longest`; `usual` where it tells none."""
    try:
        return min(max(float(headers[name]), 1.0), longest)
    except (KeyError, ValueError):
        return usual
