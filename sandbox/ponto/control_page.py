"""`/control` of this provider: shared accounts and webhooks besides, and the books of a bank account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from sandbox import control_page
from sandbox.control import in_words
from sandbox.ponto import books as bank_books
from sandbox.ponto import control, fetching
from sandbox.ponto.consents import shared_accounts
from sandbox.ponto.core import Sandbox

SHOWN = 200  # rows of an account's page


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = control_page.blueprint(
        sandbox, due=lambda: fetching.settle(sandbox), shown=lambda: _shown(sandbox), unit="days", details=("code",)
    )

    @routes.post("/act/<account>")
    def act(account: str) -> Response:
        control.act_on(sandbox, account, request.form.get("what", ""))
        return control_page.back()

    @routes.get("/accounts/<number>")
    def books(number: str) -> tuple[str, int]:
        return _books(sandbox, number)

    @routes.post("/accounts/<number>/rows")
    def add(number: str) -> tuple[str, int] | Response:
        try:
            bank_books.add_row(sandbox, number, request.form.to_dict())
        except (ValueError, LookupError) as error:
            return _books(sandbox, number, in_words(error))
        return redirect(url_for("control.books", number=number), 303)

    return routes


def _books(sandbox: Sandbox, number: str, problem: str = "") -> tuple[str, int]:
    """The page of an account and its status; `problem` is what was wrong with a row to add."""
    row = sandbox.store.one("SELECT * FROM bank_accounts WHERE iban = ?", (number,))
    if row is None:
        return render_template("missing.html"), 404
    rows = bank_books.bank_rows(sandbox, number)[: -SHOWN - 1 : -1]
    return render_template("books.html", account=row, rows=rows, problem=problem), 400 if problem else 200


def _shown(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "totals": control.totals(sandbox),
        "accounts": [control.account_state(row) for row in shared_accounts(sandbox)],
        "webhooks": sandbox.store.all("SELECT * FROM webhooks ORDER BY rowid DESC LIMIT 20"),
    }
