"""How one QIF file writes its dates and amounts. The format settles neither; the file may."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.connectors.errors import Refused
from portal.connectors.files.amounts import UNSETTLED, decimal_sign, read_amount
from portal.connectors.files.answers import Answers
from portal.connectors.files.qif_sections import Entry

_REMEMBERED = 4096  # dates cached per file, so that a hostile file cannot fill memory
_LONGEST = 40
_DATE = re.compile(
    r"(\d{1,4})[ /.-]{1,3}(\d{1,2})([ /.'-]{1,3})(\d{1,4})(?:[T ]\d\d:\d\d(?::\d\d)?)?|(\d{4})(\d\d)(\d\d)", re.ASCII
)
_USUAL = {  # the decimal sign, and what stands between thousands
    ".": re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3}){1,3}|\d{0,10})(?:\.\d{0,5})?", re.ASCII),
    ",": re.compile(r"[+-]?\d{1,3}(?:(?:\.\d{3}){1,3}|\d{0,10})(?:,\d{0,5})?", re.ASCII),
}
_CENTURY = 70  # two digits from here on are 19xx, unless an apostrophe stands before them


@dataclass(frozen=True, slots=True)
class Settled:
    """`day_first` and `sign` are None and "" where the file has nothing to tell apart."""

    day_first: bool | None
    sign: str  # "." or ","


def settle(entries: Iterable[Entry], answers: Answers) -> Settled:
    """Read on until a date shows the order and an amount the decimal sign, or to the end.

    Raises Refused "qif.date_order" or "qif.decimal_sign", which are questions, when the file
    needs what it does not show and it was not answered. Values that are neither a date nor an
    amount are left to whoever reads them.
    """
    order: bool | None = None
    sign = open_date = open_amount = ""
    for _, fields, _ in entries:
        if order is None and "D" in fields:
            text = fields["D"][1:].strip()
            order, is_open = _order(text)
            open_date = open_date or (text[:_LONGEST] if is_open else "")
        if not sign:
            for letter in "TU$":
                text = fields.get(letter, "")[1:].strip()
                shown = decimal_sign(text)
                if shown == UNSETTLED:
                    open_amount = open_amount or text[:_LONGEST]
                elif shown:
                    sign = shown
                    break
        if order is not None and sign:
            break
    if order is None:
        order = answers.day_first
        if order is None and open_date:
            raise Refused("qif.date_order", text=open_date)
    if not sign:
        sign = answers.decimal
        if not sign and open_amount:
            raise Refused("qif.decimal_sign", text=open_amount)
    return Settled(order, sign)


def _order(text: str) -> tuple[bool | None, bool]:
    """Whether a date shows that the day comes first, and whether it has two readings."""
    match = _DATE.fullmatch(text[:_LONGEST])
    if match is None or match[1] is None or len(match[1]) > 2:
        return None, False
    first, second = int(match[1]), int(match[2])
    if first > 12 >= second > 0:
        return True, False
    if second > 12 >= first > 0:
        return False, False
    return None, first != second


class Dates(dict[str, date]):
    """Date text → date, in the order that was settled."""

    def __init__(self, day_first: bool | None) -> None:
        super().__init__()
        self._day_first = day_first

    def __missing__(self, text: str) -> date:
        try:
            value = self._read(text.strip())
        except ValueError:
            raise Refused("qif.date", text=text.strip()[:_LONGEST]) from None
        if len(self) < _REMEMBERED:
            self[text] = value
        return value

    def _read(self, text: str) -> date:
        match = _DATE.fullmatch(text[:_LONGEST])
        if match is None:
            raise ValueError
        first, second, mark, last, *whole = match.groups()
        if whole[0] is not None:
            year, month, day = map(int, whole)
        elif len(first) == 4:
            year, month, day = int(first), int(second), int(last)
        else:
            year = int(last)
            if len(last) < 3:
                year += 2000 if "'" in mark or year < _CENTURY else 1900
            elif len(last) == 3 or len(first) > 2:
                raise ValueError
            month, day = map(int, (second, first) if self._day_first else (first, second))
        return date(year, month, day)


class Amounts:
    """Amount text → Decimal, with the decimal sign that was settled; "" when there are no decimals."""

    def __init__(self, sign: str) -> None:
        self._sign = sign or "."
        self._other = "," if self._sign == "." else "."
        self._usual = _USUAL[self._sign].fullmatch

    def read(self, text: str) -> Decimal:
        if self._usual(text):
            return Decimal(text.replace(self._other, "").replace(",", "."))
        text = text.strip()
        try:
            return read_amount(text, self._sign)
        except ValueError:
            raise Refused("qif.amount", text=text[:_LONGEST]) from None
