"""Amounts: Decimal with a currency outside, a bigint with five implied decimals in PostgreSQL.

Five is the most that ISO 20022 allows. A bigint compares and sums through an index under
row-level security, which numeric does not (its operators are not leakproof).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.types import TypeDecorator

SCALE = 5
UNIT = Decimal(1).scaleb(-SCALE)
_FACTOR = 10**SCALE
_LIMIT = 2**63 - 1


class AmountOutOfRange(ValueError):
    """More than five decimals, or too large for the ledger."""


def to_units(amount: Decimal) -> int:
    """Exact count of 0.00001; raises AmountOutOfRange rather than round."""
    scaled = amount.scaleb(SCALE)
    units = int(scaled)
    if units != scaled or abs(units) > _LIMIT:
        raise AmountOutOfRange(str(amount))
    return units


def from_units(units: int) -> Decimal:
    """Two decimals at least, more only where they say something: 1 → 0.00001, 150000 → 1.50."""
    whole, rest = divmod(units, _FACTOR)
    if rest % 1000 == 0:
        return Decimal(units // 1000).scaleb(-2) if units >= 0 else -(Decimal(-units // 1000).scaleb(-2))
    return Decimal(whole * _FACTOR + rest).scaleb(-SCALE).normalize()


class Amount(TypeDecorator[Decimal]):
    """Column type: Decimal in Python, bigint in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        return None if value is None else to_units(value)

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else from_units(int(value))
