"""Enterprise numbers as dossiers carry them, in whatever field and spelling, made comparable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from portal.couplings.models import Dossier
from portal.tenants.models import Tenant
from portal.tenants.numbers import SCHEME_OF_COUNTRY, holds, luhn_holds, vat_of

_LA_POSTE = "356000000"  # its establishments do not follow Luhn (INSEE)


@dataclass(frozen=True, slots=True)
class Number:
    """`scheme` "kbo", "kvk", "siren" or "vat" (where VAT does not follow from the others)."""

    scheme: str
    digits: str


def of_client(client: Tenant) -> set[Number]:
    found = {Number(client.scheme, client.enterprise_number)}
    found.update(_of_vat(client.vat_number))
    return found


def of_dossier(dossier: Dossier) -> set[Number]:
    """All valid numbers that a dossier carries; a mistyped one (wrong check digits) is no number."""
    found = set(_of_enterprise(dossier.enterprise_number, dossier.country))
    found.update(_of_vat(dossier.vat_number))
    found.update(_of_siret(_digits(dossier.siret)))
    return found


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text) if text.isascii() else ""


def _of_enterprise(text: str, country: str) -> Iterator[Number]:
    digits = _digits(text)
    scheme = SCHEME_OF_COUNTRY.get(country)
    if scheme == "kbo" or (not scheme and len(digits) == 10):
        digits = digits.zfill(10) if len(digits) == 9 else digits
        if holds("kbo", digits):
            yield Number("kbo", digits)
    elif scheme == "kvk" or (not scheme and len(digits) == 8):
        # With the branch number behind it (12 digits) it is still the same enterprise.
        if len(digits) in (8, 12) and holds("kvk", digits[:8]):
            yield Number("kvk", digits[:8])
    elif len(digits) == 14:
        yield from _of_siret(digits)
    elif holds("siren", digits):
        yield Number("siren", digits)


def _of_siret(digits: str) -> Iterator[Number]:
    siren = digits[:9]
    if len(digits) == 14 and holds("siren", siren) and (luhn_holds(digits) or siren == _LA_POSTE):
        yield Number("siren", siren)


def _of_vat(text: str) -> Iterator[Number]:
    plain = re.sub(r"[^0-9A-Z]", "", text.upper())
    country, rest = plain[:2], plain[2:]
    if country == "BE":
        digits = rest.zfill(10) if len(rest) == 9 else rest
        if holds("kbo", digits):
            yield Number("kbo", digits)
    elif country == "FR":
        siren = rest[2:]
        # The two characters before the SIREN are a check on it, or letters in newer numbers.
        if holds("siren", siren) and (not rest[:2].isdigit() or vat_of("siren", siren) == plain):
            yield Number("siren", siren)
    elif country == "NL" and re.fullmatch(r"\d{9}B\d{2}", rest):
        yield Number("vat", plain)
