"""Amounts are exact, both ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.money import AmountOutOfRange, from_units, to_units


@given(st.integers(-(2**62), 2**62))
def test_every_unit_comes_back(units: int) -> None:
    assert to_units(from_units(units)) == units


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_cents_keep_their_two_decimals(amount: Decimal) -> None:
    back = from_units(to_units(amount))
    assert back == amount
    assert -back.as_tuple().exponent == 2  # type: ignore[operator]  # finite


def test_more_than_five_decimals_are_refused_rather_than_rounded() -> None:
    for wrong in (Decimal("0.000001"), Decimal(10) ** 15):
        with pytest.raises(AmountOutOfRange):
            to_units(wrong)
    assert to_units(Decimal("18.15123")) == 1_815_123
    assert from_units(1_815_123) == Decimal("18.15123")
