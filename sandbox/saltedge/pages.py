"""What a person sees at the provider: choose a bank, log in, choose accounts, or cancel."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.saltedge import visits
from sandbox.saltedge.banks import BANKS, BY_CODE, Bank
from sandbox.saltedge.core import Sandbox
from sandbox.saltedge.errors import ApiError
from sandbox.store import Row


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("pages", __name__)

    @routes.get("/connect/<token>")
    def begin(token: str) -> AnyResponse:
        try:
            row = visits.visit(sandbox, token)
        except ApiError as error:
            return make_response(render_template("refused.html", problem=error.message), 410)
        bank = BY_CODE.get(row["provider"])
        return _log_in(sandbox, row, bank) if bank else _choose_bank(row)

    @routes.post("/connect/<token>")
    def go_on(token: str) -> AnyResponse:
        try:
            return _go_on(sandbox, visits.visit(sandbox, token))
        except ApiError as error:
            return make_response(render_template("refused.html", problem=error.message), 410)

    return routes


def _go_on(sandbox: Sandbox, row: Row) -> AnyResponse:
    form = request.form
    if form.get("decision") == "cancel":
        return redirect(visits.cancel(sandbox, row))
    bank = BY_CODE.get(row["provider"] or form.get("bank", ""))
    if bank is None:
        return _choose_bank(row)
    login = form.get("login", "").strip()
    if not login:
        return _log_in(sandbox, row, bank)
    found = visits.accounts_of(sandbox, bank, login)
    chosen = [number for number in form.getlist("accounts") if number in {account["iban"] for account in found}]
    if form.get("password") != visits.WRONG and not chosen:
        return make_response(
            render_template(
                "accounts.html", bank=bank, login=login, password=form.get("password", ""), accounts=found,
                problem="Choose at least one account." if form.get("step") == "accounts" else "",
            )
        )  # fmt: skip
    return redirect(visits.complete(sandbox, row, bank, login, form.get("password", ""), chosen))


def _choose_bank(row: Row) -> Response:
    offered = [bank for bank in BANKS if bank.status == "active" and (row["include_sandboxes"] or not bank.sandbox)]
    return make_response(render_template("bank.html", banks=offered))


def _log_in(sandbox: Sandbox, row: Row, bank: Bank) -> Response:
    """A renewal knows who logged in the last time."""
    connection = sandbox.store.one("SELECT login FROM connections WHERE id = ?", (row["connection"],))
    known = sandbox.store.all(
        "SELECT login, min(holder) AS holder FROM bank_accounts WHERE provider = ? GROUP BY login ORDER BY login",
        (bank.code,),
    )
    login = connection["login"] if connection else ""
    return make_response(render_template("login.html", bank=bank, login=login, known=known))
