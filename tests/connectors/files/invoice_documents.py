"""Invoices of our own making, as UBL, CII and Factur-X, with totals that agree unless told otherwise."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from xml.sax.saxutils import escape

from pypdf import PdfWriter

CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Side:
    name: str
    country: str = "BE"
    vat: str = ""
    enterprise: str = ""


BAKER = Side("Bakkerij De Molen", "BE", "BE0403170701", "0403170701")
MILL = Side("Maalderij Callens", "BE", "BE0417497106", "0417497106")
SHOP = Side("Koffiehuis & Co", "NL", "NL004495445B01", "27124700")


@dataclass(frozen=True)
class Item:
    text: str
    quantity: Decimal
    price: Decimal
    rate: Decimal = Decimal(21)
    category: str = "S"

    @property
    def net(self) -> Decimal:
        return cents(self.quantity * self.price)


@dataclass(frozen=True)
class Invoice:
    """`changed` puts other texts in the place of amounts: {"PayableAmount": "1.00"}."""

    number: str = "2026-0042"
    supplier: Side = MILL
    customer: Side = BAKER
    items: tuple[Item, ...] = (Item("Bloem T65, 25 kg", Decimal(10), Decimal("18.40"), Decimal(6)),)
    on: date = date(2026, 3, 17)
    due: date | None = date(2026, 4, 16)
    currency: str = "EUR"
    credit: bool = False
    iban: str = "BE68539007547034"
    reference: str = "+++090/9337/55493+++"
    allowance: Decimal = Decimal(0)  # on the whole, at the rate of the first item
    prepaid: Decimal = Decimal(0)
    changed: dict[str, str] = field(default_factory=dict)

    @property
    def bases(self) -> dict[tuple[str, Decimal], Decimal]:
        found: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
        for item in self.items:
            found[item.category, item.rate] += item.net
        if self.allowance:
            found[self.items[0].category, self.items[0].rate] -= self.allowance
        return dict(found)

    @property
    def lines(self) -> Decimal:
        return sum((item.net for item in self.items), Decimal(0))

    @property
    def net(self) -> Decimal:
        return self.lines - self.allowance

    @property
    def vat(self) -> Decimal:
        return sum((cents(base * rate / 100) for (_, rate), base in self.bases.items()), Decimal(0))

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat

    def money(self, name: str, value: Decimal) -> str:
        return self.changed.get(name, f"{value:.2f}")


def ubl(invoice: Invoice) -> bytes:
    """As Peppol BIS Billing 3 orders it."""
    root, line, pieces = ("Invoice", "InvoiceLine", "InvoicedQuantity")
    if invoice.credit:
        root, line, pieces = ("CreditNote", "CreditNoteLine", "CreditedQuantity")

    def amount(name: str, value: Decimal) -> str:
        return f'<cbc:{name} currencyID="{invoice.currency}">{invoice.money(name, value)}</cbc:{name}>'

    due = f"<cbc:DueDate>{invoice.due}</cbc:DueDate>" if invoice.due and not invoice.credit else ""
    code = "<cbc:CreditNoteTypeCode>381" if invoice.credit else "<cbc:InvoiceTypeCode>380"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<{root} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0</cbc:CustomizationID>
<cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID>
<cbc:ID>{escape(invoice.number)}</cbc:ID><cbc:IssueDate>{invoice.on}</cbc:IssueDate>{due}
{code}</cbc:{"CreditNote" if invoice.credit else "Invoice"}TypeCode>
<cbc:DocumentCurrencyCode>{invoice.currency}</cbc:DocumentCurrencyCode>
<cac:AccountingSupplierParty>{_ubl_party(invoice.supplier)}</cac:AccountingSupplierParty>
<cac:AccountingCustomerParty>{_ubl_party(invoice.customer)}</cac:AccountingCustomerParty>
<cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>
<cbc:PaymentID>{escape(invoice.reference)}</cbc:PaymentID>
<cac:PayeeFinancialAccount><cbc:ID>{invoice.iban}</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
{_ubl_allowance(invoice, amount("Amount", invoice.allowance)) if invoice.allowance else ""}
<cac:TaxTotal>{amount("TaxAmount", invoice.vat)}{"".join(
    f"<cac:TaxSubtotal>{amount('TaxableAmount', base)}"
    f'<cbc:TaxAmount currencyID="{invoice.currency}">{invoice.money("SubtotalTax", cents(base * rate / 100))}'
    f"</cbc:TaxAmount>{_ubl_category('TaxCategory', category, rate)}</cac:TaxSubtotal>"
    for (category, rate), base in invoice.bases.items())}</cac:TaxTotal>
<cac:LegalMonetaryTotal>{amount("LineExtensionAmount", invoice.lines)}{amount("TaxExclusiveAmount", invoice.net)}
{amount("TaxInclusiveAmount", invoice.gross)}{amount("AllowanceTotalAmount", invoice.allowance)}
{amount("PrepaidAmount", invoice.prepaid)}{amount("PayableAmount", invoice.gross - invoice.prepaid)}
</cac:LegalMonetaryTotal>{"".join(
    f"<cac:{line}><cbc:ID>{place}</cbc:ID><cbc:{pieces} unitCode='C62'>{item.quantity}</cbc:{pieces}>"
    f"<cbc:LineExtensionAmount currencyID='{invoice.currency}'>{item.net}</cbc:LineExtensionAmount>"
    f"<cac:Item><cbc:Name>{escape(item.text)}</cbc:Name>"
    f"{_ubl_category('ClassifiedTaxCategory', item.category, item.rate)}</cac:Item>"
    f"<cac:Price><cbc:PriceAmount currencyID='{invoice.currency}'>{item.price}</cbc:PriceAmount></cac:Price>"
    f"</cac:{line}>" for place, item in enumerate(invoice.items, 1))}
</{root}>""".encode()  # fmt: skip


def _ubl_party(side: Side) -> str:
    scheme = {"BE": "0208", "NL": "0106", "FR": "0002"}[side.country]
    tax = (
        f"<cac:PartyTaxScheme><cbc:CompanyID>{side.vat}</cbc:CompanyID>"
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>" if side.vat else ""
    )  # fmt: skip
    legal = f'<cbc:CompanyID schemeID="{scheme}">{side.enterprise}</cbc:CompanyID>' if side.enterprise else ""
    return (
        f"<cac:Party><cac:PartyName><cbc:Name>{escape(side.name)}</cbc:Name></cac:PartyName><cac:PostalAddress>"
        f"<cac:Country><cbc:IdentificationCode>{side.country}</cbc:IdentificationCode></cac:Country>"
        f"</cac:PostalAddress>{tax}<cac:PartyLegalEntity>"
        f"<cbc:RegistrationName>{escape(side.name)}</cbc:RegistrationName>{legal}</cac:PartyLegalEntity></cac:Party>"
    )


def _ubl_category(name: str, category: str, rate: Decimal) -> str:
    return (
        f"<cac:{name}><cbc:ID>{category}</cbc:ID><cbc:Percent>{rate}</cbc:Percent>"
        f"<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:{name}>"
    )


def _ubl_allowance(invoice: Invoice, amount: str) -> str:
    category = _ubl_category("TaxCategory", invoice.items[0].category, invoice.items[0].rate)
    return (
        f"<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>{amount}{category}</cac:AllowanceCharge>"
    )


def cii(invoice: Invoice, *, lines: bool = True, rates: bool = True) -> bytes:
    """As Factur-X EN 16931; without lines BASIC WL, without rates too MINIMUM."""

    def amount(name: str, value: Decimal) -> str:
        return f"<ram:{name}>{invoice.money(name, value)}</ram:{name}>"

    due = (
        "<ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime><udt:DateTimeString format='102'>"
        f"{invoice.due:%Y%m%d}</udt:DateTimeString></ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>"
        if invoice.due else ""
    )  # fmt: skip
    total = f"<ram:TaxTotalAmount currencyID='{invoice.currency}'>{invoice.vat}</ram:TaxTotalAmount>"
    whole = amount("LineTotalAmount", invoice.lines) if rates else ""
    reduction = amount("AllowanceTotalAmount", invoice.allowance) if rates else ""
    paid = amount("TotalPrepaidAmount", invoice.prepaid) if rates else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
<rsm:ExchangedDocument><ram:ID>{escape(invoice.number)}</ram:ID>
<ram:TypeCode>{"381" if invoice.credit else "380"}</ram:TypeCode><ram:IssueDateTime>
<udt:DateTimeString format="102">{invoice.on:%Y%m%d}</udt:DateTimeString></ram:IssueDateTime></rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction>{"".join(
    f"<ram:IncludedSupplyChainTradeLineItem><ram:SpecifiedTradeProduct><ram:Name>{escape(item.text)}</ram:Name>"
    f"</ram:SpecifiedTradeProduct><ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>"
    f"<ram:ChargeAmount>{item.price}</ram:ChargeAmount></ram:NetPriceProductTradePrice>"
    f"</ram:SpecifiedLineTradeAgreement><ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode='C62'>"
    f"{item.quantity}</ram:BilledQuantity></ram:SpecifiedLineTradeDelivery><ram:SpecifiedLineTradeSettlement>"
    f"{_cii_tax('ApplicableTradeTax', item.category, item.rate)}"
    f"<ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>{item.net}</ram:LineTotalAmount>"
    f"</ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>"
    f"</ram:IncludedSupplyChainTradeLineItem>" for item in (invoice.items if lines else ()))}
<ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty>{_cii_party(invoice.supplier)}</ram:SellerTradeParty>
<ram:BuyerTradeParty>{_cii_party(invoice.customer)}</ram:BuyerTradeParty></ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeDelivery/><ram:ApplicableHeaderTradeSettlement>
<ram:PaymentReference>{escape(invoice.reference)}</ram:PaymentReference>
<ram:InvoiceCurrencyCode>{invoice.currency}</ram:InvoiceCurrencyCode><ram:SpecifiedTradeSettlementPaymentMeans>
<ram:PayeePartyCreditorFinancialAccount><ram:IBANID>{invoice.iban}</ram:IBANID></ram:PayeePartyCreditorFinancialAccount>
</ram:SpecifiedTradeSettlementPaymentMeans>{"".join(
    f"<ram:ApplicableTradeTax><ram:CalculatedAmount>{cents(base * rate / 100)}</ram:CalculatedAmount>"
    f"<ram:TypeCode>VAT</ram:TypeCode><ram:BasisAmount>{base}</ram:BasisAmount>"
    f"<ram:CategoryCode>{category}</ram:CategoryCode>"
    f"<ram:RateApplicablePercent>{rate}</ram:RateApplicablePercent></ram:ApplicableTradeTax>"
    for (category, rate), base in (invoice.bases.items() if rates else ()))}
{_cii_allowance(invoice) if invoice.allowance and rates else ""}{due}
<ram:SpecifiedTradeSettlementHeaderMonetarySummation>{whole}{reduction}
{amount("TaxBasisTotalAmount", invoice.net)}{total}{amount("GrandTotalAmount", invoice.gross)}{paid}
{amount("DuePayableAmount", invoice.gross - invoice.prepaid)}
</ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>""".encode()  # fmt: skip


def _cii_party(side: Side) -> str:
    legal = f"<ram:SpecifiedLegalOrganization><ram:ID>{side.enterprise}</ram:ID></ram:SpecifiedLegalOrganization>"
    tax = f"<ram:SpecifiedTaxRegistration><ram:ID schemeID='VA'>{side.vat}</ram:ID></ram:SpecifiedTaxRegistration>"
    return (
        f"<ram:Name>{escape(side.name)}</ram:Name>{legal if side.enterprise else ''}<ram:PostalTradeAddress>"
        f"<ram:CountryID>{side.country}</ram:CountryID></ram:PostalTradeAddress>{tax if side.vat else ''}"
    )


def _cii_tax(name: str, category: str, rate: Decimal) -> str:
    return (
        f"<ram:{name}><ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>{category}</ram:CategoryCode>"
        f"<ram:RateApplicablePercent>{rate}</ram:RateApplicablePercent></ram:{name}>"
    )


def _cii_allowance(invoice: Invoice) -> str:
    return (
        "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>false</udt:Indicator>"
        f"</ram:ChargeIndicator><ram:ActualAmount>{invoice.allowance}</ram:ActualAmount>"
        f"{_cii_tax('CategoryTradeTax', invoice.items[0].category, invoice.items[0].rate)}"
        "</ram:SpecifiedTradeAllowanceCharge>"
    )


def factur_x(invoice: Invoice, *, name: str = "factur-x.xml", password: str = "") -> bytes:
    """A PDF of one empty page with the invoice in it."""
    writer = PdfWriter()
    writer.add_blank_page(width=595, height=842)
    writer.add_attachment(name, cii(invoice))
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
