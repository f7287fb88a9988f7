"""Structured references and account numbers, checked by their own check digits."""

from __future__ import annotations

import re

_PRINTED = re.compile(r"(?:\+{3}|\*{3})\s*(\d{3})/?(\d{4})/?(\d{5})\s*(?:\+{3}|\*{3})", re.ASCII)
_RIB = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "12345678912345678923456789")


def is_belgian(digits: str) -> bool:
    """True for the 12 digits of a Belgian structured communication: ten and their mod 97."""
    if not (len(digits) == 12 and digits.isascii() and digits.isdigit()):
        return False
    number, check = divmod(int(digits), 100)
    return (number % 97 or 97) == check


def printed_belgian(text: str) -> str:
    """The 12 digits of the first valid `+++123/4567/89002+++` in a free text, or ""."""
    if "+++" in text or "***" in text:
        match = _PRINTED.search(text)
        while match is not None:
            digits = match[1] + match[2] + match[3]
            number, check = divmod(int(digits), 100)
            if (number % 97 or 97) == check:
                return digits
            match = _PRINTED.search(text, match.end())
    return ""


def belgian_iban(bban: str) -> str:
    """The IBAN of a 12-digit Belgian account number; the number itself when its check fails."""
    if not is_belgian(bban):
        return bban
    return f"BE{98 - int(bban + '111400') % 97:02d}{bban}"


def is_rf(text: str) -> bool:
    """True for an ISO 11649 creditor reference: RF, two check digits, up to 21 letters and digits."""
    if re.fullmatch(r"RF\d{2}[0-9A-Z]{1,21}", text, re.ASCII) is None:
        return False
    turned = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def is_dutch(digits: str) -> bool:
    """True for a 16-digit Dutch payment reference (betalingskenmerk): its first digit checks the others, modulo 11."""
    if re.fullmatch(r"\d{16}", digits, re.ASCII) is None:
        return False
    weights = (2, 4, 8, 5, 10, 9, 7, 3, 6, 1, 2, 4, 8, 5, 10)
    total = sum(int(digit) * weight for digit, weight in zip(reversed(digits[1:]), weights, strict=True))
    rest = 11 - total % 11
    return int(digits[0]) == (1 if rest == 10 else 0 if rest == 11 else rest)


def structured(text: str) -> str:
    """A whole text that is one structured reference, bare: 12 digits (Belgian), RF… or 16 digits (Dutch); else ""."""
    if digits := printed_belgian(text):
        return digits
    plain = re.sub(r"[\s./+*-]", "", text).upper()
    return plain if is_belgian(plain) or is_rf(plain) or is_dutch(plain) else ""


def french_iban(bank: str, branch: str, account: str, key: str = "") -> str:
    """The IBAN of a French account (RIB) from its parts, 5 + 5 + 11 + 2 characters; "" when they are none.

    Without the two digits of the key they are worked out.
    """
    parts = f"{bank}{branch}{account}".upper()
    if (len(bank), len(branch), len(account)) != (5, 5, 11) or not (parts.isascii() and parts.isalnum()):
        return ""
    if not (bank + branch).isdigit():
        return ""
    digits = parts.translate(_RIB)
    found = f"{97 - (89 * int(digits[:5]) + 15 * int(digits[5:10]) + 3 * int(digits[10:])) % 97:02d}"
    if key not in ("", found):
        return ""
    number = "".join(str(int(character, 36)) for character in f"{parts}{found}FR00")
    return f"FR{98 - int(number) % 97:02d}{parts}{found}"


def is_iban(text: str) -> bool:
    """True for an IBAN without spaces whose check digits (ISO 7064, mod 97-10) hold."""
    if not (15 <= len(text) <= 34 and text.isascii() and text.isalnum() and text[:2].isalpha() and text[2:4].isdigit()):
        return False
    digits = "".join(str(int(character, 36)) for character in text[4:] + text[:4])
    return int(digits) % 97 == 1
