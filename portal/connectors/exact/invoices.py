"""Sales and purchase entries: ours to Exact's JSON, and Exact's transaction lines back. Pure.

Exact books the VAT and the side of the customer or supplier itself. Amounts are without VAT; an
invoice is positive on either side, and a negative total makes a credit note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from portal.connectors import base
from portal.connectors.errors import Rejected
from portal.connectors.exact.mapping import (
    DESCRIPTION_LENGTH,
    Row,
    account_id,
    certain_day,
    gathered,
    money,
    text,
    to_json,
)

YOUR_REF_LENGTH = 30
NOUGHT = Decimal(0)
_PARTY = {base.EntryKind.SALES: "Customer", base.EntryKind.PURCHASE: "Supplier"}
_LINES = {base.EntryKind.SALES: "SalesEntryLines", base.EntryKind.PURCHASE: "PurchaseEntryLines"}


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """The body of a POST. Raises Rejected without a relation, or for an account that the dossier does not have.

    `YourRef` has the number on the invoice, which people and payments go by; our own reference stands
    in the notes of every line, as on bank entries. The VAT is sent with its amount: to the cent what the
    invoice says, however Exact would round it.
    """
    invoice = entry.invoice
    if invoice is None or not invoice.relation:
        raise Rejected("exact.relation_missing")
    sign = -1 if entry.kind is base.EntryKind.SALES else 1
    head: dict[str, Any] = {
        "Journal": entry.journal,
        _PARTY[entry.kind]: invoice.relation,
        "Currency": entry.currency,
        "EntryDate": entry.date.isoformat(),
        "YourRef": invoice.number[:YOUR_REF_LENGTH],
        "Description": invoice.description[:DESCRIPTION_LENGTH],
    }
    if invoice.due_date is not None:
        head["DueDate"] = invoice.due_date.isoformat()
    if invoice.payment_reference:
        head["PaymentReference"] = invoice.payment_reference
    head[_LINES[entry.kind]] = [
        {
            "GLAccount": account_id(line.ledger_account, accounts),
            "AmountFC": sign * line.amount,
            **({"VATCode": line.vat_code, "VATAmountFC": sign * line.vat} if line.vat_code else {}),
            "Description": line.description[:DESCRIPTION_LENGTH],
            "Notes": entry.reference,
        }
        for line in entry.lines
    ]
    return to_json(head).encode()


def entries(line_rows: Iterable[Row]) -> list[base.RemoteEntry]:
    """Transaction lines, in any order, gathered into entries. Amounts are debits here.

    Lines with a note are those that were sent; Exact's own, for the VAT and the party, have none.
    """
    found = [_entry(key, rows) for key, rows in gathered(line_rows).items()]
    return sorted(found, key=lambda entry: (entry.number, entry.id))


def _entry(key: str, rows: list[Row]) -> base.RemoteEntry:
    own = [row for row in rows if text(row.get("Notes"))]
    notes = {text(row["Notes"]) for row in own}
    lines = tuple(_line(row) for row in own)
    return base.RemoteEntry(
        id=key,
        number=text(rows[0].get("EntryNumber")),
        reference=notes.pop() if len(notes) == 1 else "",
        journal=text(rows[0].get("JournalCode")),
        date=max((certain_day(row["Date"]) for row in rows), default=None),
        currency=text(rows[0].get("Currency")),
        total_debit=abs(sum((line.amount + line.vat for line in lines), NOUGHT)),
        line_count=len(lines),
        lines=lines,
    )


def _line(row: Row) -> base.OutgoingLine:
    """The VAT has the sign of its line, whichever way it is told."""
    amount, vat = money(row["AmountFC"]), abs(money(row.get("AmountVATFC") or 0))
    return base.OutgoingLine(
        date=certain_day(row["Date"]),
        ledger_account=text(row["GLAccountCode"]),
        amount=amount,
        description=text(row["Description"]),
        vat_code=text(row.get("VATCode")),
        vat=-vat if amount < 0 else vat,
    )
