"""How Chift words its answers and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response

from sandbox.packages.books import Refusal, money
from sandbox.store import Row
from sandbox.wsgi import json_answer

KINDS = {
    "bank": "bank", "cash": "cash", "receivable": "receivable", "payable": "payable", "vat": "vat",
    "revenue": "income", "costs": "expense", "general": "other",
}  # fmt: skip
JOURNALS = {
    "bank": "financial_operation", "cash": "financial_operation", "sales": "customer_invoice",
    "purchase": "supplier_invoice", "general": "miscellaneous_operation",
}  # fmt: skip
REFUSALS = {
    "no_lines": (422, "ERROR_INVALID_BODY", "One of the input field of the body is invalid"),
    "unbalanced": (422, "ERROR_ENTRY_NOT_BALANCED", "The entry is not balanced."),
    "period_closed": (400, "ERROR_BOOKYEAR_CLOSED", "The book year is closed."),
    "no_period": (404, "ERROR_BOOKYEAR_NOT_FOUND", "The book year doesn't exist in the accounting system."),
    "journal_unknown": (404, "ERROR_JOURNAL_NOT_FOUND", "The journal doesn't exist in the accounting system."),
    "journal_blocked": (400, "ERROR_WRONG_ENTRY_TYPE", "The journal does not take this entry."),
    "account_unknown": (
        404, "ERROR_ACCOUNT_NUMBER_NOT_FOUND", "A used account number doesn't exist in the accounting system.",
    ),
    "account_blocked": (400, "ERROR_ACCOUNT_NUMBER_NOT_ACTIVE", "A used account number is not active."),
}  # fmt: skip


class Failed(Exception):
    """Answered as an error."""

    def __init__(self, status: int, code: str, message: str, detail: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.body = {"message": message, "status": "error", "detail": detail, "error_code": code}

    @property
    def answer(self) -> Response:
        return json_answer(self.body, self.status)


def of_books(refusal: Refusal) -> Failed:
    return Failed(*REFUSALS.get(refusal.code, (400, "ERROR_UNKNOWN", "An unknown error occurred.")))


def refusal(status: int, wait: float, limit: str) -> Response:
    """Chift has no limits of its own; a package behind it may."""
    if status == 429:
        answer = Failed(429, "", "Too many requests to the accounting system.").answer
        answer.headers["Retry-After"] = str(int(wait) or 1)
        return answer
    return Failed(status, "", "Error while trying to perform your request").answer


def folder(row: Row) -> dict[str, Any]:
    return {
        "id": row["code"], "name": row["name"], "selected": True, "active": bool(row["active"]),
        "vat": row["vat_number"] or None, "company_number": row["enterprise_number"] or None,
        "main_currency": row["currency"],
        "addresses": [{"address_type": "main", "street": "Rue de la Paix", "number": "1", "box": None,
                       "city": "Lyon", "postal_code": "69000", "country": row["country"]}],
    }  # fmt: skip


def account(row: Row) -> dict[str, Any]:
    return {
        "number": row["code"], "name": row["name"], "active": not row["blocked"], "type": KINDS[row["kind"]],
        "scheme_ids": [],
    }  # fmt: skip


def journal(row: Row) -> dict[str, Any]:
    treasury = row["type"] in ("bank", "cash")
    return {
        "id": row["id"], "code": row["code"], "name": row["name"], "journal_type": JOURNALS[row["type"]],
        "counterpart_account": row["account"] if treasury else None, "unallocated_account": None,
        "next_document_numbers": [], "iban": None, "currency": None, "blocked": bool(row["blocked"]),
    }  # fmt: skip


def vat_code(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"], "code": row["code"], "active": True, "label": row["name"], "scope": "nat",
        "rate": round(float(row["percentage"]) * 100, 2), "type": "both", "reversed": False,
    }  # fmt: skip


def bookyears(periods: Sequence[Row]) -> list[dict[str, Any]]:
    years: dict[int, list[Row]] = {}
    for row in periods:
        years.setdefault(row["year"], []).append(row)
    return [
        {"name": str(year), "start": rows[0]["starts"], "end": rows[-1]["ends"],
         "closed": all(row["shut"] for row in rows)}
        for year, rows in sorted(years.items())
    ]  # fmt: skip


def entry(head: Row, lines: Sequence[Row], journal: Row, accounts: dict[str, str]) -> dict[str, Any]:
    return {
        "reference": head["reference"] or None, "due_date": None, "journal_id": journal["id"], "name": head["number"],
        "journal_name": journal["name"], "date": head["date"], "posted": head["state"] == "posted", "id": head["id"],
        "due_dates": [], "attachments_info": {"status": "no", "attachments": []},
        "items": [
            {
                "account_number": line["account"], "partner_id": None, "description": line["text"],
                "debit": float(money(max(line["amount"], 0))), "credit": float(money(max(-line["amount"], 0))),
                "currency": head["currency"], "currency_exchange_rate": 1, "id": str(line["seq"]),
                "partner_name": None, "account_name": accounts[line["account"]], "matching_numbers": [],
            }
            for line in lines
        ],
    }  # fmt: skip


def page(items: list[dict[str, Any]], number: int, size: int) -> dict[str, Any]:
    """Raises Failed."""
    if number < 1 or not 1 <= size <= 100:
        raise Failed(422, "ERROR_INVALID_QUERY_PARAMETER", "One of the query parameters is invalid")
    return {"items": items[(number - 1) * size : number * size], "total": len(items), "page": number, "size": size}
