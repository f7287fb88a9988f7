"""Invoices, bills and credit notes: ours to Xero's JSON and back. Pure.

Xero books the tax and the side of the contact itself. Its amounts are without tax and positive on
either side; a negative total makes a credit note, which is a document of another kind there.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from portal.connectors import base
from portal.connectors.calls import encode
from portal.connectors.errors import Rejected
from portal.connectors.xero import mapping
from portal.connectors.xero.mapping import Row, account_code, money, text

SEPARATOR = " · "
# Where the documents of a kind are listed: endpoint, and the filter before that on the date.
LISTS: Mapping[base.EntryKind, tuple[tuple[str, str], ...]] = {
    base.EntryKind.SALES: (
        ("Invoices", f'Type=="{mapping.SALES}" AND '),
        ("CreditNotes", f'Type=="{mapping.SALES}CREDIT" AND '),
    ),
    base.EntryKind.PURCHASE: (
        ("Invoices", f'Type=="{mapping.PURCHASE}" AND '),
        ("CreditNotes", f'Type=="{mapping.PURCHASE}CREDIT" AND '),
    ),
}


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """Raises Rejected without a relation, or for an account that the dossier does not have.

    Our reference ends the first line, which has a description alone: there is no field of the document that
    bills, invoices and credit notes all keep. The tax goes with its amount, to the cent what the invoice says.
    """
    invoice = entry.invoice
    if invoice is None or not invoice.relation:
        raise Rejected("xero.relation_missing")
    side = mapping.SALES if entry.kind is base.EntryKind.SALES else mapping.PURCHASE
    sign = -1 if side == mapping.SALES else 1
    credited = sign * sum(line.amount + line.vat for line in entry.lines) < 0
    sign = -sign if credited else sign
    words = (invoice.description, invoice.payment_reference, entry.reference)
    document: dict[str, Any] = {
        "Type": side + ("CREDIT" if credited else ""),
        "Contact": {"ContactID": invoice.relation},
        "Date": entry.date.isoformat(),
        "DueDate": (invoice.due_date or entry.date).isoformat(),
        "CreditNoteNumber" if credited else "InvoiceNumber": invoice.number[:255],
        "CurrencyCode": entry.currency,
        "Status": "AUTHORISED",
        "LineAmountTypes": "Exclusive",
        "LineItems": [
            {"Description": SEPARATOR.join(filter(None, words))},
            *(_line_item(line, sign, accounts) for line in entry.lines),
        ],
    }
    return encode({"CreditNotes" if credited else "Invoices": [document]})


def _line_item(line: base.OutgoingLine, sign: int, accounts: Mapping[str, base.LedgerAccount]) -> dict[str, Any]:
    return {
        "Description": line.description or line.ledger_account,
        "Quantity": 1,
        "UnitAmount": sign * line.amount + 0,
        "AccountCode": account_code(line.ledger_account, accounts),
        **({"TaxType": line.vat_code, "TaxAmount": sign * line.vat + 0} if line.vat_code else {}),
    }


def entry(row: Row) -> base.RemoteEntry:
    """A document, as sent or as told."""
    kind, on = text(row["Type"]), mapping.day(row["Date"])
    if on is None:
        raise ValueError("no date")
    side = kind.removesuffix("CREDIT")
    sign = (-1 if side == mapping.SALES else 1) * (-1 if kind != side else 1)
    items = row.get("LineItems") or ()
    lines = tuple(
        base.OutgoingLine(
            on,
            text(item["AccountCode"]),
            sign * money(item.get("UnitAmount")) * money(item.get("Quantity") or 1),
            text(item.get("Description")),
            text(item.get("TaxType")),
            sign * money(item.get("TaxAmount")),
        )
        for item in items
        if item.get("AccountCode")
    )
    remarks = [text(item.get("Description")) for item in items if not item.get("AccountCode")]
    return base.RemoteEntry(
        id=text(row.get("InvoiceID") or row.get("CreditNoteID")),
        number=text(row.get("InvoiceNumber") or row.get("CreditNoteNumber")),
        reference=remarks[0].rpartition(SEPARATOR)[2] if remarks else "",
        journal=side,
        date=on,
        currency=text(row.get("CurrencyCode")),
        total_debit=abs(sum((line.amount + line.vat for line in lines), Decimal(0))),
        line_count=len(lines),
        lines=lines,
    )
