"""Whose VAT, at what rate, and what a VAT number is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.nl import btw

from portal.billing.vat import Rate, Treatment, check_vat_number, treatment, vat_rows
from portal.kernel.errors import Conflict, Invalid

RATES = [
    Rate("BE", date(2020, 1, 1), Decimal("0.21")), Rate("NL", date(2020, 1, 1), Decimal("0.21")),
    Rate("FR", date(2020, 1, 1), Decimal("0.20")), Rate("FR", date(2027, 1, 1), Decimal("0.205")),
]  # fmt: skip
ON = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("country", "vat_number", "wanted"),
    [
        ("BE", "BE0945217389", Treatment("S", Decimal("0.21"))),
        ("BE", "", Treatment("S", Decimal("0.21"))),
        ("NL", "NL004495445B01", Treatment("AE", Decimal(0))),
        ("NL", "", Treatment("S", Decimal("0.21"))),
        ("FR", "FR44732829320", Treatment("AE", Decimal(0))),
        ("FR", "", Treatment("S", Decimal("0.20"))),
    ],
)
def test_the_country_and_the_number_of_the_firm_decide(country: str, vat_number: str, wanted: Treatment) -> None:
    assert treatment("BE", country, vat_number, RATES, ON) == wanted


def test_a_rate_holds_from_its_day() -> None:
    assert treatment("BE", "FR", "", RATES, date(2027, 1, 1)).rate == Decimal("0.205")
    with pytest.raises(Conflict, match="no_rate"):
        treatment("BE", "FR", "", RATES, date(2019, 12, 31))


def test_vat_is_rounded_once_a_rate_half_up() -> None:
    rows = vat_rows({Treatment("S", Decimal("0.21")): Decimal("0.50"), Treatment("AE", Decimal(0)): Decimal("10.00")})
    assert [(row.category, row.net, row.vat) for row in rows] == [
        ("S", Decimal("0.50"), Decimal("0.11")),  # 0.105
        ("AE", Decimal("10.00"), Decimal("0.00")),
    ]


@pytest.mark.parametrize(
    ("country", "scheme", "enterprise_number", "text", "wanted"),
    [
        ("BE", "kbo", "0945217389", "BE 0945.217.389", "BE0945217389"),
        ("FR", "siren", "732829320", "FR 44 732829320", "FR44732829320"),
        ("NL", "kvk", "91827364", "NL 0044.95.445.B01", "NL004495445B01"),
        ("NL", "kvk", "91827364", "NL000099998B57", "NL000099998B57"),
        ("BE", "kbo", "0945217389", "  ", ""),
    ],
)
def test_a_vat_number_in_any_writing(country: str, scheme: str, enterprise_number: str, text: str, wanted: str) -> None:
    assert check_vat_number(country, scheme, enterprise_number, text) == wanted


@pytest.mark.parametrize(
    ("country", "scheme", "text"),
    [("BE", "kbo", "BE0417497106"), ("BE", "kbo", "NL004495445B01"), ("FR", "siren", "FR00732829320"),
     ("NL", "kvk", "NL004495446B01"), ("NL", "kvk", "004495445B01")],
)  # fmt: skip
def test_what_is_no_vat_number_of_this_business(country: str, scheme: str, text: str) -> None:
    number = {"BE": "0945217389", "FR": "732829320", "NL": "91827364"}[country]
    with pytest.raises(Invalid, match="vat_number"):
        check_vat_number(country, scheme, number, text)


@given(st.from_regex(r"NL[0-9]{9}B[0-9]{2}", fullmatch=True))
def test_dutch_numbers_hold_where_another_checker_says_so(number: str) -> None:
    try:
        ours = bool(check_vat_number("NL", "kvk", "91827364", number))
    except Invalid:
        ours = False
    assert ours == btw.is_valid(number) or number.endswith("B00")
