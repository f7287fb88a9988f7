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


def number_keys(country: str, vat_number: str, enterprise_number: str) -> list[str]:
    """What tells an enterprise apart, the surest first: "kbo:0417497106", "siren:…", "kvk:…", "vat:NL…".

    However the numbers are written; one that is mistyped (wrong check digits) is no number.
    """
    vat = re.sub(r"[^0-9A-Z]", "", vat_number.upper()) if vat_number.isascii() else ""
    digits = re.sub(r"\D", "", enterprise_number) if enterprise_number.isascii() else ""
    return list(dict.fromkeys([*_keys_of_vat(vat), *_keys_of_enterprise(country, digits)]))


def _keys_of_vat(vat: str) -> list[str]:
    country, rest = vat[:2], vat[2:]
    if country == "BE":
        digits = rest.zfill(10) if len(rest) == 9 else rest
        return [f"kbo:{digits}"] if holds("kbo", digits) else []
    if country == "FR":
        siren = rest[2:]
        fits = holds("siren", siren) and (not rest[:2].isdigit() or vat_of("siren", siren) == vat)
        return [f"siren:{siren}"] if fits else []
    return [f"vat:{vat}"] if len(rest) >= 6 and country.isalpha() and any(map(str.isdigit, rest)) else []


def _keys_of_enterprise(country: str, digits: str) -> list[str]:
    if country == "BE" or (not country and len(digits) == 10):
        digits = digits.zfill(10) if len(digits) == 9 else digits
        return [f"kbo:{digits}"] if holds("kbo", digits) else []
    if country == "NL":
        return [f"kvk:{digits[:8]}"] if len(digits) in (8, 12) and holds("kvk", digits[:8]) else []
    if country == "FR":
        return [f"siren:{digits[:9]}"] if len(digits) in (9, 14) and holds("siren", digits[:9]) else []
    return [f"{country.lower()}:{digits}"] if country and digits else []
