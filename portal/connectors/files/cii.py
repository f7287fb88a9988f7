"""Factur-X and ZUGFeRD: a UN/CEFACT cross-industry invoice, D16B.

The profiles from BASIC on have lines; MINIMUM and BASIC WL have totals only, and are read as such.
"""

from __future__ import annotations

import re
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

FORMAT = "cii"
NAMESPACE = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:"
_RATES = tuple(map(Decimal, ("0.21", "0.2", "0.12", "0.1", "0.09", "0.06", "0.055", "0.021", "0")))


def identify(tree: Tree) -> bool:
    return tree.namespace.startswith(NAMESPACE) and tree.root.tag == "CrossIndustryInvoice"


def read(tree: Tree) -> Document:
    """Raises Refused("document.…")."""
    return _Reading(tree.root).document()


class _Reading:
    def __init__(self, root: Element) -> None:
        self._head = _needed(root, "ExchangedDocument")
        trade = _needed(root, "SupplyChainTradeTransaction")
        self._trade = trade
        self._agreement = _needed(trade, "ApplicableHeaderTradeAgreement")
        self._settlement = _needed(trade, "ApplicableHeaderTradeSettlement")
        self._currency = text_at(self._settlement, "InvoiceCurrencyCode")
        if len(self._currency) != 3 or not self._currency.isalpha():
            raise Refused("document.missing", what="InvoiceCurrencyCode")
        self._warnings: list[Warning_] = []

    def document(self) -> Document:
        code, number = text_at(self._head, "TypeCode"), text_at(self._head, "ID")
        if not number:
            raise Refused("document.missing", what="ExchangedDocument/ID")
        lines, totals = tuple(self._lines()), self._totals()
        vat = self._vat(totals)
        self._warnings += doc.check(totals, vat, lines, tuple(self._adjustments()))
        settlement = self._settlement
        means = "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/IBANID"
        return Document(
            kind="credit" if code in doc.CREDIT_CODES else "invoice",
            number=number,
            date=_day(self._head.find("IssueDateTime/DateTimeString"), "IssueDateTime"),
            due_date=self._due_date(),
            currency=self._currency,
            supplier=_party(self._agreement.find("SellerTradeParty"), "SellerTradeParty"),
            customer=_party(self._agreement.find("BuyerTradeParty"), "BuyerTradeParty"),
            totals=totals,
            vat=vat,
            lines=lines,
            iban=doc.bare(text_at(settlement, means)),
            payment_reference=structured(text_at(settlement, "PaymentReference")),
            self_billed=code in doc.SELF_BILLED_CODES,
            note=text_at(self._head, "IncludedNote/Content")[:2000],
            warnings=tuple(self._warnings),
        )

    def _due_date(self) -> date | None:
        told = self._settlement.find("SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString")
        return None if told is None else _day(told, "DueDateDateTime")

    # ------------------------------------------------------------------ amounts

    def _amount(self, element: Element, path: str, *, required: bool = True) -> Decimal:
        """Of several in different currencies the one of the document."""
        found = [each for each in element.findall(path) if each.get("currencyID", self._currency) == self._currency]
        if not found and not required:
            return doc.NOUGHT
        if not found:
            raise Refused("document.missing", what=path)
        return doc.amount((found[0].text or "").strip(), path)

    def _totals(self) -> Totals:
        path = "SpecifiedTradeSettlementHeaderMonetarySummation"
        money = _needed(self._settlement, path)
        told = money.find("LineTotalAmount") is not None
        gross = self._amount(money, "GrandTotalAmount")
        return Totals(
            net=self._amount(money, "TaxBasisTotalAmount"),
            vat=self._amount(money, "TaxTotalAmount", required=False),
            gross=gross,
            payable=self._amount(money, "DuePayableAmount"),
            lines=self._amount(money, "LineTotalAmount") if told else None,
            allowances=self._amount(money, "AllowanceTotalAmount", required=False),
            charges=self._amount(money, "ChargeTotalAmount", required=False),
            prepaid=self._prepaid(money, gross, full=told),
            rounding=self._amount(money, "RoundingAmount", required=False),
        )

    def _prepaid(self, money: Element, gross: Decimal, *, full: bool) -> Decimal:
        """MINIMUM has no field for it: what is left to pay tells it."""
        if full or money.find("TotalPrepaidAmount") is not None:
            return self._amount(money, "TotalPrepaidAmount", required=False)
        return gross - self._amount(money, "DuePayableAmount")

    def _vat(self, totals: Totals) -> tuple[VatRow, ...]:
        rows: dict[tuple[str, Decimal], VatRow] = {}
        for part in self._settlement.findall("ApplicableTradeTax"):
            category, rate = _category(part)
            net, vat = self._amount(part, "BasisAmount"), self._amount(part, "CalculatedAmount", required=False)
            before = rows.get((category, rate), VatRow(category, rate, doc.NOUGHT, doc.NOUGHT))
            rows[category, rate] = VatRow(category, rate, before.net + net, before.vat + vat)
        return tuple(rows.values()) or (_told_by_totals(totals),)

    def _adjustments(self) -> Iterator[Adjustment]:
        for each in self._settlement.findall("SpecifiedTradeAllowanceCharge"):
            category, rate = _category(each.find("CategoryTradeTax"))
            yield Adjustment(_sign(each) * self._amount(each, "ActualAmount"), category, rate)
        for each in self._settlement.findall("SpecifiedLogisticsServiceCharge"):
            category, rate = _category(each.find("AppliedTradeTax"))
            yield Adjustment(self._amount(each, "AppliedAmount"), category, rate)

    # ------------------------------------------------------------------ lines

    def _lines(self) -> Iterator[DocumentLine]:
        for position, line in enumerate(self._trade.findall("IncludedSupplyChainTradeLineItem"), start=1):
            if position > doc.LINES:
                raise Refused("file.too_many_entries", limit=f"{doc.LINES}")
            settlement = _needed(line, "SpecifiedLineTradeSettlement")
            total = _needed(settlement, "SpecifiedTradeSettlementLineMonetarySummation")
            net = self._amount(total, "LineTotalAmount")
            told = text_at(line, "SpecifiedLineTradeDelivery/BilledQuantity")
            pieces = doc.amount(told, "BilledQuantity", exact=False) if told else None
            warning = doc.line_warning(position, net, self._counted(line, settlement, pieces))
            if warning is not None:
                self._warnings.append(warning)
            category, rate = _category(settlement.find("ApplicableTradeTax"))
            product = line.find("SpecifiedTradeProduct")
            text = text_at(product, "Name") or text_at(product, "Description")
            yield DocumentLine(text[:500], net, category, rate, pieces)

    def _counted(self, line: Element, settlement: Element, pieces: Decimal | None) -> Decimal | None:
        price = line.find("SpecifiedLineTradeAgreement/NetPriceProductTradePrice")
        told, each = text_at(price, "ChargeAmount"), text_at(price, "BasisQuantity")
        if not told or pieces is None:
            return None
        base = doc.amount(each, "BasisQuantity", exact=False) if each else Decimal(1)
        counted = pieces * doc.amount(told, "ChargeAmount", exact=False) / (base or Decimal(1))
        for part in settlement.findall("SpecifiedTradeAllowanceCharge"):
            counted += _sign(part) * self._amount(part, "ActualAmount")
        return counted


def _told_by_totals(totals: Totals) -> VatRow:
    """MINIMUM tells no rates: the one rate that makes this VAT of this base. Raises Refused("document.no_rates")."""
    if not totals.vat:
        return VatRow("Z" if totals.net else "O", doc.NOUGHT, totals.net, totals.vat)
    fitting = [rate for rate in _RATES if abs(totals.net * rate - totals.vat) < doc.CENT]
    if len(fitting) != 1:
        raise Refused("document.no_rates", vat=f"{totals.vat:.2f}")
    return VatRow("S", fitting[0], totals.net, totals.vat)


def _sign(allowance_or_charge: Element) -> int:
    return 1 if text_at(allowance_or_charge, "ChargeIndicator/Indicator") in ("true", "1") else -1


def _needed(element: Element, path: str) -> Element:
    found = element.find(path)
    if found is None:
        raise Refused("document.missing", what=path)
    return found


def _category(element: Element | None) -> tuple[str, Decimal]:
    category = (text_at(element, "CategoryCode") or "O")[:2].upper()
    return category, doc.percentage(text_at(element, "RateApplicablePercent"))


def _day(element: Element | None, what: str) -> date:
    """Format 102: YYYYMMDD."""
    text = "" if element is None else (element.text or "").strip()
    match = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)", text, re.ASCII)
    try:
        if match is None:
            raise ValueError(text)
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise Refused("document.date", text=text[:40], what=what) from None


def _party(party: Element | None, what: str) -> Party:
    name = text_at(party, "Name")
    if party is None or not name:
        raise Refused("document.missing", what=f"{what}/Name")
    vat = ""
    for identity in party.findall("SpecifiedTaxRegistration/ID"):
        if identity.get("schemeID", "VA") == "VA":
            vat = vat or doc.bare(identity.text or "")
    legal = doc.bare(text_at(party, "SpecifiedLegalOrganization/ID"))
    return Party(
        name=name[:200],
        country=text_at(party, "PostalTradeAddress/CountryID")[:2].upper(),
        vat_number=vat[:20],
        enterprise_number="".join(filter(str.isdigit, legal))[:14],
    )
