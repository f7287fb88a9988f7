"""The document for machines: UBL 2.1 as Peppol BIS Billing 3 orders it.

Sources: OASIS UBL 2.1 (the order of elements), EN 16931 and Peppol BIS Billing 3.0 (what must be there).
A day's line is `days × price ÷ days of the month`: the price with its base quantity says just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from portal.billing import wording
from portal.billing.models import CURRENCY, Invoice, InvoiceLine
from portal.billing.numbers import printed_reference
from portal.billing.printing import described, formats_of, words_of
from portal.billing.rules import next_month

_OASIS = "urn:oasis:names:specification:ubl:schema:xsd"
_CAC, _CBC = f"{_OASIS}:CommonAggregateComponents-2", f"{_OASIS}:CommonBasicComponents-2"
CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
# ISO 6523: the register in which the enterprise number stands.
REGISTER = {"BE": "0208", "NL": "0106", "FR": "0002"}
CREDIT_TRANSFER = "30"  # UNCL 4461
UNITS = {"month": "MON", "day": "DAY"}  # UN/ECE recommendation 20

register_namespace("cac", _CAC)
register_namespace("cbc", _CBC)


def document(invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
    """The bytes of the file."""
    return _Writing(invoice, lines).write()


class _Writing:
    """One document under way; elements are added in the order in which UBL wants them."""

    def __init__(self, invoice: Invoice, lines: Sequence[InvoiceLine]) -> None:
        self._invoice, self._lines = invoice, lines
        self._formats, self._say = formats_of(invoice), words_of(invoice.locale)
        self._kind = "CreditNote" if invoice.kind == "credit" else "Invoice"

    def write(self) -> bytes:
        # The default namespace by hand: ElementTree would give it a prefix.
        root = Element(self._kind, {"xmlns": f"{_OASIS}:{self._kind}-2"})
        self._head(root)
        self._party(_group(root, "AccountingSupplierParty"), self._invoice.seller)
        self._party(_group(root, "AccountingCustomerParty"), self._invoice.buyer)
        if self._kind == "Invoice":
            self._payment(root)
        self._tax(root)
        self._total(root)
        for line in self._lines:
            self._line(root, line)
        content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
        return content

    def _head(self, root: Element) -> None:
        invoice = self._invoice
        _text(root, "CustomizationID", CUSTOMIZATION)
        _text(root, "ProfileID", PROFILE)
        _text(root, "ID", invoice.number)
        _text(root, "IssueDate", invoice.issued_on.isoformat())
        if self._kind == "Invoice":
            _text(root, "DueDate", invoice.due_on.isoformat())
        _text(root, f"{self._kind}TypeCode", "380" if self._kind == "Invoice" else "381")
        if invoice.reason:
            _text(root, "Note", invoice.reason)
        _text(root, "DocumentCurrencyCode", CURRENCY)
        _text(root, "BuyerReference", str(invoice.buyer["enterprise_number"]))
        _period(root, min(line.month for line in self._lines), max(line.month for line in self._lines))
        for earlier in invoice.refers_to:
            reference = _group(_group(root, "BillingReference"), "InvoiceDocumentReference")
            _text(reference, "ID", earlier["number"])
            _text(reference, "IssueDate", earlier["issued_on"])

    def _party(self, into: Element, party: dict[str, Any]) -> None:
        scheme, number = REGISTER[party["country"]], str(party["enterprise_number"])
        made = _group(into, "Party")
        _text(made, "EndpointID", number, schemeID=scheme)
        _text(_group(made, "PartyName"), "Name", party["name"])
        address = _group(made, "PostalAddress")
        for name, key in (("StreetName", "street"), ("CityName", "city"), ("PostalZone", "postcode")):
            if party[key]:
                _text(address, name, party[key])
        _text(_group(address, "Country"), "IdentificationCode", party["country"])
        if party["vat_number"]:
            tax = _group(made, "PartyTaxScheme")
            _text(tax, "CompanyID", party["vat_number"])
            _text(_group(tax, "TaxScheme"), "ID", "VAT")
        legal = _group(made, "PartyLegalEntity")
        _text(legal, "RegistrationName", party["name"])
        _text(legal, "CompanyID", number, schemeID=scheme)
        if party["email"]:
            _text(_group(made, "Contact"), "ElectronicMail", party["email"])

    def _payment(self, root: Element) -> None:
        reference = self._invoice.payment_reference
        means = _group(root, "PaymentMeans")
        _text(means, "PaymentMeansCode", CREDIT_TRANSFER)
        _text(means, "PaymentID", reference if reference.startswith("RF") else printed_reference(reference))
        account = _group(means, "PayeeFinancialAccount")
        _text(account, "ID", self._invoice.seller["iban"])
        _text(account, "Name", self._invoice.seller["name"])
        if self._invoice.seller["bic"]:
            _text(_group(account, "FinancialInstitutionBranch"), "ID", self._invoice.seller["bic"])

    def _tax(self, root: Element) -> None:
        total = _group(root, "TaxTotal")
        _amount(total, "TaxAmount", self._invoice.vat)
        for row in self._invoice.vat_rows:
            part = _group(total, "TaxSubtotal")
            _amount(part, "TaxableAmount", Decimal(row["net"]))
            _amount(part, "TaxAmount", Decimal(row["vat"]))
            self._category(_group(part, "TaxCategory"), row["category"], Decimal(row["rate"]), reason=True)

    def _category(self, into: Element, category: str, rate: Decimal, *, reason: bool = False) -> None:
        _text(into, "ID", category)
        _text(into, "Percent", f"{rate * 100:.2f}")
        if reason and category == "AE":
            _text(into, "TaxExemptionReasonCode", "VATEX-EU-AE")
            _text(into, "TaxExemptionReason", self._say(wording.REVERSE_CHARGE))
        _text(_group(into, "TaxScheme"), "ID", "VAT")

    def _total(self, root: Element) -> None:
        invoice, total = self._invoice, _group(root, "LegalMonetaryTotal")
        for name, amount in (("LineExtensionAmount", invoice.net), ("TaxExclusiveAmount", invoice.net),
                             ("TaxInclusiveAmount", invoice.gross), ("PayableAmount", invoice.gross)):  # fmt: skip
            _amount(total, name, amount)

    def _line(self, root: Element, line: InvoiceLine) -> None:
        made = _group(root, f"{self._kind}Line")
        _text(made, "ID", str(line.position))
        quantity = "InvoicedQuantity" if self._kind == "Invoice" else "CreditedQuantity"
        unit = UNITS[line.unit]
        _text(made, quantity, str(line.quantity), unitCode=unit)
        _amount(made, "LineExtensionAmount", line.net)
        _period(made, line.month, line.month)
        item = _group(made, "Item")
        _text(item, "Name", described(line, self._formats, self._say))
        self._category(_group(item, "ClassifiedTaxCategory"), line.category, line.rate)
        price = _group(made, "Price")
        _amount(price, "PriceAmount", line.price)
        _text(price, "BaseQuantity", str(line.of_days if line.unit == "day" else 1), unitCode=unit)


def _group(into: Element, name: str) -> Element:
    return SubElement(into, f"{{{_CAC}}}{name}")


def _text(into: Element, name: str, text: str, **attributes: str) -> None:
    SubElement(into, f"{{{_CBC}}}{name}", attributes).text = text


def _amount(into: Element, name: str, amount: Decimal) -> None:
    _text(into, name, f"{amount:.2f}", currencyID=CURRENCY)


def _period(into: Element, first: date, last: date) -> None:
    """Whole months, from the first day of the one to the last day of the other."""
    made = _group(into, "InvoicePeriod")
    _text(made, "StartDate", first.isoformat())
    _text(made, "EndDate", (next_month(last) - timedelta(days=1)).isoformat())
