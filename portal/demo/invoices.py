"""Invoices behind the movements of the demo, as UBL, and takings as CSV: so that there is something to reconcile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from xml.sax.saxutils import escape

from portal.demo.movements import Movement

RATE, CENT = Decimal("0.21"), Decimal("0.01")
MOST = 8  # of one client
_NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd:"


@dataclass(frozen=True, slots=True)
class Side:
    name: str
    country: str
    vat_number: str = ""
    enterprise_number: str = ""


def of_movements(moves: Sequence[Movement], us: Side, iban: str) -> Iterator[tuple[str, bytes]]:
    """(file name, UBL) for payments of invoices in and out, dated some days before them."""
    paid = [move for move in moves if move.text.startswith(("Betaling factuur", "Factuur", "Huur"))]
    for number, move in enumerate(paid[:MOST], start=1):
        gross = abs(move.amount)
        net = (gross / (1 + RATE)).quantize(CENT, ROUND_HALF_UP)
        if (net * RATE).quantize(CENT, ROUND_HALF_UP) != gross - net:
            continue  # no whole cents make this total at one rate
        on = move.date - timedelta(days=5 + number)
        them = Side(move.partner, us.country)
        sides = (us, them) if move.amount > 0 else (them, us)
        name = f"{'V' if move.amount > 0 else 'A'}-{on:%Y%m}-{number:02d}"
        to = iban if move.amount > 0 else move.iban
        yield f"{name}.xml", _ubl(name, on, sides, to, move.structured, move.text, (net, gross - net))


def _ubl(
    number: str, on: date, sides: tuple[Side, Side], iban: str, reference: str, text: str, amounts: tuple[Decimal, ...]
) -> bytes:
    net, vat = amounts
    means = f"<cbc:PaymentID>{reference}</cbc:PaymentID>" if reference else ""
    category = "<cbc:ID>S</cbc:ID><cbc:Percent>21</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="{_NAMESPACE}Invoice-2" xmlns:cac="{_NAMESPACE}CommonAggregateComponents-2"
 xmlns:cbc="{_NAMESPACE}CommonBasicComponents-2">
<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0</cbc:CustomizationID>
<cbc:ID>{number}</cbc:ID><cbc:IssueDate>{on}</cbc:IssueDate><cbc:DueDate>{on + timedelta(days=30)}</cbc:DueDate>
<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
<cac:AccountingSupplierParty>{_party(sides[0])}</cac:AccountingSupplierParty>
<cac:AccountingCustomerParty>{_party(sides[1])}</cac:AccountingCustomerParty>
<cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>{means}
<cac:PayeeFinancialAccount><cbc:ID>{iban}</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
<cac:TaxTotal>{_amount("TaxAmount", vat)}<cac:TaxSubtotal>{_amount("TaxableAmount", net)}{_amount("TaxAmount", vat)}
<cac:TaxCategory>{category}</cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>
<cac:LegalMonetaryTotal>{_amount("LineExtensionAmount", net)}{_amount("TaxExclusiveAmount", net)}
{_amount("TaxInclusiveAmount", net + vat)}{_amount("PayableAmount", net + vat)}</cac:LegalMonetaryTotal>
<cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode="C62">1</cbc:InvoicedQuantity>
{_amount("LineExtensionAmount", net)}<cac:Item><cbc:Name>{escape(text)}</cbc:Name>
<cac:ClassifiedTaxCategory>{category}</cac:ClassifiedTaxCategory></cac:Item>
<cac:Price>{_amount("PriceAmount", net)}</cac:Price></cac:InvoiceLine></Invoice>""".encode()


def _amount(name: str, value: Decimal) -> str:
    return f'<cbc:{name} currencyID="EUR">{value:.2f}</cbc:{name}>'


def _party(side: Side) -> str:
    tax = (
        f"<cac:PartyTaxScheme><cbc:CompanyID>{side.vat_number}</cbc:CompanyID>"
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>" if side.vat_number else ""
    )  # fmt: skip
    legal = f"<cbc:CompanyID>{side.enterprise_number}</cbc:CompanyID>" if side.enterprise_number else ""
    return (
        f"<cac:Party><cac:PartyName><cbc:Name>{escape(side.name)}</cbc:Name></cac:PartyName><cac:PostalAddress>"
        f"<cac:Country><cbc:IdentificationCode>{side.country}</cbc:IdentificationCode></cac:Country>"
        f"</cac:PostalAddress>{tax}<cac:PartyLegalEntity>"
        f"<cbc:RegistrationName>{escape(side.name)}</cbc:RegistrationName>{legal}</cac:PartyLegalEntity></cac:Party>"
    )


def takings(client: int, first: date) -> bytes:
    """Three days of a cash register, at two rates."""
    rows = ["date;number;description;rate;net;vat;gross"]
    for day in range(3):
        for rate, text, base in ((6, "Counter", 180), (21, "Drinks", 90)):
            net = Decimal(base + client % 7 * 11 + day * 13).quantize(CENT)
            vat = (net * rate / 100).quantize(CENT, ROUND_HALF_UP)
            on = first + timedelta(days=day)
            rows.append(f"{on};Z-{first:%y%m}{day:02d};{text};{rate};{net};{vat};{net + vat}")
    return ("\n".join(rows) + "\n").encode()
