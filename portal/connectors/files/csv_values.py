"""Dates and amounts as banks write them in tables, and what a column leaves open.

An amount is taken for what it is only when the whole file allows one reading: "1,234" is one
thousand or one and a bit, and nobody can tell from that cell alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import lru_cache

from portal.connectors.errors import Refused
from portal.connectors.files.amounts import UNSETTLED, decimal_sign

_REMEMBERED = 4096  # distinct texts kept per file, so that a hostile file cannot fill memory
_LONGEST = 40  # characters of an amount or a date

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "dmy", "mdy", "ymd"
ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
MARKS = (",", ".")

# ------------------------------------------------------------------ dates

_PARTS = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})\.?(?:[T ,]+\d{1,2}[:.]\d{2}.{0,20})?", re.ASCII)
_SOLID = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[T ]?\d{4,6})?", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})[-/. ]+([^\W\d_]{3,9})\.?[-/. ,]+(\d{4}|\d{2})(?:[T ,]+\d{1,2}[:.]\d{2}.{0,20})?")
_MONTHS = (
    ("jan",), ("feb", "fév", "fev"), ("mar", "maa", "mrt", "mär", "mrz"), ("apr", "avr"), ("may", "mei", "mai"),
    ("jun", "juin"), ("jul", "juil"), ("aug", "aoû", "aou"), ("sep",), ("oct", "okt"), ("nov",), ("dec", "déc", "dez"),
)  # fmt: skip


def date_parts(text: str) -> tuple[str, str, str, str] | None:
    """(first, second, third, separator) of a date in figures, None for anything else."""
    if len(text) > _LONGEST:
        return None
    if match := _SOLID.fullmatch(text):
        return match[1], match[2], match[3], ""
    if match := _PARTS.fullmatch(text):
        first, separator, second, third = match.groups()
        if (len(first), len(third)) in ((4, 1), (4, 2), (1, 4), (2, 4), (1, 2), (2, 2)):
            return first, second, third, separator.strip()
    return None


def is_date(text: str) -> bool:
    return any(read_date(text, order) for order in ORDERS)


@lru_cache(maxsize=_REMEMBERED)
def read_date(text: str, order: str) -> date | None:
    """`text` as a date; `order` counts only where the text does not show it. None when it is no date."""
    parts = date_parts(text)
    if parts is None:
        return _named_date(text)
    first, second, third, _ = parts
    if len(first) == 4:
        order = YEAR_FIRST
    elif len(third) == 4 and order == YEAR_FIRST:
        return None
    year, month, day = {
        DAY_FIRST: (third, second, first), MONTH_FIRST: (third, first, second), YEAR_FIRST: (first, second, third),
    }[order]  # fmt: skip
    return _date(year, int(month), int(day))


def _named_date(text: str) -> date | None:
    match = _NAMED.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    day, name, year = match.groups()
    name = name.lower()
    months = [number for number, starts in enumerate(_MONTHS, 1) if name.startswith(starts)]
    return _date(year, months[0], int(day)) if months else None


def _date(year: str, month: int, day: int) -> date | None:
    number = int(year) if len(year) == 4 else 2000 + int(year)
    try:
        return date(number, month, day) if 1950 <= number <= 2199 else None
    except ValueError:
        return None


class DateOrder:
    """Which order of day, month and year all dates of a file allow."""

    def __init__(self, last: date) -> None:
        """Dates after `last` are not believed of a booked movement."""
        self._last = last
        self._possible = set(ORDERS)
        self._seen: set[str] = set()
        self.example = ""

    def see(self, text: str) -> None:
        if text in self._seen or len(self._seen) >= _REMEMBERED:
            return
        self._seen.add(text)
        parts = date_parts(text)
        if parts is None or len(parts[0]) == 4:
            return
        # No country puts the month first between full stops.
        orders = {DAY_FIRST, YEAR_FIRST} if parts[3] == "." else set(ORDERS)
        fits = {order for order in orders if (day := read_date(text, order)) and day <= self._last}
        self.example = self.example or text
        if fits and not self._possible & fits:
            raise Refused("csv.date_mixed", text=text, example=self.example)
        if fits:
            self._possible &= fits

    @property
    def settled(self) -> str:
        """The one order that fits, the first of all where nothing asks for any, "" while it is open."""
        if not self.example:
            return DAY_FIRST
        return next(iter(self._possible)) if len(self._possible) == 1 else ""

    def allows(self, order: str) -> bool:
        return order in self._possible


# ------------------------------------------------------------------ amounts

_AROUND = re.compile(r"^(?:[A-Z]{3}\s+|(?:EUR|USD|GBP|CHF|[€$£])\s*)|(?:\s+[A-Z]{3}|\s*(?:EUR|USD|GBP|CHF|[€$£]))$")
_SPACES = re.compile(r"(?<=\d)[\s\u00a0\u202f'’](?=\d{3}(?!\d))")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*[.,]?|[.,]\d+", re.ASCII)
_SHAPES = {
    ",": re.compile(r"(?:\d+|\d{1,3}(?:\.\d{3})+)?(?:,\d*)?", re.ASCII),
    ".": re.compile(r"(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?", re.ASCII),
}
_DECIMALS = 5


def plain_figure(text: str) -> tuple[str, str] | None:
    """(sign, figure with its marks) of an amount, None for anything else: " € -1 234,50" → ("-", "1234,50")."""
    if len(text) > _LONGEST:
        return None
    text = text.strip().replace("−", "-")
    text = _AROUND.sub("", text).strip()
    sign = ""
    if text.startswith("(") and text.endswith(")"):
        text, sign = text[1:-1].strip(), "-"
    elif text[:1] in ("+", "-"):
        text, sign = text[1:].strip(), text[0]
    elif text[-1:] in ("+", "-"):
        text, sign = text[:-1].strip(), text[-1]
    text = _AROUND.sub("", text).strip()
    if text[:1] == "-" and not sign:
        text, sign = text[1:].strip(), "-"
    text = _SPACES.sub("", text)
    return (sign, text) if _FIGURE.fullmatch(text) else None


def is_amount(text: str) -> bool:
    return plain_figure(text) is not None


class DecimalMark:
    """Which decimal mark all amounts of a file allow."""

    def __init__(self) -> None:
        self.settled = ""
        self.example = ""  # the first figure that fits both ways

    def see(self, text: str) -> None:
        """Raises Refused("csv.decimal_mixed") when `text` proves another mark than the cells before it."""
        found = plain_figure(text)
        if found is None:
            return
        mark = decimal_sign(found[1])
        if mark == UNSETTLED:
            self.example = self.example or text
        elif mark:
            if not _SHAPES[mark].fullmatch(found[1]):
                raise Refused("csv.amount", text=text)
            if self.settled and mark != self.settled:
                raise Refused("csv.decimal_mixed", text=text, mark=self.settled)
            self.settled = mark


def amount_reader(mark: str) -> Callable[[str], Decimal]:
    """What reads amounts with one decimal mark. Unreadable text raises Refused."""
    simple = re.compile(rf"[+-]?\d+[{mark}]\d\d?", re.ASCII).fullmatch

    def read(text: str) -> Decimal:
        # Most are written plainly, and this is asked once or twice of every row.
        return Decimal(text.replace(",", ".")) if simple(text) else _read_amount(text, mark)

    return read


def _read_amount(text: str, mark: str) -> Decimal:
    found = plain_figure(text)
    if found is None:
        raise Refused("csv.amount", text=text[:_LONGEST])
    sign, figure = found
    if not _SHAPES[mark].fullmatch(figure):
        raise Refused("csv.decimal_mixed", text=text, mark=mark)
    whole, _, rest = figure.replace("." if mark == "," else ",", "").partition(mark)
    if len(rest.rstrip("0")) > _DECIMALS:
        raise Refused("csv.decimals", text=text)
    return Decimal(f"{sign}{whole or '0'}.{rest or '0'}") if rest else Decimal(f"{sign}{whole or '0'}")
