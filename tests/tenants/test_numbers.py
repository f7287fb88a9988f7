"""Enterprise numbers, beside a library that knows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.be import vat as be
from stdnum.fr import siren
from stdnum.fr import tva as fr

from portal.kernel.errors import Invalid
from portal.tenants.numbers import check_number, holds, vat_of


@given(st.integers(0, 10**10 - 1))
def test_kbo_agrees_with_the_library(number: int) -> None:
    """But for check digits that are never given out: 97 less a remainder is 01 to 97; the library takes 98 to 00."""
    digits = f"{number:010d}"
    assert holds("kbo", digits) == (be.is_valid(digits) and 1 <= int(digits[8:]) <= 97)


@pytest.mark.parametrize("digits", ["0000320098", "0000319999", "0000009700"])
def test_check_digits_that_are_never_given_out_do_not_hold(digits: str) -> None:
    assert be.is_valid(digits)
    assert not holds("kbo", digits)


@given(st.integers(1_000_000, 19_999_999))
def test_every_rightly_made_kbo_holds(base: int) -> None:
    assert holds("kbo", f"{base:08d}{97 - base % 97:02d}")


@given(st.integers(1, 10**9 - 1))
def test_siren_agrees_with_the_library(number: int) -> None:
    digits = f"{number:09d}"
    assert holds("siren", digits) == siren.is_valid(digits)
    if holds("siren", digits):
        assert fr.is_valid(vat_of("siren", digits))


@pytest.mark.parametrize(
    ("scheme", "typed", "digits"),
    [
        ("kbo", "BE 0945.217.389", "0945217389"),
        ("kbo", "945 217 389", "0945217389"),
        ("kvk", "KVK 91827364", "91827364"),
        ("siren", "912 384 575", "912384575"),
        ("siren", "912\u202f384\u202f575", "912384575"),
    ],
)
def test_what_people_type_is_read(scheme: str, typed: str, digits: str) -> None:
    assert check_number(scheme, typed) == digits


@pytest.mark.parametrize(
    ("scheme", "typed", "code"),
    [
        ("kbo", "0945.217.388", "check"),
        ("kbo", "0945.217.3", "length"),
        ("kvk", "9182736", "length"),
        ("siren", "912384576", "check"),
        ("kbo", "O945.217.389", "characters"),
        ("kbo", "", "length"),
        ("lei", "1", "scheme"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_reason(scheme: str, typed: str, code: str) -> None:
    with pytest.raises(Invalid, match=f"enterprise_number.{code}"):
        check_number(scheme, typed)
