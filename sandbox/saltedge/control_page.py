"""`/control` of this provider: connections and callbacks besides, and the books of a bank account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from sandbox import control_page
from sandbox.saltedge import attempts, ledger
from sandbox.saltedge.control import add_transaction, end_consent
from sandbox.saltedge.core import Sandbox

SHOWN = 200  # rows of an account's page


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = control_page.blueprint(
        sandbox, due=lambda: attempts.catch_up(sandbox), shown=lambda: _shown(sandbox), unit="hours"
    )

    @routes.get("/bank-accounts/<number>")
    def books(number: str) -> tuple[str, int] | str:
        row = sandbox.store.one("SELECT * FROM bank_accounts WHERE iban = ?", (number,))
        if row is None:
            return render_template("missing.html"), 404
        return render_template("books.html", account=row, rows=ledger.booked(sandbox, number)[: -SHOWN - 1 : -1])

    @routes.post("/consent")
    def consent() -> Response:
        end_consent(sandbox, int(request.form["connection"]), request.form.get("how", "expire"))
        return control_page.back()

    @routes.post("/transaction")
    def transaction() -> Response:
        form = request.form.to_dict()
        add_transaction(sandbox, form.pop("account"), {name: value for name, value in form.items() if value})
        return control_page.back()

    return routes


def _shown(sandbox: Sandbox) -> dict[str, Any]:
    store = sandbox.store
    return {
        "totals": ledger.totals(store), "connections": ledger.connections(store),
        "accounts": store.all("SELECT * FROM bank_accounts ORDER BY rowid"),
        "callbacks": store.all("SELECT * FROM callbacks ORDER BY id DESC LIMIT 20"),
    }  # fmt: skip
