"""The addresses of MyUnisoft: who may see what, lists, entries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Response, request

from sandbox.myunisoft import answers
from sandbox.myunisoft.answers import Failed
from sandbox.oauth import hashed
from sandbox.packages import trouble
from sandbox.packages.access import Who
from sandbox.packages.books import Entry, Line, Refusal, cents
from sandbox.packages.core import Stand
from sandbox.packages.package import bearer
from sandbox.store import Row
from sandbox.wsgi import json_answer

PIECE = re.compile(r"[a-zA-Z0-9]{1,25}")


def blueprint(stand: Stand) -> Blueprint:
    routes = Blueprint("myunisoft", __name__)
    _list_routes(routes, stand)
    _dossier_routes(routes, stand)
    _entry_routes(routes, stand)

    @routes.after_request
    def told(answer: Response) -> Response:
        left, over = trouble.usage(), stand.clock.now().timestamp() + trouble.usage().window_reset
        answer.headers["X-Rate-Limit-Total"] = str(stand.rules.per_window)
        answer.headers["X-Rate-Limit-Remaining"] = str(left.window_left)
        answer.headers["X-Rate-Limit-Reset"] = str(int(over))
        return answer

    @routes.errorhandler(Failed)
    def failed(told: Failed) -> Response:
        return answers.error(*told.answer)

    @routes.errorhandler(Refusal)
    def refused(told: Refusal) -> Response:
        return answers.refused(told)

    @routes.errorhandler(KeyError)
    @routes.errorhandler(TypeError)
    @routes.errorhandler(ValueError)
    def malformed(told: Exception) -> Response:
        return answers.error(400, "ECR4", f"L'écriture est invalide ({type(told).__name__})")

    return routes


def who(stand: Stand) -> Who:
    """The partner's secret first, then the key. Raises Failed."""
    secret = hashed(request.headers.get("X-Third-Party-Secret", ""))
    known = stand.store.one("SELECT 1 FROM apps WHERE package = ? AND secret_hash = ?", (stand.key, secret))
    if known is None:
        raise Failed(401, "ERR-INVALID-SECRET", "The X-Third-Party-Secret header is not valid.")
    found = stand.access.who(bearer(request))
    if found is None:
        raise Failed(401, "ERR-API-TOKEN-NOT-FOUND", "Unable to found the token in the DB.")
    return found


def society(stand: Stand) -> Row:
    """Of the header, or the only one of the key. Raises Failed."""
    own = who(stand)
    seen = stand.books.dossiers(own.licence, own.dossiers)
    wanted = request.headers.get("society-id", "")
    if not wanted and len(seen) != 1:
        raise Failed(400, "SOCIETE10", "Aucune société selectionnée")
    found = [row for row in seen if not wanted or str(row["seq"]) == wanted]
    if not found:
        raise Failed(403, "ERR-FORBIDDEN-ACCESS", "Vous n'avez pas accès à ce dossier.")
    return found[0]


def _list_routes(routes: Blueprint, stand: Stand) -> None:
    @routes.get("/api/v1/key/info")
    def key_info() -> Response:
        own = who(stand)
        told = [{"path": f"/api/v1/{path}", "method": method} for method, path in answers.ROUTES
                if path != stand.settings["missing_route"]]  # fmt: skip
        if request.args.get("mode") != "extended":
            return json_answer(told)
        single = stand.books.dossiers(own.licence, own.dossiers)[0]["seq"] if own.dossiers else 0
        target = {"type": "api" if single else "firm", "schemaId": 80, "thirdPartyId": 101, "societyId": single}
        version = {"current": 1, "latest": 1, "beta": False}
        state = {"version": version, "canBeActivated": True, "isActivated": True}
        return json_answer({"target": target, **state, "routes": told})

    @routes.get("/api/v1/society")
    def societies() -> Response:
        own = who(stand)
        rows = [answers.society(row) for row in stand.books.dossiers(own.licence, own.dossiers)]
        if own.dossiers:
            return json_answer(rows[0])
        return json_answer({"row_numbers": len(rows), "pages_number": None, "society_array": rows})


def _dossier_routes(routes: Blueprint, stand: Stand) -> None:
    @routes.get("/api/v1/society/exercice")
    def exercices() -> Response:
        return json_answer(answers.exercices(stand.books.periods(society(stand)["seq"])))

    @routes.get("/api/v1/account")
    def accounts() -> Response:
        rows = stand.books.accounts(society(stand)["seq"])
        shown = [answers.account(number, row) for number, row in enumerate(rows, 1)]
        return json_answer({"rows_number": len(rows), "pages_number": 1, "account_array": shown})

    @routes.get("/api/v1/diary")
    def diaries() -> Response:
        dossier = society(stand)["seq"]
        accounts = {row["code"]: row for row in stand.books.accounts(dossier)}
        rows = stand.books.journals(dossier)
        return json_answer([answers.diary(row, accounts.get(row["account"])) for row in rows])

    @routes.get("/api/v1/vat_param")
    def vat_params() -> Response:
        return json_answer([answers.vat_param(row) for row in stand.books.vat_codes(society(stand)["seq"])])


def _entry_routes(routes: Blueprint, stand: Stand) -> None:
    @routes.post("/api/v1/entry")
    def book() -> Response:
        return json_answer(_entries(stand, society(stand)["seq"], [_book(stand, "posted")], "E"))

    @routes.post("/api/v1/entry/temp")
    def book_draft() -> Response:
        return json_answer(_entries(stand, society(stand)["seq"], [_book(stand, "draft")], "IB"))

    @routes.get("/api/v1/entry/id")
    def origin() -> Response:
        found = stand.books.keyed(society(stand)["seq"], request.args["id_origin"])
        if found is None:
            if stand.settings["unknown_is_404"]:
                raise Failed(404, "ERR-HTTP", "Not found")
            return json_answer(None)
        type_ = "ENTRIES_TEMP" if found["state"] == "draft" else "ENTRIES"
        return json_answer({"id_entry": found["seq"], "type": type_})

    @routes.post("/api/v1/entries")
    def entries() -> Response:
        dossier = society(stand)["seq"]
        wanted = {one["name"]: one["value"] for one in (request.get_json().get("filters") or ())}
        since, until = (date.fromisoformat(wanted[name]) if name in wanted else None
                        for name in ("start_date", "end_date"))  # fmt: skip
        state = {"e": "posted", "o": "draft"}[request.args.get("type", "e").lower()]
        rows = stand.books.entries(dossier, journal=wanted.get("diary"), since=since, until=until, state=state)
        if stand.settings["lists_nothing"]:
            rows = []
        shown = [row for row in rows if "id_entry" not in wanted or str(row["seq"]) == str(wanted["id_entry"])]
        return json_answer(_entries(stand, dossier, shown, "E" if state == "posted" else "O"))


def _entries(stand: Stand, dossier: int, heads: list[Row], type_: str) -> dict[str, Any]:
    lines = stand.books.lines([head["seq"] for head in heads])
    diaries = {row["code"]: row for row in stand.books.journals(dossier)}
    accounts = {row["code"]: row for row in stand.books.accounts(dossier)}
    total = sum(line["amount"] for rows in lines.values() for line in rows if line["amount"] > 0) / 100
    shown = [answers.entry(head, lines[head["seq"]], diaries[head["journal"]], accounts, dossier) for head in heads]
    return {"type": type_, "debit_total": total, "credit_total": total, "entry_array": shown}


def _book(stand: Stand, state: str) -> Row:
    """Raises Failed, Refusal, KeyError, TypeError and ValueError."""
    dossier, sent = society(stand)["seq"], request.get_json()
    if sent["etablissement_id"] != dossier:
        raise Failed(400, "ECR48", "L'etablissement ne correspond pas")
    diary = stand.books.by_id("journals", dossier, int(sent["diary_id"]))
    if diary is None:
        raise Refusal("journal_unknown")
    on = date.fromisoformat(sent["date_piece"])
    accounts = {row["seq"]: row["code"] for row in stand.books.accounts(dossier)}
    lines = [_line(line, on, accounts) for line in sent["entry_list"]]
    if diary["type"] == "bank" and not any(line.account.startswith(("51", "54")) for line in lines):
        raise Failed(400, "ECR36", "Une écriture d'un journal de banque sans compte 51/54 ne peut être validée.")
    if sum(line.amount for line in lines):  # also of one that waits for approval
        raise Refusal("unbalanced")
    reference = sent.get("entry_origin_partner_id") or ""
    return stand.books.book(
        dossier, Entry(diary["code"], on, lines, reference=reference, key=reference or None, state=state)
    )


def _line(sent: Mapping[str, Any], on: date, accounts: Mapping[int, str]) -> Line:
    if not sent["label"]:
        raise Failed(400, "ECR42", "Impossible d'avoir un label vide")
    debit, credit = cents(sent["debit"]), cents(sent["credit"])
    if debit and credit:
        raise Failed(400, "ECR27", "Impossible de renseigner une valeur au débit et au crédit.")
    if debit < 0 or credit < 0 or not (debit or credit):
        raise Failed(400, "ECR2", "Les valeurs débit et crédit sont invalides.")
    piece = sent.get("piece") or ""
    if len(sent["label"]) > 50 or (piece and not PIECE.fullmatch(piece)) or date.fromisoformat(sent["deadline"]) < on:
        raise Failed(400, "ECR4", "L'écriture est invalide")
    if sent["account_id"] not in accounts:
        raise Refusal("account_unknown")
    return Line(accounts[sent["account_id"]], debit - credit, sent["label"], extra={"piece": piece})
