"""An invoice, credit note or day of takings as read, and whether its totals agree.

The rules are those of EN 16931 that Peppol BIS Billing 3 and Factur-X share (BR-CO-10 to 17 and
BR-S-08 and its kin): sums agree to the cent; only where the norm itself rounds by rate does it
leave less than one unit of currency, which is told as a warning.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from portal.connectors.errors import Refused
from portal.connectors.statement import Warning_

Day = date
CENT = Decimal("0.01")
NOUGHT = Decimal(0)
UNIT = Decimal(1)  # what the norm allows between a rate's VAT and its base
LINES = 20_000
# UNCL 1001: which type codes make a credit note, and which are made out by the customer.
CREDIT_CODES = frozenset(("81", "83", "261", "296", "308", "381", "396", "420", "458", "532"))
SELF_BILLED_CODES = frozenset(("261", "389", "527"))
_AMOUNT = re.compile(r"[+-]?(\d{1,13}(\.\d*)?|\.\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Party:
    name: str = ""
    country: str = ""  # ISO 3166 alpha-2
    vat_number: str = ""  # with its country, letters and digits only
    enterprise_number: str = ""  # digits


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """`net` is what the line adds to the document, without VAT; `rate` 0.21 for 21 %."""

    description: str
    net: Decimal
    category: str
    rate: Decimal
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class VatRow:
    category: str  # UNCL 5305: S, Z, E, AE, K, G, O, L, M
    rate: Decimal
    net: Decimal
    vat: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """`lines`, `allowances` and `charges` are None where the document does not tell them."""

    net: Decimal
    vat: Decimal
    gross: Decimal
    payable: Decimal
    lines: Decimal | None = None
    allowances: Decimal = NOUGHT
    charges: Decimal = NOUGHT
    prepaid: Decimal = NOUGHT
    rounding: Decimal = NOUGHT


@dataclass(frozen=True, slots=True)
class Document:
    """Amounts as printed: a credit note's are positive."""

    kind: str  # "invoice", "credit" or "takings"
    number: str
    date: Day
    currency: str
    supplier: Party
    customer: Party
    totals: Totals
    vat: tuple[VatRow, ...]
    lines: tuple[DocumentLine, ...] = ()
    due_date: Day | None = None
    iban: str = ""  # to be paid to
    payment_reference: str = ""  # structured and valid, see `references.structured`; else ""
    self_billed: bool = False  # numbered and made out by the customer
    note: str = ""
    warnings: tuple[Warning_, ...] = ()


@dataclass(frozen=True, slots=True)
class Adjustment:
    """An allowance (negative) or charge on the whole document."""

    amount: Decimal
    category: str
    rate: Decimal


# ------------------------------------------------------------------ values


def amount(text: str, what: str, *, exact: bool = True) -> Decimal:
    """A number with a point. `exact`: to the cent, or it is refused.

    Raises Refused("document.amount" | "document.decimals" | "document.missing").
    """
    if not text:
        raise Refused("document.missing", what=what)
    if _AMOUNT.fullmatch(text) is None:
        raise Refused("document.amount", text=text[:40], what=what)
    value = Decimal(text)
    if not exact:
        return value
    if value != value.quantize(CENT):
        raise Refused("document.decimals", text=text[:40], what=what)
    return value.quantize(CENT)


def percentage(text: str) -> Decimal:
    """ "21.00" → 0.21; nothing told is nought."""
    if not text:
        return NOUGHT
    value = amount(text, "%", exact=False) / 100
    if not NOUGHT <= value < 1 or value != value.quantize(Decimal("0.0001")):
        raise Refused("document.rate", text=text[:40])
    return value.quantize(Decimal("0.0001")).normalize() + NOUGHT


def bare(text: str) -> str:
    """Letters and digits, in capitals: "BE 0417.497.106" → "BE0417497106"."""
    return re.sub(r"[^0-9A-Z]", "", text.upper()) if text.isascii() else ""


# ------------------------------------------------------------------ totals


def check(
    totals: Totals, vat: tuple[VatRow, ...], lines: tuple[DocumentLine, ...], adjustments: tuple[Adjustment, ...] = ()
) -> tuple[Warning_, ...]:
    """What is odd but allowed. Raises Refused("document.sum") for totals that do not agree."""
    if lines and totals.lines is not None:
        _equal("BR-CO-10", totals.lines, sum((line.net for line in lines), NOUGHT))
    if totals.lines is not None:
        _equal("BR-CO-11", totals.allowances, -sum((each.amount for each in adjustments if each.amount < 0), NOUGHT))
        _equal("BR-CO-12", totals.charges, sum((each.amount for each in adjustments if each.amount > 0), NOUGHT))
        _equal("BR-CO-13", totals.net, totals.lines - totals.allowances + totals.charges)
    if vat:
        _equal("BR-CO-14", totals.vat, sum((row.vat for row in vat), NOUGHT))
        _equal("BR-CO-18", totals.net, sum((row.net for row in vat), NOUGHT))
    _equal("BR-CO-15", totals.gross, totals.net + totals.vat)
    _equal("BR-CO-16", totals.payable, totals.gross - totals.prepaid + totals.rounding)
    return (*_rounded(vat), *(_spread(vat, lines, adjustments) if lines else ()))


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f}"


def _equal(rule: str, told: Decimal, counted: Decimal) -> None:
    if told != counted:
        raise Refused("document.sum", rule=rule, told=f"{told:.2f}", counted=f"{counted:.2f}")


def _rounded(vat: tuple[VatRow, ...]) -> Iterator[Warning_]:
    """BR-CO-17: the VAT of a rate is its base times the rate, give or take less than one unit."""
    for row in vat:
        counted = (row.net * row.rate).quantize(CENT, ROUND_HALF_UP)
        if counted == row.vat:
            continue
        values = {"rate": _percent(row.rate), "told": f"{row.vat:.2f}", "counted": f"{counted:.2f}"}
        if abs(counted - row.vat) >= UNIT:
            raise Refused("document.vat", line=None, rule="BR-CO-17", **values)
        yield Warning_("document.vat_rounded", values)


def _spread(
    vat: tuple[VatRow, ...], lines: tuple[DocumentLine, ...], adjustments: tuple[Adjustment, ...]
) -> Iterator[Warning_]:
    """BR-S-08 and its kin: the base of a rate is what the lines, allowances and charges of that rate add up to."""
    counted: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for line in lines:
        counted[line.category, line.rate] += line.net
    for each in adjustments:
        counted[each.category, each.rate] += each.amount
    told = {(row.category, row.rate): row.net for row in vat}
    for key in sorted(counted.keys() | told.keys()):
        difference = told.get(key, NOUGHT) - counted.get(key, NOUGHT)
        if not difference:
            continue
        values = {
            "rate": _percent(key[1]), "told": f"{told.get(key, NOUGHT):.2f}",
            "counted": f"{counted.get(key, NOUGHT):.2f}",
        }  # fmt: skip
        if abs(difference) >= UNIT:
            raise Refused("document.base", line=None, rule="BR-S-08", **values)
        yield Warning_("document.base_rounded", values)


def line_warning(position: int, net: Decimal, counted: Decimal | None) -> Warning_ | None:
    """R120 of Peppol: quantity times price, give or take two cents."""
    if counted is None or abs(net - counted.quantize(CENT, ROUND_HALF_UP)) <= 2 * CENT:
        return None
    return Warning_("document.line", {"line": str(position), "told": f"{net:.2f}", "counted": f"{counted:.2f}"})
