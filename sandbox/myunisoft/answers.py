"""How MyUnisoft words its answers and refusals."""

from __future__ import annotations

import json
from typing import Any

from flask import Response

from sandbox.packages.books import Refusal, money
from sandbox.store import Row
from sandbox.wsgi import json_answer

ROUTES = (
    ("get", "society"), ("get", "society/exercice"), ("get", "account"), ("get", "diary"), ("get", "vat_param"),
    ("post", "entry"), ("post", "entry/temp"), ("post", "entries"), ("get", "entry/id"),
)  # fmt: skip
TYPES = {
    "bank": (3, "BQ", "Banque"), "cash": (4, "CAISSE", "Caisse"), "sales": (2, "VTE", "Vente"),
    "purchase": (1, "ACH", "Achat"), "general": (5, "OD", "OD"),
}  # fmt: skip
REFUSALS = {
    "no_lines": ("ECR43", "La liste d'écriture est vide"),
    "unbalanced": ("ECR14", "Ecriture déséquilibrée"),
    "period_closed": ("ECR9", "Impossible de saisir dans un exercice cloturé."),
    "no_period": ("ECR10", "La date de l'écriture n'appartient à aucun exercice."),
    "journal_unknown": ("JOURNAL3", "Le journal est invalide."),
    "journal_blocked": ("JOURNAL21", "Le journal est fermé"),
    "account_unknown": ("COMPTE2", "Le compte n'existe pas."),
    "account_blocked": ("COMPTE32", "Le compte est fermé"),
    # The code of a repetition is written nowhere; this one says nothing about it.
    "key_used": ("ECR4", "L'écriture est invalide"),
}


class Failed(Exception):
    """Answered as an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.answer = (status, code, message)


def error(status: int, code: str, message: str) -> Response:
    return json_answer({"error": {"code": code, "message": message, "details": ""}}, status)


def refusal(status: int, wait: float, limit: str) -> Response:
    if status == 429:
        many = "ERR-TOO-MANY-CONCURRENT-REQUESTS" if limit == "at_once" else "ERR-TOO-MANY-REQUEST"
        return error(429, many, "You have exceeded the allowed number of requests.")
    if status == 503:
        return error(503, "ERR-API-UNDER-MAINTENANCE", "The API is under maintenance.")
    return error(status, "ERR-INTERNAL", "Internal Server Error")


def refused(told: Refusal) -> Response:
    code, message = REFUSALS.get(told.code, ("ECR4", "L'écriture est invalide"))
    return error(400, code, message)


def society(row: Row) -> dict[str, Any]:
    return {
        "society_id": row["seq"], "name": row["name"], "siret": row["enterprise_number"], "status": "",
        "country": "FRANCE", "folder_reference": row["code"], "member_id": 1, "secured": False, "safe_status": True,
    }  # fmt: skip


def account(number: int, row: Row) -> dict[str, Any]:
    return {
        "row_number": number, "account_id": row["seq"], "account_number": row["code"], "label": row["name"], "solde": 0,
        "sens": "", "comment": "", "closed": False, "blocked": bool(row["blocked"]), "vat_param": None,
        "counterpart_account": None, "complementary_informations": None,
    }  # fmt: skip


def diary(row: Row, account: Row | None) -> dict[str, Any]:
    id_, code, name = TYPES[row["type"]]
    treasury = account is not None and row["type"] in ("bank", "cash")
    own = {"id": account["seq"], "label": account["name"], "number": account["code"]} if account and treasury else None
    return {
        "code": row["code"], "name": row["name"], "account": own, "blocked": bool(row["blocked"]), "closed": False,
        "diary_id": row["seq"], "diary_type_id": id_, "diary_type_code": code, "diary_type_name": name,
    }  # fmt: skip


def vat_param(row: Row) -> dict[str, Any]:
    return {
        "vat_param_id": row["seq"], "code": row["code"], "account_ded": None, "account_coll": None,
        "vat": {"id": row["seq"], "rate": round(float(row["percentage"]) * 100, 2)},
        "vat_type": {"id": 1, "label": "Bien et service", "code": "BIEN"},
        "vat_exigility": {"id": 1, "label": "Débit (facturation)", "code": "DEB"}, "blocked": False,
    }  # fmt: skip


def exercices(periods: list[Row]) -> list[dict[str, Any]]:
    """A fiscal year for each calendar year, newest first; closed when all of it is."""
    years: dict[int, list[Row]] = {}
    for row in periods:
        years.setdefault(row["year"], []).append(row)
    return [
        {
            "exercice_id": rows[0]["seq"], "start_date": rows[0]["starts"].replace("-", ""),
            "end_date": rows[-1]["ends"].replace("-", ""), "label": "N", "result": 0, "ca": 0,
            "closed": all(row["shut"] for row in rows), "duration": len(rows), "closed_at": None, "closed_by": None,
        }
        for _, rows in sorted(years.items(), reverse=True)
    ]  # fmt: skip


def entry(head: Row, lines: list[Row], diary: Row, accounts: dict[str, Row], society: int) -> dict[str, Any]:
    draft = head["state"] == "draft"
    shown: dict[str, Any] = {
        "diary": {"id": diary["seq"], "code": diary["code"], "label": diary["name"]}, "comment": False,
        "entry_id": head["seq"], "date_piece": head["date"], "etablissement_id": society,
        "entry_list": [line(row, accounts[row["account"]]) for row in lines],
    }  # fmt: skip
    if draft:
        return shown | {"alerte": "", "doublon": None, "entry_origin_partner_id": head["key"], "pj_list": []}
    return shown | {"blocked": False, "entry_date": head["date"]}


def line(row: Row, account: Row) -> dict[str, Any]:
    """The side that is nothing is not told."""
    side, piece = "debit" if row["amount"] > 0 else "credit", json.loads(row["extra"]).get("piece", "")
    return {
        side: float(money(abs(row["amount"]))), "label": row["text"], "piece": piece, "piece2": "",
        "account": {"label": account["name"], "account_id": account["seq"], "account_number": account["code"]},
        "currency": "EUR", "line_entry_id": row["seq"], "deadline": row["date"],
    }  # fmt: skip
