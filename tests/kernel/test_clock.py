"""A moment is UTC, a day is the one on the bookkeeper's wall."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import portal
from portal.kernel import clock

ROOT = Path(portal.__file__).parent


@pytest.mark.parametrize(
    ("moment", "on"),
    [
        (datetime(2026, 11, 22, 22, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 7, 31, 22, 0, tzinfo=UTC), date(2026, 8, 1)),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_the_day_begins_at_midnight_where_the_bookkeeper_is(moment: datetime, on: date) -> None:
    assert clock.day(moment) == on


def test_no_moment_is_cut_to_its_day_in_utc() -> None:
    """Between eleven and midnight UTC that day is yesterday on the bookkeeper's wall."""
    cut = re.compile(r"\b(?:\w*_at|now|now\(\)|since|until|moment|restored)\.date\(\)")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted([*ROOT.rglob("*.py"), *ROOT.rglob("*.html")])
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if cut.search(line)
    ]
    assert found == []
