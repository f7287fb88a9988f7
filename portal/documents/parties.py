"""Who is who on a document: numbers made comparable, and on which side the client stands."""

from __future__ import annotations

from portal.connectors.errors import Refused
from portal.connectors.files.document import Document, Party
from portal.tenants.models import Tenant
from portal.tenants.numbers import number_keys


def key_of(party: Party, iban: str = "") -> str:
    """What tells this party apart from others: a number, else the account it is paid on, else its name."""
    numbers = number_keys(party.country, party.vat_number, party.enterprise_number)
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
    own = number_keys(client.country, client.vat_number, client.enterprise_number)
    told = number_keys(party.country, party.vat_number, party.enterprise_number)
    if told:
        return bool(set(own) & set(told))
    if party.vat_number or party.enterprise_number:
        return False
    return " ".join(party.name.casefold().split()) == " ".join(client.name.casefold().split())
