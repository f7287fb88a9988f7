"""The price list of who runs the installation: read strictly, put in place as a whole."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from portal.billing import configuring, facts
from portal.billing.configuring import BadPriceList
from portal.billing.rules import Price
from tests.billing.office import PRICES, RATES, SELLER, Office, price

LIST = SELLER.format(prefix="T") + PRICES + RATES


def test_a_list_is_read() -> None:
    listed = configuring.read(LIST)
    assert listed.prices == (
        Price("client_account", date(2024, 1, 1), Decimal("4.50")),
        Price("ponto_account", date(2024, 1, 1), Decimal("3.00")),
    )
    assert {rate.country: rate.rate for rate in listed.rates}["FR"] == Decimal("0.2000")
    assert listed.seller["iban"] == "BE71096123456769"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LIST.replace('"4.50"', "4.50"), "between quotes"),
        (LIST.replace('"4.50"', '"4.505"'), "whole cents"),
        (LIST.replace('"4.50"', '"-1"'), "whole cents"),
        (LIST.replace('"4.50"', '"four"'), "no number"),
        (LIST.replace("client_account", "client"), "item is one of"),
        (LIST.replace("valid_from = 2024-01-01", 'valid_from = "2024-01-01"'), "is a day"),
        (LIST + price("client_account", "2024-01-01", "5.00"), "twice"),
        (LIST.replace("BE71 0961", "BE72 0961"), "iban"),
        (LIST.replace("0945.217.389", "0945.217.388"), "enterprise_number"),
        (LIST.replace('city = "Mechelen"\n', ""), "lacks city"),
        (LIST.replace("due_days = 30", "due_days = 365"), "due_days"),
        (LIST.replace('rate = "20"', 'rate = "120"'), "percentage"),
        (LIST.replace("[[vat]]", "[[taxes]]"), "unknown: taxes"),
        (SELLER.format(prefix="T"), "no price"),
        ("[seller", "not TOML"),
    ],
)
def test_a_list_that_is_wrong_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadPriceList, match=why):
        configuring.read(text)


def test_a_list_takes_the_place_of_the_one_before(office: Office) -> None:
    office.load(price("client_account", "2026-01-01", "5.00"))
    with office.inside(office.firm()) as scope:
        tariff = facts.the_tariff(scope.session, office.key)
    assert tariff.prices == [Price("client_account", date(2026, 1, 1), Decimal("5.00"))]
    assert len(tariff.rates) == 3
