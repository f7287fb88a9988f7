"""Manual journals, invoices and credit notes: what is sent becomes an entry, and is told again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.packages.books import Entry, Line, Refusal, cents, money
from sandbox.packages.core import Stand
from sandbox.store import Row
from sandbox.xero import wire

JOURNALS = {"ManualJournals": "90", "ACCREC": "70", "ACCPAY": "60"}
PARTIES = {"ACCREC": "receivable", "ACCPAY": "payable"}
IDS = {"ManualJournals": "ManualJournalID", "Invoices": "InvoiceID", "CreditNotes": "CreditNoteID"}
NUMBERS = {"Invoices": "InvoiceNumber", "CreditNotes": "CreditNoteNumber"}
OURS = re.compile(r"KP-[A-Z0-9-]+")
NOT_BY_HAND = ("bank", "receivable", "payable")


def make(stand: Stand, tenant: Row, name: str, sent: Mapping[str, Any]) -> Row:
    """Book one document. Raises ApiError."""
    try:
        read = _journal if name == "ManualJournals" else _invoice
        return stand.books.book(tenant["seq"], read(stand, tenant, name, sent))
    except Refusal as refusal:
        raise wire.invalid(sent, _words(refusal, tenant, sent)) from None


def _words(refusal: Refusal, tenant: Row, sent: Mapping[str, Any]) -> str:
    values = refusal.values
    if refusal.code == "unbalanced":
        amounts = [cents(item.get("LineAmount")) for item in sent.get("JournalLines") or []]
        debits, credits = (sum(filter(side, amounts)) for side in ((0).__lt__, (0).__gt__))
        return f"The total debits ({money(debits)}) must equal total credits ({money(credits)})"
    return {
        "period_closed": f"The document date cannot be before the period lock date {tenant['locked_until']}",
        "no_period": "The document date is not in a financial year",
        "account_unknown": f"Account code '{values.get('account')}' is not a valid code for this document.",
        "account_blocked": f"Account '{values.get('account')}' is archived",
        "relation_unknown": "The contact could not be found",
        "vat_unknown": f"The TaxType code '{values.get('vat_code')}' does not exist or cannot be used for this type",
        "no_lines": "At least two lines are required",
    }.get(refusal.code, refusal.code)


def _journal(stand: Stand, tenant: Row, name: str, sent: Mapping[str, Any]) -> Entry:
    narration = str(sent.get("Narration") or "")
    if not narration:
        raise wire.invalid(sent, "Narration must be specified")
    items = sent.get("JournalLines") or []
    kinds = {row["code"]: row["kind"] for row in stand.books.accounts(tenant["seq"])}
    lines = []
    for item in items:
        code = str(item.get("AccountCode") or "")
        if kinds.get(code) in NOT_BY_HAND and not stand.settings["bank_by_hand"]:
            raise wire.invalid(sent, f"Account code '{code}' is not a valid code for this document.")
        lines.append(Line(code, cents(item.get("LineAmount")), str(item.get("Description") or "")))
    if len(lines) < 2:
        raise wire.invalid(sent, "At least two lines are required")
    status = str(sent.get("Status") or "DRAFT")
    if status not in ("DRAFT", "POSTED"):
        raise wire.invalid(sent, f"Status '{status}' is not valid for a new manual journal")
    return Entry(
        journal=JOURNALS[name], on=wire.day(sent.get("Date"), sent, stand.clock.now().date()), lines=lines,
        reference=_reference(narration), text=narration, state="posted" if status == "POSTED" else "draft",
        currency=tenant["currency"], extra=_kept(name, sent),
    )  # fmt: skip


def _invoice(stand: Stand, tenant: Row, name: str, sent: Mapping[str, Any]) -> Entry:
    kind = str(sent.get("Type") or "")
    side = kind.removesuffix("CREDIT") if name == "CreditNotes" else kind
    if side not in PARTIES or (name == "CreditNotes") != kind.endswith("CREDIT"):
        raise wire.invalid(sent, f"'{kind}' is not a valid type")
    contact = stand.books.by_id("relations", tenant["seq"], str((sent.get("Contact") or {}).get("ContactID") or "-"))
    if contact is None:
        raise wire.invalid(sent, "The contact could not be found")
    number = str(sent.get(NUMBERS[name]) or "")
    if side == "ACCREC" and stand.settings["unique_numbers"] and _taken(stand, tenant, name, number):
        raise wire.invalid(sent, "Invoice # must be unique.")
    sign = (-1 if side == "ACCREC" else 1) * (-1 if name == "CreditNotes" else 1)
    lines = [_line(stand, tenant, item, sign, sent) for item in sent.get("LineItems") or [] if item.get("AccountCode")]
    if sign * sum(line.amount + line.vat for line in lines) < 0:
        raise wire.invalid(sent, "The document total cannot be less than zero")
    party = next(row["code"] for row in stand.books.accounts(tenant["seq"]) if row["kind"] == PARTIES[side])
    today = stand.clock.now().date()
    return Entry(
        journal=JOURNALS[side], on=wire.day(sent.get("Date"), sent, today),
        lines=stand.books.invoice_lines(tenant["seq"], side == "ACCREC", party, contact["seq"], lines),
        reference=_reference(*(str(item.get("Description") or "") for item in sent.get("LineItems") or [])),
        kind="sales" if side == "ACCREC" else "purchase", text=str(sent.get("Reference") or ""), number=number,
        state="posted" if sent.get("Status") in ("AUTHORISED", "PAID") else "draft",
        currency=str(sent.get("CurrencyCode") or tenant["currency"]), due=wire.day(sent.get("DueDate"), sent, today),
        relation=contact["seq"], extra=_kept(name, sent),
    )  # fmt: skip


def _line(stand: Stand, tenant: Row, item: Mapping[str, Any], sign: int, sent: Mapping[str, Any]) -> Line:
    net = item.get("LineAmount")
    if net is None:
        net = Decimal(str(item.get("UnitAmount") or 0)) * Decimal(str(item.get("Quantity") or 1))
    code = str(item.get("TaxType") or "")
    rate = stand.books.by_code("vat_codes", tenant["seq"], code) if code else None
    if code and rate is None:
        raise wire.invalid(sent, f"The TaxType code '{code}' does not exist or cannot be used for this type")
    share = Decimal(0) if rate is None else Decimal(rate["percentage"])
    computed = int((cents(net) * share).to_integral_value(ROUND_HALF_UP))
    vat = computed if item.get("TaxAmount") is None else cents(item["TaxAmount"])
    text = str(item.get("Description") or "")
    return Line(str(item["AccountCode"]), sign * cents(net), text, vat_code=code, vat=sign * vat)


def _taken(stand: Stand, tenant: Row, name: str, number: str) -> bool:
    known = stand.books.entries(tenant["seq"], kind="sales")
    return bool(number) and any(row["number"] == number and wire.head(row)["endpoint"] == name for row in known)


def _reference(*texts: str) -> str:
    found = OURS.search(" ".join(texts))
    return found[0] if found else ""


def _kept(name: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What the books do not have columns for."""
    remarks = [item for item in sent.get("LineItems") or [] if not item.get("AccountCode")]
    return {
        "endpoint": name, "type": sent.get("Type"), "status": sent.get("Status") or "DRAFT", "url": sent.get("Url"),
        "reference": sent.get("Reference"), "remarks": [item.get("Description") for item in remarks],
    }  # fmt: skip


def listed(
    stand: Stand, tenant: Row, name: str, conditions: Sequence[tuple[str, str, str]], *, lines: bool
) -> list[dict[str, Any]]:
    """Without `lines` the heads alone, as Xero gives them where no page is asked for. Raises ApiError."""
    since = max((value for field, sign, value in conditions if field == "Date" and sign in (">=", "==")), default=None)
    rows = stand.books.entries(tenant["seq"], since=date.fromisoformat(since) if since else None)
    found = []
    for row in rows:
        kept = wire.head(row)
        values = {"Date": row["date"], "Type": kept.get("type") or "", "Status": kept.get("status") or ""}
        if kept.get("endpoint") == name and all(
            wire.fits(values.get(field, ""), sign, value) for field, sign, value in conditions
        ):
            found.append(row)
    made = told(stand, tenant["seq"], found)
    return made if lines else [row | {"JournalLines": [], "LineItems": []} for row in made]


def told(stand: Stand, tenant: int, rows: Sequence[Row]) -> list[dict[str, Any]]:
    lines = stand.books.lines([row["seq"] for row in rows])
    accounts = {row["code"]: row["id"] for row in stand.books.accounts(tenant)}
    contacts = {row["seq"]: row for row in stand.books.relations(tenant)}
    return [
        _told(row, [line for line in lines[row["seq"]] if line["part"] == "own"], accounts, contacts) for row in rows
    ]


def _told(row: Row, lines: Sequence[Row], accounts: Mapping[str, str], contacts: Mapping[int, Row]) -> dict[str, Any]:
    kept = wire.head(row)
    name = kept["endpoint"]
    head = {
        IDS[name]: row["id"], "Date": wire.ms_date(row["date"]), "Status": kept["status"],
        "UpdatedDateUTC": f"/Date({row['created']}+0000)/", "HasAttachments": False,
    }  # fmt: skip
    if name == "ManualJournals":
        return head | {
            "Narration": row["text"], "LineAmountTypes": "NoTax", "ShowOnCashBasisReports": True,
            **({"Url": kept["url"]} if kept["url"] else {}),
            "JournalLines": [
                {
                    "Description": line["text"], "TaxType": "NONE", "LineAmount": line["amount"] / 100,
                    "AccountCode": line["account"], "AccountID": accounts[line["account"]], "Tracking": [],
                    "IsBlank": False,
                }
                for line in lines
            ],
        }  # fmt: skip
    side = str(kept["type"]).removesuffix("CREDIT")
    sign = (-1 if side == "ACCREC" else 1) * (-1 if name == "CreditNotes" else 1)
    net, tax = (sign * sum(line[what] for line in lines) / 100 for what in ("amount", "vat"))
    return head | {
        "Type": kept["type"], NUMBERS[name]: row["number"], "Reference": kept["reference"] or "",
        "Contact": wire.contact(contacts[row["relation"]]), "DueDate": wire.ms_date(row["due"]),
        "LineAmountTypes": "Exclusive", "CurrencyCode": row["currency"], "SubTotal": net, "TotalTax": tax,
        "Total": round(net + tax, 2),
        "LineItems": [
            *({"Description": remark, "LineAmount": 0.0, "Tracking": []} for remark in kept["remarks"]),
            *(
                {
                    "Description": line["text"], "Quantity": 1.0, "UnitAmount": sign * line["amount"] / 100,
                    "LineAmount": sign * line["amount"] / 100, "AccountCode": line["account"],
                    "TaxType": line["vat_code"] or "NONE", "TaxAmount": sign * line["vat"] / 100, "Tracking": [],
                }
                for line in lines
            ),
        ],
    }  # fmt: skip
