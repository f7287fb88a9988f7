"""Enterprise numbers of the three countries: KBO/BCE, KVK and SIREN, with their check digits.

Sources: FPS Economy (KBO: ten digits, 97 minus the first eight modulo 97), KVK (eight digits,
no published check), INSEE (SIREN: nine digits, Luhn).
"""

from __future__ import annotations

import re

from portal.kernel.errors import Invalid

SCHEMES = {"kbo": "BE", "kvk": "NL", "siren": "FR"}
SCHEME_OF_COUNTRY = {country: scheme for scheme, country in SCHEMES.items()}
_LENGTH = {"kbo": 10, "kvk": 8, "siren": 9}


def luhn_holds(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def holds(scheme: str, digits: str) -> bool:
    """Whether the digits are a possible number of this scheme."""
    if len(digits) != _LENGTH[scheme] or not digits.isascii() or not digits.isdigit() or not int(digits):
        return False
    if scheme == "kbo":
        return digits[0] in "01" and int(digits[:8]) % 97 + int(digits[8:]) == 97
    return scheme != "siren" or luhn_holds(digits)


def check_number(scheme: str, text: str) -> str:
    """The bare digits of what a person typed ("BE 0945.217.389"); raises Invalid with the reason.

    A Belgian number without its leading zero gets it, since older papers leave it out.
    """
    if scheme not in SCHEMES:
        raise Invalid("enterprise_number.scheme", field="scheme")
    bare = re.sub(r"^(BE|NL|FR|KBO|BCE|KVK|SIREN)\s*", "", text.strip(), flags=re.IGNORECASE)
    if re.search(r"[^0-9 .\-/\u00a0\u202f]", bare):
        raise Invalid("enterprise_number.characters", field="enterprise_number", number=text.strip())
    digits = re.sub(r"\D", "", bare)
    if scheme == "kbo" and len(digits) == 9:
        digits = "0" + digits
    if len(digits) != _LENGTH[scheme]:
        raise Invalid(
            "enterprise_number.length", field="enterprise_number", number=text.strip(), length=_LENGTH[scheme]
        )
    if not holds(scheme, digits):
        raise Invalid("enterprise_number.check", field="enterprise_number", number=text.strip())
    return digits


def vat_of(scheme: str, digits: str) -> str:
    """The VAT number that follows from the enterprise number, or "" when it does not (Netherlands)."""
    if scheme == "kbo":
        return f"BE{digits}"
    if scheme == "siren":
        return f"FR{(12 + 3 * (int(digits) % 97)) % 97:02d}{digits}"
    return ""
