"""Invoices, bills and credit notes: the taxes and the partner's side are added here, as Odoo does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.odoo.answers import invalid, missing, user_error
from sandbox.packages.books import Entry, Line, cents
from sandbox.packages.core import Stand
from sandbox.store import Row

SIGNS = {"out_invoice": -1, "out_refund": 1, "in_invoice": 1, "in_refund": -1}  # of a price, as a debit
JOURNALS = {"out": "sales", "in": "purchase"}
PARTIES = {"out": "receivable", "in": "payable"}
BOUGHT = 1_000_000  # added to the number of a tax of both sides, for the one of purchases: Odoo's have one side each


def entry(
    stand: Stand, owner: int, journal: Row, known: Mapping[int, Row], values: Mapping[str, Any], on: date,
    extra: Mapping[str, Any],
) -> Entry:  # fmt: skip
    """The draft of one. Raises Failed."""
    kind = str(values["move_type"])
    side = kind.partition("_")[0]
    if journal["type"] != JOURNALS[side]:
        raise invalid(f"Cannot create an invoice of type {kind} with a journal having {journal['type']} as type.")
    partner = stand.books.by_id("relations", owner, int(values.get("partner_id") or 0))
    if partner is None:
        raise missing("res.partner", int(values.get("partner_id") or 0))
    lines = [_line(stand, owner, known, told, SIGNS[kind]) for _, _, told in values.get("invoice_line_ids", [])]
    if sum(SIGNS[kind] * (line.amount + line.vat) for line in lines) < 0:
        raise user_error(
            "You cannot validate an invoice with a negative total amount. You should create a credit note instead."
        )
    party = next(row["code"] for row in known.values() if row["kind"] == PARTIES[side])
    whole = stand.books.invoice_lines(owner, side == "out", party, partner["seq"], lines)
    due = str(values.get("invoice_date_due") or "")
    return Entry(
        journal["code"], on, whole, str(values.get("invoice_origin") or ""), state="draft",
        kind={"out": "sales", "in": "purchase"}[side], relation=partner["seq"],
        due=date.fromisoformat(due) if due else None,
        extra={**extra, "payment_reference": values.get("payment_reference") or False},
    )  # fmt: skip


def _line(stand: Stand, owner: int, known: Mapping[int, Row], told: Mapping[str, Any], sign: int) -> Line:
    from sandbox.odoo.moves import account_of  # which makes documents in turn

    net = cents(Decimal(str(told["price_unit"])) * Decimal(str(told.get("quantity", 1))))
    code, vat, extra = "", 0, {}
    for number in told["tax_ids"][0][2]:
        tax = stand.books.by_id("vat_codes", owner, int(number) % BOUGHT)
        if tax is None:
            raise missing("account.tax", int(number))
        code, extra = tax["code"], {"tax": int(number)}
        vat = int((net * Decimal(tax["percentage"])).to_integral_value(ROUND_HALF_UP))
    account = account_of(stand, known, told)["code"]
    return Line(account, sign * net, str(told.get("name") or ""), vat_code=code, vat=sign * vat, extra=extra)
