"""Amounts in formats that leave open whether the point or the comma is the decimal sign.

Never guessed: "1,234" is a thousand to one bank and one and a bit to another. What an amount
does not show by itself is taken from the other amounts of its file, or asked.
"""

from __future__ import annotations

import re
from decimal import Decimal

UNSETTLED = "?"

_LONGEST = 40
_SPACES = str.maketrans("", "", " '’\u00a0\u202f")
# No group of thousands begins with a nought: "0.001" is a thousandth, or nothing.
_GROUPED = r"[1-9]\d{0,2}(?P<g>[ '’\u00a0\u202f%(other)s])\d{3}(?:(?P=g)\d{3})*"
_NUMBER = rf"[+-]?(?:{_GROUPED}|\d+)?(?:%(decimal)s\d{{0,5}})?-?"
_SHAPES = {
    ".": re.compile(_NUMBER % {"decimal": r"\.", "other": ","}, re.ASCII),
    ",": re.compile(_NUMBER % {"decimal": ",", "other": "."}, re.ASCII),
}


def decimal_sign(text: str) -> str:
    """ "." or "," as an amount shows it, "" when it has neither, UNSETTLED when it may be either.

    Three digits after a single sign settle nothing, unless what stands before cannot be thousands.
    """
    points, commas = text.count("."), text.count(",")
    if not points and not commas:
        return ""
    if points and commas:
        return "." if text.rfind(".") > text.rfind(",") else ","
    sign = "." if points else ","
    if points + commas > 1:
        return "," if points else "."
    head, _, tail = text.strip("+- ").translate(_SPACES).partition(sign)
    return UNSETTLED if len(tail) == 3 and len(head) <= 3 and head[:1] not in ("", "0") else sign


def read_amount(text: str, sign: str) -> Decimal:
    """The amount when `sign` is its decimal sign ("" will do when it has none).

    At most 13 digits before and 5 after it: what a 64-bit integer with five implied decimals
    holds. Raises ValueError for anything else.
    """
    sign = sign or "."
    shape = _SHAPES[sign].fullmatch(text) if len(text) <= _LONGEST else None
    if shape is None:
        raise ValueError(text)
    plain = text.translate(_SPACES).replace("," if sign == "." else ".", "").replace(",", ".")
    if plain[-1:] == "-":
        plain = f"-{plain[:-1]}"
    whole = plain.lstrip("+-0").partition(".")[0]
    if len(whole) > 13 or not plain.strip("+-.") or plain.count("-") + plain.count("+") > 1:
        raise ValueError(text)
    return Decimal(plain)
