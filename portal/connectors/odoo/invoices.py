"""Invoices, bills and credit notes: ours to Odoo's values, and what stands there back. Pure.

Odoo counts the taxes and books the side of the partner itself. Prices are without tax and positive on
either side; a negative total makes a credit note, which is a move of another type there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from portal.connectors import base, ledgers
from portal.connectors.calls import encode
from portal.connectors.errors import Rejected
from portal.connectors.odoo import mapping
from portal.connectors.odoo.mapping import Row, text

OURS = "invoice_origin"  # where our reference goes: `ref` has the number that is printed on the document
MOVE = [*mapping.MOVE, OURS, "move_type", "amount_tax", "amount_total"]
LINE = [*mapping.LINE, "display_type", "tax_ids", "price_subtotal", "price_total"]
TYPES = {  # an invoice and a credit note
    base.EntryKind.SALES: ("out_invoice", "out_refund"), base.EntryKind.PURCHASE: ("in_invoice", "in_refund"),
}  # fmt: skip
_SIGNS = {"out_invoice": -1, "out_refund": 1, "in_invoice": 1, "in_refund": -1}  # of a price, as a debit


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """The values of a document, with the totals that Odoo must come to beside them.

    Raises Rejected without a relation, for an unknown ledger account, and for a tax that is no number.
    """
    invoice = entry.invoice
    if invoice is None or not invoice.relation.isdigit():
        raise Rejected("odoo.relation_missing")
    usual, credit = TYPES[entry.kind]
    tax = sum((line.vat for line in entry.lines), mapping.NOUGHT)
    total = sum((line.amount for line in entry.lines), tax)
    kind = credit if _SIGNS[usual] * total < 0 else usual
    lines = [
        {
            "account_id": ledgers.account_number("odoo", line.ledger_account, accounts),
            "quantity": 1,
            "price_unit": mapping.digits(_SIGNS[kind] * line.amount),
            "name": mapping.label(line, entry),
            "tax_ids": [[6, 0, _taxes(line.vat_code)]],
        }
        for line in entry.lines
    ]
    values = {
        "move_type": kind, "partner_id": int(invoice.relation), "date": entry.date.isoformat(),
        "invoice_date": entry.date.isoformat(), "ref": invoice.number, OURS: entry.reference,
        **({"invoice_date_due": invoice.due_date.isoformat()} if invoice.due_date else {}),
        **({"payment_reference": invoice.payment_reference} if invoice.payment_reference else {}),
        "invoice_line_ids": [[0, 0, line] for line in lines],
    }  # fmt: skip
    counted = {"tax": mapping.digits(_SIGNS[kind] * tax), "total": mapping.digits(_SIGNS[kind] * total)}
    return encode({"journal": entry.journal, "currency": entry.currency, **counted, "values": values})


def _taxes(code: str) -> list[int]:
    if code and not code.isdigit():
        raise Rejected("odoo.vat_code", values={"code": code})
    return [int(code)] if code else []


def miscounted(row: Row, document: Row) -> Rejected | None:
    """Why a draft must not be booked: Odoo came to other totals than the document says."""
    theirs, ours = (tuple(Decimal(told[name]) for name in names) for told, names in (
        (row, ("amount_tax", "amount_total")), (document, ("tax", "total")),
    ))  # fmt: skip
    values = {"tax": str(ours[0]), "counted": str(theirs[0])}
    return None if theirs == ours else Rejected("odoo.vat_differs", values=values)


def same(row: Row, lines: Sequence[Row], values: Row) -> bool:
    """Whether a draft says what is to be sent: its type, day and number, and accounts, amounts and words."""
    there = [(int(own["account_id"][0]), Decimal(own["balance"]), str(own["name"] or "")) for own in _sent(lines)]
    ours = [
        (int(own["account_id"]), _SIGNS[values["move_type"]] * Decimal(own["price_unit"]), str(own["name"]))
        for _, _, own in values["invoice_line_ids"]
    ]
    heads = [text(row[name]) == text(values[name]) for name in ("move_type", "date", "ref")]
    return all(heads) and sorted(there) == sorted(ours)


def entry(row: Row, lines: Sequence[Row], journal_code: str, bank_account: str = "") -> base.RemoteEntry:
    """The lines are those that were sent; what Odoo added for taxes and partner is left out."""
    on, sign = mapping.certain_day(row), _SIGNS[row["move_type"]]
    own = tuple(
        base.OutgoingLine(
            on, mapping.code_of(line["account_id"]), Decimal(line["balance"]), str(line["name"] or ""),
            str(line["tax_ids"][0]) if line["tax_ids"] else "",
            sign * (Decimal(line["price_total"]) - Decimal(line["price_subtotal"])),
        )
        for line in _sent(lines)
    )  # fmt: skip
    return mapping.remote(row, OURS, journal_code, own, Decimal(row["amount_total"]))


def _sent(lines: Sequence[Row]) -> list[Row]:
    return [line for line in lines if line["display_type"] == "product"]
