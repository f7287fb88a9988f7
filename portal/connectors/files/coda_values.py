"""Dates and amounts as CODA writes them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from portal.connectors.errors import Refused

_REMEMBERED = 4096  # dates cached per file, so that a hostile file cannot fill memory
_CENT = Decimal("0.01")
_THOUSANDTH = Decimal("0.001")


class Dates(dict[str, date | None]):
    """DDMMYY → date; 000000 and blank mean unknown. Years 80–99 are 19xx."""

    def __missing__(self, text: str) -> date | None:
        if text in ("000000", "      "):
            return None
        try:
            if not (text.isascii() and text.isdigit()):
                raise ValueError
            year = int(text[4:6])
            value = date(year + (1900 if year >= 80 else 2000), int(text[2:4]), int(text[:2]))
        except ValueError:
            raise Refused("coda.date", text=text) from None
        if len(self) < _REMEMBERED:
            self[text] = value
        return value

    def at(self, text: str, number: int) -> date | None:
        """The date in `text`; a refusal names the line."""
        try:
            return self[text]
        except Refused as refusal:
            refusal.line = number
            raise


def milli(text: str, number: int) -> int:
    """Fifteen digits, the last three decimals, as thousandths; `number` is the line they stand on."""
    if text.isdigit() and text.isascii():
        return int(text)
    raise Refused("coda.amount", line=number, text=text.strip())


def decimal(thousandths: int) -> Decimal:
    """Thousandths as a Decimal with two decimals, three where the third is not zero."""
    cents, rest = divmod(thousandths, 10)
    return _THOUSANDTH * thousandths if rest else _CENT * cents
