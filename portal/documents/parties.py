"""Who is who on a document: numbers made comparable, and on which side the client stands."""

from __future__ import annotations

import re

from portal.connectors.errors import Refused
from portal.connectors.files.document import Document, Party, bare
from portal.tenants.models import Tenant
from portal.tenants.numbers import holds, vat_of


def numbers_of(country: str, vat_number: str, enterprise_number: str) -> list[str]:
    """Keys like "kbo:0417497106", "siren:…", "kvk:…" or "vat:NL…", the surest first; a mistyped number is none."""
    found = [*_of_vat(bare(vat_number)), *_of_enterprise(country, re.sub(r"\D", "", enterprise_number))]
    return list(dict.fromkeys(found))


def _of_vat(vat: str) -> list[str]:
    country, rest = vat[:2], vat[2:]
    if country == "BE":
        digits = rest.zfill(10) if len(rest) == 9 else rest
        return [f"kbo:{digits}"] if holds("kbo", digits) else []
    if country == "FR":
        siren = rest[2:]
        fits = holds("siren", siren) and (not rest[:2].isdigit() or vat_of("siren", siren) == vat)
        return [f"siren:{siren}"] if fits else []
    return [f"vat:{vat}"] if len(rest) >= 6 and country.isalpha() and any(map(str.isdigit, rest)) else []


def _of_enterprise(country: str, digits: str) -> list[str]:
    if country == "BE" or (not country and len(digits) == 10):
        digits = digits.zfill(10) if len(digits) == 9 else digits
        return [f"kbo:{digits}"] if holds("kbo", digits) else []
    if country == "NL":
        return [f"kvk:{digits[:8]}"] if len(digits) in (8, 12) and holds("kvk", digits[:8]) else []
    if country == "FR":
        return [f"siren:{digits[:9]}"] if len(digits) in (9, 14) and holds("siren", digits[:9]) else []
    return [f"{country.lower()}:{digits}"] if country and digits else []


def key_of(party: Party, iban: str = "") -> str:
    """What tells this party apart from others: a number, else the account it is paid on, else its name."""
    numbers = numbers_of(party.country, party.vat_number, party.enterprise_number)
    if numbers:
        return numbers[0]
    name = " ".join(party.name.casefold().split())
    return f"iban:{iban}" if iban else f"name:{name}" if name else ""


def direction_of(document: Document, client: Tenant) -> str:
    """ "sales" when the client is the supplier, "purchase" when it is the customer.

    Raises Refused("document.other_client" | "document.both_sides").
    """
    if document.kind == "takings":
        return "sales"
    sells, buys = _is(document.supplier, client), _is(document.customer, client)
    if sells and buys:
        raise Refused("document.both_sides", name=client.name)
    if not sells and not buys:
        raise Refused(
            "document.other_client", client=client.name,
            supplier=document.supplier.name, customer=document.customer.name,
        )  # fmt: skip
    return "sales" if sells else "purchase"


def _is(party: Party, client: Tenant) -> bool:
    """By number; by name only when the document gives this party no number at all."""
    own = numbers_of(client.country, client.vat_number, client.enterprise_number)
    told = numbers_of(party.country, party.vat_number, party.enterprise_number)
    if told:
        return bool(set(own) & set(told))
    if party.vat_number or party.enterprise_number:
        return False
    return " ".join(party.name.casefold().split()) == " ".join(client.name.casefold().split())
