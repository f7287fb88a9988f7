"""How Minox words its answers and refusals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flask import Response

from sandbox.packages.books import Refusal, money
from sandbox.store import Row
from sandbox.wsgi import json_answer

REFUSALS = {
    "no_lines": "Er zijn geen regels.",
    "unbalanced": "De boeking is niet in evenwicht.",
    "period_closed": "De periode van {date} is afgesloten.",
    "no_period": "Het boekjaar van {date} bestaat niet.",
    "journal_unknown": "Dagboek {journal} bestaat niet.",
    "journal_blocked": "Dagboek {journal} is geblokkeerd.",
    "account_unknown": "Rekening {account} bestaat niet.",
    "account_blocked": "Rekening {account} is geblokkeerd.",
}


def errors(status: int, *told: str) -> Response:
    shown = [{"message_code": "E001", "message_type": "error", "message": words} for words in told]
    return json_answer(shown, status)


def refused(refusal: Refusal) -> Response:
    return errors(400, REFUSALS.get(refusal.code, "De boeking is geweigerd.").format_map(refusal.values))


def refusal(status: int, wait: float, limit: str) -> Response:
    if status != 429:
        return errors(status, "Er is een storing.")
    answer = errors(429, "Te veel aanvragen.")
    answer.headers["x-rate-limit-remaining"] = "0"
    answer.headers["x-rate-limit-reset"] = str(int(wait * 1000))
    return answer


def administration(row: Row, periods: Sequence[Row]) -> dict[str, Any]:
    years: dict[int, list[Row]] = {}
    for period in periods:
        years.setdefault(period["year"], []).append(period)
    return {
        "id": row["seq"], "name": row["name"], "number_of_periods": 12, "vat_on_sub": False,
        "currency": {"id": row["currency"], "exchange_rate": 1, "description": "Euro"},
        "chamber_of_commerce": row["enterprise_number"], "country_code": row["country"],
        "fiscal_years": [
            {"fiscal_year": year, "number_of_periods": len(own), "start_date": own[0]["starts"],
             "end_date": own[-1]["ends"]}
            for year, own in sorted(years.items())
        ],
    }  # fmt: skip


def ledger_account(row: Row) -> dict[str, Any]:
    return {
        "id": row["code"], "description": row["name"], "isBalance": row["kind"] not in ("revenue", "costs"),
        "debit_credit_suggestion": "credit" if row["kind"] == "revenue" else "debet",
        "blocked": {"active": bool(row["blocked"]), "reason": ""},
    }  # fmt: skip


def journal(row: Row) -> dict[str, Any]:
    return {
        "id": row["code"], "description": row["name"], "type": row["type"], "ledger_account_id": int(row["account"]),
        "iban": "", "bic": "", "currency": {"id": "EUR", "exchange_rate": 1, "description": "Euro"},
    }  # fmt: skip


def vat(row: Row) -> dict[str, Any]:
    return {
        "id": row["seq"], "type": "Af te dragen (1a, 1b)", "percentage": round(float(row["percentage"]) * 100, 2),
        "account_id": row["account"].split("/")[0], "description": row["name"],
    }  # fmt: skip


def line(head: Row, row: Row, names: dict[str, str]) -> dict[str, Any]:
    """`names`: of accounts by code."""
    period = json.loads(row["extra"]).get("period") or {
        "id": int(row["date"][5:7]),
        "fiscal_year": int(row["date"][:4]),
    }
    return {
        "id": str(row["seq"]), "batch_id": head["key"] or "", "entry_number": int(head["number"]),
        "invoice_number": 0, "description": row["text"], "document_date": row["date"],
        "account": {"id": row["account"], "scheme": "MINOX", "type": "ledger_account",
                    "description": names[row["account"]]},
        "debit": float(money(max(row["amount"], 0))), "credit": float(money(max(-row["amount"], 0))),
        "journal": {"id": head["journal"], "description": "", "type": "", "line_number": row["number"],
                    "page_number": 1},
        "period": {**period, "description": ""}, "messages": [],
        "currency": {"id": head["currency"], "exchange_rate": 1, "description": ""},
    }  # fmt: skip
