"""Amounts and dates as each reader writes them, and typed ones read in one way or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.i18n import LOCALES, NBSP, NNBSP, Formats, Unreadable, parse_amount, parse_date

DAY = date(2026, 3, 9)
NOW = datetime(2026, 5, 5, 8, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "amount", "day"),
    [
        ("nl-BE", "1.234,50", "09/03/2026"),
        ("nl-NL", "1.234,50", "09-03-2026"),
        ("fr-BE", f"1{NNBSP}234,50", "09/03/2026"),
        ("fr-FR", f"1{NNBSP}234,50", "09/03/2026"),
        ("en-GB", "1,234.50", "09/03/2026"),
    ],
)
def test_each_language_has_its_own_signs(locale: str, amount: str, day: str) -> None:
    reader = Formats(locale)
    assert reader.money(Decimal("1234.5")) == amount
    assert reader.date(DAY) == day


def test_a_negative_amount_carries_a_real_minus() -> None:
    assert Formats("nl-BE").money(Decimal("-142.4"), "EUR") == f"−142,40{NBSP}EUR"
    assert Formats("nl-BE").signed(Decimal("142.4")) == "+142,40"
    assert Formats("nl-BE").signed(Decimal(0)) == "0,00"


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("0.00001", "EUR", "0.00001"), ("12", "JPY", "12"), ("12.5", "KWD", "12.500"), ("1E+3", "EUR", "1,000.00")],
)
def test_nothing_shown_is_rounded(amount: str, currency: str, shown: str) -> None:
    assert Formats("en-GB").money(Decimal(amount), currency) == f"{shown}{NBSP}{currency}"


@pytest.mark.parametrize("bad", ["NaN", "Infinity"])
def test_what_is_no_number_is_not_shown_as_one(bad: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Formats("en-GB").money(Decimal(bad))


@pytest.mark.parametrize(
    ("locale", "at", "shown"),
    [
        ("nl-BE", datetime(2026, 5, 5, 4, 14, tzinfo=UTC), "vandaag 06:14"),
        ("fr-FR", datetime(2026, 5, 4, 19, 40, tzinfo=UTC), "hier 21:40"),
        ("en-GB", datetime(2026, 5, 6, 4, 14, tzinfo=UTC), "tomorrow 06:14"),
        ("nl-BE", datetime(2026, 5, 3, 16, 2, tzinfo=UTC), "3 mei 18:02"),
        ("en-GB", datetime(2025, 5, 3, 16, 2, tzinfo=UTC), "03/05/2025 18:02"),
    ],
)
def test_near_days_are_named(locale: str, at: datetime, shown: str) -> None:
    assert Formats(locale).when(at, NOW) == shown


def test_the_day_is_the_readers_day() -> None:
    late = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
    assert Formats("nl-BE").date(late) == "10/03/2026"
    assert Formats("nl-BE", "America/New_York").date(late) == "09/03/2026"


def test_a_naive_time_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="naive"):
        Formats().time(datetime(2026, 3, 9, 6, 14))  # noqa: DTZ001 - the very mistake


def test_headings_of_days() -> None:
    today = date(2026, 5, 5)
    heads = [Formats("fr-BE").day_heading(day, today) for day in (today, date(2026, 5, 4), date(2026, 5, 3))]
    assert heads == ["Aujourd’hui", "Hier, 4 mai", "3 mai"]
    assert Formats("nl-BE").month(DAY) == "maart 2026"


@pytest.mark.parametrize(
    ("country", "number", "shown"),
    [
        ("BE", "0945217389", "BE 0945.217.389"),
        ("BE", "BE945.217.389", "BE 0945.217.389"),
        ("NL", "91827364", "KVK 91827364"),
        ("FR", "912384575", "SIREN 912 384 575"),
        ("FR", "91238457500017", "SIRET 912 384 575 00017"),
        ("BE", "12", "12"),
    ],
)
def test_numbers_of_firms(country: str, number: str, shown: str) -> None:
    assert Formats().enterprise(country, number).replace(NBSP, " ") == shown


def test_account_numbers_stand_in_fours() -> None:
    assert Formats().iban("be19001447183012") == NBSP.join(["BE19", "0014", "4718", "3012"])
    assert Formats().iban("KAS-1") == "KAS-1"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        (f"1{NNBSP}234,50", "1234.50"),
        ("1 234 567", "1234567"),
        ("1.234.567", "1234567"),
        ("1234,5", "1234.5"),
        ("1234.567", "1234.567"),
        ("0,125", "0.125"),
        ("−12,00", "-12.00"),
        ("+ 7", "7"),
        ("1'234.50", "1234.50"),
    ],
)
def test_an_amount_is_read_as_meant(typed: str, meant: str) -> None:
    assert parse_amount(typed) == Decimal(meant)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "amount.empty"),
        ("1.234", "amount.ambiguous"),
        ("12,345", "amount.ambiguous"),
        ("1.23.456", "amount.not_a_number"),
        ("1,234.567.8", "amount.not_a_number"),
        ("12,", "amount.not_a_number"),
        ("1e5", "amount.not_a_number"),
        ("NaN", "amount.not_a_number"),
        ("٣", "amount.not_a_number"),
        ("1 23", "amount.not_a_number"),
        ("0,123456", "amount.decimals"),
    ],
)
def test_an_amount_of_two_readings_is_refused(typed: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse_amount(typed)
    assert refused.value.code == code


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from(LOCALES))
def test_what_is_shown_reads_back(amount: Decimal, locale: str) -> None:
    assert parse_amount(Formats(locale).money(amount)) == amount


@pytest.mark.parametrize("typed", ["09/03/2026", "9-3-2026", "09.03.2026", "2026-03-09", " 09/03/2026 "])
def test_a_date_is_read_day_first(typed: str) -> None:
    assert parse_date(typed) == DAY


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "date.empty"),
        ("09/03/26", "date.short_year"),
        ("31/02/2026", "date.no_such_day"),
        ("03/13/2026", "date.no_such_day"),
        ("09/03-2026", "date.form"),
        ("9 maart 2026", "date.form"),
        ("20260309", "date.form"),
    ],
)
def test_a_date_that_is_unsure_is_refused(typed: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse_date(typed)
    assert refused.value.code == code


@given(st.dates(date(1000, 1, 1)), st.sampled_from(LOCALES))
def test_a_shown_date_reads_back(day: date, locale: str) -> None:
    assert parse_date(Formats(locale).date(day)) == day


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="unsupported locale"):
        Formats("de-DE")
