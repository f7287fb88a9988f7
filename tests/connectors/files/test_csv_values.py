"""Amounts and dates in tables: whatever way they are written, they come back as they were, or are not taken."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.connectors.errors import Refused
from portal.connectors.files.csv_values import DateOrder, DecimalMark, amount_reader, is_amount, read_date

CENTS = st.integers(min_value=-(10**13), max_value=10**13)
MARKS = st.sampled_from([(",", "."), (".", ","), (",", " "), (",", "\u202f"), (".", "'"), (",", ""), (".", "")])


def written(cents: int, mark: str, group: str, style: str = "plain") -> str:
    whole, rest = divmod(abs(cents), 100)
    figure = f"{whole:,}".replace(",", group) + f"{mark}{rest:02d}"
    if cents >= 0:
        return {"plus": f"+{figure}", "after": figure, "brackets": figure, "euro": f"€ {figure}"}.get(style, figure)
    return {
        "after": f"{figure}-", "brackets": f"({figure})", "minus": f"−{figure}", "euro": f"€ -{figure}",
        "code": f"-{figure} EUR",
    }.get(style, f"-{figure}")  # fmt: skip


@given(CENTS, MARKS, st.sampled_from(["plain", "plus", "after", "brackets", "minus", "euro", "code"]))
def test_an_amount_comes_back_as_it_was(cents: int, marks: tuple[str, str], style: str) -> None:
    text = written(cents, *marks, style)
    assert is_amount(text)
    shown = DecimalMark()
    shown.see(text)
    assert shown.settled == marks[0]
    assert amount_reader(marks[0])(text) == Decimal(cents) / 100


@given(CENTS, MARKS)
def test_read_with_the_other_mark_it_is_refused_or_the_same(cents: int, marks: tuple[str, str]) -> None:
    """A hundred times too much is impossible: two decimals are never taken for thousands."""
    other = "." if marks[0] == "," else ","
    with pytest.raises(Refused):
        amount_reader(other)(written(cents, *marks))


@given(st.lists(CENTS, min_size=1, max_size=20), MARKS)
def test_a_column_has_one_mark(column: list[int], marks: tuple[str, str]) -> None:
    shown = DecimalMark()
    for cents in column:
        shown.see(written(cents, *marks))
    assert shown.settled == marks[0]
    with pytest.raises(Refused):
        shown.see("12.34" if marks[0] == "," else "12,34")


@pytest.mark.parametrize("text", ["1,234", "12.345", "-1.234", "€ 1,234"])
def test_three_digits_alone_settle_nothing(text: str) -> None:
    shown = DecimalMark()
    shown.see(text)
    assert (shown.settled, shown.example) == ("", text)


@pytest.mark.parametrize("text", ["", "-", "abc", "1,2,3.4", "12,34,56", "1e5", "1_000", "NaN", "١٢", "--1", "1-2"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    for mark in ",.":
        with pytest.raises(Refused):
            amount_reader(mark)(text)


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2030, 12, 31)), st.sampled_from("-/."))
def test_a_date_comes_back_as_it_was(day: date, sign: str) -> None:
    assert read_date(day.strftime(f"%d{sign}%m{sign}%Y"), "dmy") == day
    assert read_date(day.strftime(f"%m{sign}%d{sign}%Y"), "mdy") == day
    for order in ("dmy", "mdy", "ymd"):
        assert read_date(day.strftime(f"%Y{sign}%m{sign}%d"), order) == day
        assert read_date(day.strftime("%Y%m%d"), order) == day


@given(st.lists(st.dates(min_value=date(2000, 1, 1), max_value=date(2023, 12, 31)), min_size=1, max_size=15))
def test_an_order_is_settled_only_when_no_other_fits(days: list[date]) -> None:
    seen = DateOrder(date(2024, 1, 1))
    for day in days:
        seen.see(f"{day:%d/%m/%Y}")
    assert seen.allows("dmy")
    assert seen.settled == ("dmy" if any(day.day > 12 for day in days) else "")
