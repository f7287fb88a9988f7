"""Structured references and account numbers, checked by their own check digits."""

from __future__ import annotations

import re

_PRINTED = re.compile(r"(?:\+{3}|\*{3})\s*(\d{3})/?(\d{4})/?(\d{5})\s*(?:\+{3}|\*{3})")


def is_belgian(digits: str) -> bool:
    """True for the 12 digits of a Belgian structured communication: ten and their mod 97."""
    if not (len(digits) == 12 and digits.isascii() and digits.isdigit()):
        return False
    number, check = divmod(int(digits), 100)
    return (number % 97 or 97) == check


def printed_belgian(text: str) -> str:
    """The 12 digits of the first valid `+++123/4567/89002+++` in a free text, or ""."""
    if "+++" in text or "***" in text:
        for match in _PRINTED.finditer(text):
            digits = "".join(match.groups())
            if is_belgian(digits):
                return digits
    return ""


def belgian_iban(bban: str) -> str:
    """The IBAN of a 12-digit Belgian account number; the number itself when its check fails."""
    if not is_belgian(bban):
        return bban
    return f"BE{98 - int(bban + '111400') % 97:02d}{bban}"
