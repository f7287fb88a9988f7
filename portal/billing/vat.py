"""Which VAT a document carries: the seller's country, the firm's country and its number decide.

Sources: Directive 2006/112/EC, articles 44 and 196 (services between taxable persons: the buyer's
country, charged by the buyer) and 58 (electronic services to others: the buyer's country and rate).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.billing.rules import to_cent
from portal.kernel.errors import Conflict, Invalid
from portal.tenants.numbers import holds, vat_of

NOUGHT = Decimal(0)
REVERSE_CHARGE = "AE"
STANDARD = "S"


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of a country from a day on; 0.21 for 21 %."""

    country: str
    valid_from: date
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Treatment:
    """`category` as UNCL 5305 names it: S or AE."""

    category: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class VatRow:
    category: str
    rate: Decimal
    net: Decimal
    vat: Decimal


def treatment(seller_country: str, country: str, vat_number: str, rates: Iterable[Rate], on: date) -> Treatment:
    """How a service to this firm is taxed. Raises Conflict("billing.no_rate")."""
    if country != seller_country and vat_number:
        return Treatment(REVERSE_CHARGE, NOUGHT)
    valid = [(r.valid_from, r.rate) for r in rates if r.country == country and r.valid_from <= on]
    if not valid:
        raise Conflict("billing.no_rate", country=country, on=on)
    return Treatment(STANDARD, max(valid)[1])


def vat_rows(nets: Mapping[Treatment, Decimal]) -> list[VatRow]:
    """One row for each treatment: VAT is rounded once a row."""
    rows = [VatRow(t.category, t.rate, net, to_cent(net * t.rate)) for t, net in nets.items()]
    return sorted(rows, key=lambda row: (-row.rate, row.category))


def check_vat_number(country: str, scheme: str, enterprise_number: str, text: str) -> str:
    """The number without spaces and points, "" for none. Raises Invalid("billing.vat_number").

    In Belgium and France it follows from the enterprise number; in the Netherlands it has its own
    check digits (modulo 97 over all of it, letters as 10 to 35; or 11 over the number of the business).
    """
    number = re.sub(r"[\s.\-/]", "", text).upper()
    if not number:
        return ""
    if country == "NL":
        right = _is_dutch(number)
    elif country == "BE":
        right = number[:2] == "BE" and holds("kbo", number[2:]) and number == vat_of(scheme, enterprise_number)
    else:
        right = number == vat_of(scheme, enterprise_number)
    if not right:
        raise Invalid("billing.vat_number", field="vat_number", number=text.strip())
    return number


def _is_dutch(number: str) -> bool:
    if re.fullmatch(r"NL[0-9]{9}B[0-9]{2}", number) is None:
        return False
    if int("".join(str(int(character, 36)) for character in number)) % 97 == 1:
        return True
    digits = [int(d) for d in number[2:11]]
    return sum(d * w for d, w in zip(digits, range(9, 1, -1), strict=False)) % 11 == digits[8]
