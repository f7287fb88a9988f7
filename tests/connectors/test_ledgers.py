"""What connectors share, tried by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors import ledgers, values
from portal.connectors.errors import ConnectorError, Rejected, Temporary, UnexpectedReply


def failing(failure: ConnectorError) -> Temporary:
    with pytest.raises(Temporary) as caught, ledgers.preparing("app"):
        raise failure
    return caught.value


@pytest.mark.parametrize(
    "failure", [Temporary("app.timeout", status=504), UnexpectedReply("app.unreadable", status=200)]
)
def test_what_fails_before_sending_leaves_no_doubt(failure: ConnectorError) -> None:
    told = failing(failure)
    assert (told.code, told.status, told.sent, told.__cause__) == (failure.code, failure.status, False, None)


def test_what_says_so_already_is_left_as_it_is() -> None:
    held = Temporary("limit_reached", retry_after=7, sent=False)
    assert failing(held) is held


def test_a_refusal_stays_a_refusal() -> None:
    with pytest.raises(Rejected), ledgers.preparing("app"):
        raise Rejected("app.not_found")


def test_who_prepared_too_long_does_not_send() -> None:
    with pytest.raises(Temporary) as caught, ledgers.preparing("app", -1):
        pass
    assert (caught.value.code, caught.value.sent) == ("app.too_late", False)
    with ledgers.preparing("app"):
        pass


def test_an_amount_stands_on_one_side() -> None:
    assert ledgers.sides(Decimal("1.10")) == (Decimal("1.10"), Decimal(0))
    assert ledgers.sides(Decimal("-1.10")) == (Decimal(0), Decimal("1.10"))


def test_a_year_is_open_or_closed_for_all_journals() -> None:
    rows = [(date(2026, 1, 1), date(2026, 12, 31), False), (date(2025, 1, 1), date(2025, 12, 31), True)]
    before, now = ledgers.years(rows, ["20", "90"])
    assert before.year == 2025
    assert before.closed_journals == frozenset({"20", "90"})
    assert not now.closed_journals


@pytest.mark.parametrize(("value", "told"), [(None, ""), (" a ", "a"), (7, "7"), (False, "False")])
def test_a_text_has_no_blanks_around_it(value: Any, told: str) -> None:
    assert values.text(value) == told


@pytest.mark.parametrize("value", [True, "12", 1.5, [1]])
def test_an_amount_is_an_exact_number(value: Any) -> None:
    with pytest.raises(TypeError):
        values.money(value)
    assert values.money(None) == 0
    assert values.money(Decimal("0.10")) == Decimal("0.1")


@pytest.mark.parametrize("written", ["2026-03-31", "20260331", "2026-03-31T23:59:00Z"])
def test_a_day_is_the_date_part(written: str) -> None:
    assert values.day(written) == date(2026, 3, 31)


@pytest.mark.parametrize(("told", "seconds"), [("7", 7.0), ("0", 1.0), ("999", 60.0), ("soon", 5.0)])
def test_a_wait_is_bounded(told: str, seconds: float) -> None:
    assert values.wait({"Retry-After": told}, "Retry-After", 60.0, 5.0) == seconds
    assert values.wait({}, "Retry-After", 60.0, 5.0) == 5.0
