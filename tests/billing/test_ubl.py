"""The UBL is what the official schema and rules ask for, and says what the invoice says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from lxml import etree

from portal.access import Scope
from portal.billing import closing
from portal.billing.models import Invoice
from portal.connectors.files import ubl
from portal.connectors.files.xml_tree import read_tree
from portal.kernel.db import Setting
from portal.tenants import management
from portal.tenants.models import Tenant
from tests.billing.office import PRICES, Office, price
from tests.billing.schematron import faults

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
DUTCH = {"country": "NL", "scheme": "kvk", "enterprise_number": "91827364", "city": "Utrecht"}
FRENCH = {"country": "FR", "scheme": "siren", "enterprise_number": "732829320", "vat_number": "FR44732829320"}


def belgian(office: Office) -> tuple[Tenant, Invoice]:
    firm = office.firm("Peeters & <Lambrechts>")
    for number in range(3):
        office.client(firm, f"Whole {number}", date(2026, 3, 1))
    part = office.client(firm, "Drukkerij Ingels “NV”", date(2026, 3, 15))
    office.link(part, date(2026, 3, 1))
    return firm, _closed(office, firm, MARCH)


def reverse_charge(office: Office) -> tuple[Tenant, Invoice]:
    firm = office.firm("Cabinet Durand", **FRENCH)
    office.client(firm, "Boulangerie Delmotte", date(2026, 3, 7))
    return firm, _closed(office, firm, MARCH)


def abroad_without_a_number(office: Office) -> tuple[Tenant, Invoice]:
    firm = office.firm("Bakker & Zn", **DUTCH)
    office.client(firm, "Fietsenzaak", date(2026, 3, 7))
    return firm, _closed(office, firm, MARCH)


def split_by_a_price(office: Office) -> tuple[Tenant, Invoice]:
    office.load(PRICES + price("client_account", "2026-03-20", "0.01"))
    firm = office.firm()
    for number in range(20):
        office.client(firm, f"Client {number}", date(2026, 3, 1 + number))
    return firm, _closed(office, firm, MARCH)


def with_corrections(office: Office) -> tuple[Tenant, Invoice]:
    firm = office.firm()
    for number in range(4):
        office.client(firm, f"Client {number}", date(2026, 3, 1))
    gone = office.client(firm, "Gone", date(2026, 3, 1))
    _closed(office, firm, MARCH)
    _end(office, gone, date(2026, 3, 8))
    return firm, _closed(office, firm, APRIL)


def credit_note(office: Office) -> tuple[Tenant, Invoice]:
    firm = office.firm()
    gone = office.client(firm, "Gone", date(2026, 3, 1))
    _closed(office, firm, MARCH)
    _end(office, gone, date(2026, 3, 8))
    return firm, _closed(office, firm, APRIL)


def taken_back(office: Office) -> tuple[Tenant, Invoice]:
    firm, invoice = belgian(office)
    with office.inside(firm) as scope:
        return firm, closing.credit_invoice(scope, office.means(date(2026, 4, 2)), invoice.id, "Wrong address")


def taken_back_from_abroad(office: Office) -> tuple[Tenant, Invoice]:
    firm, invoice = reverse_charge(office)
    with office.inside(firm) as scope:
        return firm, closing.credit_invoice(scope, office.means(date(2026, 4, 2)), invoice.id, "")


Maker = Callable[[Office], tuple[Tenant, Invoice]]
EVERY: list[Maker] = [
    belgian, reverse_charge, abroad_without_a_number, split_by_a_price, with_corrections, credit_note, taken_back,
    taken_back_from_abroad,
]  # fmt: skip


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_the_official_schema_and_rules_find_nothing(office: Office, make: Maker) -> None:
    firm, invoice = make(office)
    content = office.content(firm, invoice, "ubl")
    assert faults(content) == []
    assert list(peppol_faults(etree.fromstring(content))) == []


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_our_own_reader_finds_the_same_document(office: Office, make: Maker) -> None:
    firm, invoice = make(office)
    read = ubl.read(read_tree(office.content(firm, invoice, "ubl")))
    assert read.warnings == ()
    assert (read.kind, read.number, read.date) == (invoice.kind, invoice.number, invoice.issued_on)
    assert (read.totals.net, read.totals.vat, read.totals.payable) == (invoice.net, invoice.vat, invoice.gross)
    assert [line.net for line in read.lines] == [line.net for line in office.lines(firm, invoice)]
    assert read.supplier.vat_number == "BE0945217389"
    assert (read.customer.name, read.customer.enterprise_number) == (firm.name, firm.enterprise_number)
    if invoice.kind == "invoice":
        assert read.due_date == invoice.due_on
        assert read.payment_reference == invoice.payment_reference
        assert read.iban == "BE71096123456769"


def test_a_damaged_document_is_found_out(office: Office) -> None:
    """The judges are awake."""
    firm, invoice = belgian(office)
    content = office.content(firm, invoice, "ubl")
    assert any(fault.startswith("BR-CO-15") for fault in faults(_turned(content, "TaxInclusiveAmount", "1.00")))
    assert any(fault.startswith("schema") for fault in faults(content.replace(b"cbc:DueDate", b"cbc:DueDay")))
    assert any(fault.startswith("R120") for fault in _peppol(_turned(content, "PriceAmount", "9.99")))
    assert any(fault.startswith("R010") for fault in _peppol(content.replace(b"cbc:EndpointID", b"cbc:EndpointIX")))


def test_the_reverse_charge_is_said_in_words(office: Office) -> None:
    firm, invoice = reverse_charge(office)
    tree = etree.fromstring(office.content(firm, invoice, "ubl"))
    (category,) = tree.iterfind(f"{CAC}TaxTotal/{CAC}TaxSubtotal/{CAC}TaxCategory")
    assert (category.findtext(f"{CBC}ID"), category.findtext(f"{CBC}Percent")) == ("AE", "0.00")
    assert category.findtext(f"{CBC}TaxExemptionReasonCode") == "VATEX-EU-AE"
    assert "2006/112/" in (category.findtext(f"{CBC}TaxExemptionReason") or "")


# ------------------------------------------------------------------ what Peppol asks beyond the norm


def peppol_faults(tree: Any) -> Iterator[str]:
    """The rules of Peppol BIS Billing 3 that a document as ours can break, written from their text."""
    if tree.findtext(f"{CBC}CustomizationID") != (
        "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
    ):
        yield "R004: specification identifier"
    if tree.findtext(f"{CBC}ProfileID") != "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0":
        yield "R007: business process"
    if not tree.findtext(f"{CBC}BuyerReference"):
        yield "R003: a buyer reference or order reference"
    for rule, party in (("R020", "AccountingSupplierParty"), ("R010", "AccountingCustomerParty")):
        endpoint = tree.find(f"{CAC}{party}/{CAC}Party/{CBC}EndpointID")
        if endpoint is None or endpoint.get("schemeID") not in ("0208", "0106", "0002"):
            yield f"{rule}: an electronic address of {party}"
        elif endpoint.get("schemeID") == "0208" and (97 - int(endpoint.text[:8]) % 97) != int(endpoint.text[8:]):
            yield "COMMON-R043: a Belgian enterprise number with its check digits"
    if len(tree.findall(f"{CBC}Note")) > 1:
        yield "R002: one note at most"
    if len(tree.findall(f"{CAC}TaxTotal")) != 1:
        yield "R053: one total of VAT with its parts"
    if any(element.get("currencyID") not in (None, "EUR") for element in tree.iter()):
        yield "R051: one currency"
    if any(not (element.text or "").strip() and len(element) == 0 for element in tree.iter()):
        yield "R008: no empty element"
    for line in (*tree.iterfind(f"{CAC}InvoiceLine"), *tree.iterfind(f"{CAC}CreditNoteLine")):
        yield from _line_faults(tree, line)


def _line_faults(tree: Any, line: Any) -> Iterator[str]:
    quantity = next(line.iterfind(f"{CBC}InvoicedQuantity"), None)
    quantity = quantity if quantity is not None else line.find(f"{CBC}CreditedQuantity")
    base = line.find(f"{CAC}Price/{CBC}BaseQuantity")
    amount, net = (
        Decimal(line.findtext(f"{CAC}Price/{CBC}PriceAmount")),
        Decimal(line.findtext(f"{CBC}LineExtensionAmount")),
    )
    counted = (Decimal(quantity.text) * amount / Decimal(base.text)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    if abs(counted - net) > Decimal("0.02"):
        yield f"R120: {quantity.text} × {amount} ÷ {base.text} is not {net}"
    if Decimal(base.text) <= 0:
        yield "R121: a base quantity above nought"
    if base.get("unitCode") != quantity.get("unitCode"):
        yield "R130: one unit for the quantity and the price's base"
    whole, part = tree.find(f"{CAC}InvoicePeriod"), line.find(f"{CAC}InvoicePeriod")
    if part.findtext(f"{CBC}StartDate") < whole.findtext(f"{CBC}StartDate"):
        yield "R110: a line's period within the document's"
    if part.findtext(f"{CBC}EndDate") > whole.findtext(f"{CBC}EndDate"):
        yield "R111: a line's period within the document's"


def _peppol(content: bytes) -> list[str]:
    return list(peppol_faults(etree.fromstring(content)))


def _turned(content: bytes, name: str, text: str) -> bytes:
    tree = etree.fromstring(content)
    next(tree.iter(f"{CBC}{name}")).text = text
    return etree.tostring(tree)


def _closed(office: Office, firm: Tenant, month: date) -> Invoice:
    invoice = office.close(firm, month)
    assert invoice is not None
    return invoice


def _end(office: Office, client: Tenant, on: date) -> None:
    with office.database.scoped(Setting(tenant=client.id)) as session:
        management.end_management(Scope.system(session, client.id), on)
