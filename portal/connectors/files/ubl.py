"""Peppol BIS Billing 3: a UBL 2.1 invoice or credit note.

Source: OASIS UBL 2.1 and the Peppol BIS Billing 3.0 syntax binding of EN 16931.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element

from portal.connectors.errors import Refused
from portal.connectors.files import document as doc
from portal.connectors.files.document import Adjustment, Document, DocumentLine, Party, Totals, VatRow
from portal.connectors.files.references import structured
from portal.connectors.files.xml_tree import Tree, text_at
from portal.connectors.statement import Warning_

FORMAT = "ubl"
INVOICE = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CREDIT = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
# Identifier schemes whose number is the enterprise number (ISO 6523).
_ENTERPRISE = {"0208": "BE", "0106": "NL", "0002": "FR", "0009": "FR"}


def identify(tree: Tree) -> bool:
    return (tree.namespace, tree.root.tag) in ((INVOICE, "Invoice"), (CREDIT, "CreditNote"))


def read(tree: Tree) -> Document:
    """Raises Refused("document.…")."""
    return _Reading(tree.root).document()


class _Reading:
    """One document; amounts are checked to be in its currency as they are read."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._credit = root.tag == "CreditNote"
        self._currency = text_at(root, "DocumentCurrencyCode")
        if len(self._currency) != 3 or not self._currency.isalpha():
            raise Refused("document.missing", what="DocumentCurrencyCode")
        self._warnings: list[Warning_] = []

    def document(self) -> Document:
        root = self._root
        code = text_at(root, "CreditNoteTypeCode" if self._credit else "InvoiceTypeCode")
        number = text_at(root, "ID")
        if not number:
            raise Refused("document.missing", what="ID")
        lines, vat, totals = tuple(self._lines()), self._vat(), self._totals()
        if not lines:
            raise Refused("document.missing", what="CreditNoteLine" if self._credit else "InvoiceLine")
        self._warnings += doc.check(totals, vat, lines, tuple(self._adjustments()))
        return Document(
            kind="credit" if self._credit or code in doc.CREDIT_CODES else "invoice",
            number=number,
            date=_day(root, "IssueDate", required=True) or date.min,
            due_date=_day(root, "DueDate") or _day(root, "PaymentMeans/PaymentDueDate"),
            currency=self._currency,
            supplier=_party(root.find("AccountingSupplierParty/Party"), "AccountingSupplierParty"),
            customer=_party(root.find("AccountingCustomerParty/Party"), "AccountingCustomerParty"),
            totals=totals,
            vat=vat,
            lines=lines,
            iban=doc.bare(text_at(root, "PaymentMeans/PayeeFinancialAccount/ID")),
            payment_reference=next(filter(None, map(structured, _texts(root, "PaymentMeans/PaymentID"))), ""),
            self_billed=code in doc.SELF_BILLED_CODES,
            note=" ".join(_texts(root, "Note"))[:2000],
            warnings=tuple(self._warnings),
        )

    # ------------------------------------------------------------------ amounts

    def _amount(self, element: Element, path: str, *, required: bool = True) -> Decimal:
        found = element.find(path)
        if found is None and not required:
            return doc.NOUGHT
        if found is None:
            raise Refused("document.missing", what=path)
        currency = found.get("currencyID", self._currency)
        if currency != self._currency:
            raise Refused("document.currency", found=currency[:10], expected=self._currency, what=path)
        return doc.amount((found.text or "").strip(), path)

    def _totals(self) -> Totals:
        money = self._root.find("LegalMonetaryTotal")
        if money is None:
            raise Refused("document.missing", what="LegalMonetaryTotal")
        return Totals(
            net=self._amount(money, "TaxExclusiveAmount"),
            vat=self._tax_amount(),
            gross=self._amount(money, "TaxInclusiveAmount"),
            payable=self._amount(money, "PayableAmount"),
            lines=self._amount(money, "LineExtensionAmount"),
            allowances=self._amount(money, "AllowanceTotalAmount", required=False),
            charges=self._amount(money, "ChargeTotalAmount", required=False),
            prepaid=self._amount(money, "PrepaidAmount", required=False),
            rounding=self._amount(money, "PayableRoundingAmount", required=False),
        )

    def _tax_total(self) -> Element | None:
        """The total in the document's own currency; a second one may tell it in the currency of the VAT return."""
        for total in self._root.findall("TaxTotal"):
            told = total.find("TaxAmount")
            if told is not None and told.get("currencyID", self._currency) == self._currency:
                return total
        return None

    def _tax_amount(self) -> Decimal:
        total = self._tax_total()
        return doc.NOUGHT if total is None else self._amount(total, "TaxAmount")

    def _vat(self) -> tuple[VatRow, ...]:
        total = self._tax_total()
        rows: dict[tuple[str, Decimal], VatRow] = {}
        for part in () if total is None else total.findall("TaxSubtotal"):
            category, rate = _category(part.find("TaxCategory"))
            row = VatRow(category, rate, self._amount(part, "TaxableAmount"), self._amount(part, "TaxAmount"))
            before = rows.get((category, rate))
            if before is not None:
                row = VatRow(category, rate, before.net + row.net, before.vat + row.vat)
            rows[category, rate] = row
        if not rows:
            raise Refused("document.missing", what="TaxSubtotal")
        return tuple(rows.values())

    def _adjustments(self) -> Iterator[Adjustment]:
        for each in self._root.findall("AllowanceCharge"):
            category, rate = _category(each.find("TaxCategory"))
            sign = 1 if text_at(each, "ChargeIndicator") in ("true", "1") else -1
            yield Adjustment(sign * self._amount(each, "Amount"), category, rate)

    # ------------------------------------------------------------------ lines

    def _lines(self) -> Iterator[DocumentLine]:
        name, quantity = ("CreditNoteLine", "CreditedQuantity") if self._credit else ("InvoiceLine", "InvoicedQuantity")
        for position, line in enumerate(self._root.findall(name), start=1):
            if position > doc.LINES:
                raise Refused("file.too_many_entries", limit=f"{doc.LINES}")
            net = self._amount(line, "LineExtensionAmount")
            told = text_at(line, quantity)
            pieces = doc.amount(told, quantity, exact=False) if told else None
            warning = doc.line_warning(position, net, self._counted(line, pieces))
            if warning is not None:
                self._warnings.append(warning)
            category, rate = _category(line.find("Item/ClassifiedTaxCategory"))
            text = text_at(line, "Item/Name") or text_at(line, "Item/Description") or text_at(line, "Note")
            yield DocumentLine(text[:500], net, category, rate, pieces)

    def _counted(self, line: Element, pieces: Decimal | None) -> Decimal | None:
        """Quantity times price, with the line's own allowances and charges; None when it has no price."""
        price, each = text_at(line, "Price/PriceAmount"), text_at(line, "Price/BaseQuantity")
        if not price or pieces is None:
            return None
        base = doc.amount(each, "BaseQuantity", exact=False) if each else Decimal(1)
        counted = pieces * doc.amount(price, "PriceAmount", exact=False) / (base or Decimal(1))
        for part in line.findall("AllowanceCharge"):
            sign = 1 if text_at(part, "ChargeIndicator") in ("true", "1") else -1
            counted += sign * self._amount(part, "Amount")
        return counted


def _category(element: Element | None) -> tuple[str, Decimal]:
    """The norm asks for a category at every amount; without one it is told apart as "O", outside VAT, at nought."""
    return (text_at(element, "ID") or "O")[:2].upper(), doc.percentage(text_at(element, "Percent"))


def _texts(root: Element, path: str) -> Iterator[str]:
    return (" ".join((found.text or "").split()) for found in root.findall(path))


def _day(root: Element, path: str, *, required: bool = False) -> date | None:
    """A plain date; a zone behind it moves nothing."""
    text = text_at(root, path)
    if not text and not required:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Refused("document.date", text=text[:40], what=path) from None


def _party(party: Element | None, what: str) -> Party:
    if party is None:
        raise Refused("document.missing", what=what)
    vat = ""
    for scheme in party.findall("PartyTaxScheme"):
        if text_at(scheme, "TaxScheme/ID").upper() in ("VAT", ""):
            vat = vat or doc.bare(text_at(scheme, "CompanyID"))
    name = text_at(party, "PartyLegalEntity/RegistrationName") or text_at(party, "PartyName/Name")
    if not name:
        raise Refused("document.missing", what=f"{what}/RegistrationName")
    return Party(
        name=name[:200],
        country=text_at(party, "PostalAddress/Country/IdentificationCode")[:2].upper(),
        vat_number=vat[:20],
        enterprise_number=_enterprise(party),
    )


def _enterprise(party: Element) -> str:
    """From the legal entity, else from an identifier or electronic address of a scheme that is one."""
    legal = doc.bare(text_at(party, "PartyLegalEntity/CompanyID"))
    digits = "".join(filter(str.isdigit, legal))
    if digits and len(digits) >= 8:
        return digits[:14]
    for path in ("PartyIdentification/ID", "EndpointID"):
        for found in party.findall(path):
            if found.get("schemeID", "") in _ENTERPRISE:
                return "".join(filter(str.isdigit, found.text or ""))[:14]
    return ""
