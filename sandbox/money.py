"""Amounts: whole cents inside, text with a dot outside."""

from __future__ import annotations

from decimal import Decimal


def cents(text: object) -> int:
    """Raises ValueError for what is no amount with at most two decimals."""
    try:
        found = Decimal(str(text)) * 100
        whole = int(found)
    except (ArithmeticError, ValueError):
        raise ValueError(f"{text!r} is no amount") from None
    if found != whole:
        raise ValueError(f"{text!r} has more than two decimals")
    return whole


def money(amount: int) -> str:
    """`-12.05`."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"
