"""`/control`: the sandbox at a glance, with buttons for time and trouble."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from sandbox.ponto import books as bank_books
from sandbox.ponto import control
from sandbox.ponto.consents import shared_accounts
from sandbox.ponto.core import KINDS, Sandbox

SHOWN_ROWS = 200


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control", __name__, url_prefix="/control")

    @routes.get("/")
    def home() -> str:
        return render_template(
            "control.html", clock=control.clock_state(sandbox), totals=control.totals(sandbox), kinds=KINDS,
            faults=sandbox.faults.all(), log=list(sandbox.log)[-40:][::-1],
            accounts=[control.account_state(row) for row in shared_accounts(sandbox)],
            webhooks=sandbox.store.all("SELECT * FROM webhooks ORDER BY rowid DESC LIMIT 20"),
        )  # fmt: skip

    @routes.get("/accounts/<number>")
    def books(number: str) -> tuple[str, int] | str:
        row = sandbox.store.one("SELECT * FROM bank_accounts WHERE iban = ?", (number,))
        if row is None:
            return render_template("over.html"), 404
        rows = bank_books.bank_rows(sandbox, number)[::-1][:SHOWN_ROWS]
        return render_template("books.html", account=row, rows=rows)

    _buttons(routes, sandbox)
    return routes


def _buttons(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/time")
    def time() -> Response:
        form = request.form
        if form.get("what") == "advance":
            control.change_clock(sandbox, {"advance": 86400 * form.get("days", 0.0, type=float)})
        elif form.get("what") == "freeze":
            control.change_clock(sandbox, {"freeze": not sandbox.clock.frozen})
        elif form.get("what") == "real":
            control.change_clock(sandbox, {"real": True})
        return _home()

    @routes.post("/trouble")
    def trouble() -> Response:
        form = request.form
        if form.get("remove") == "all":
            sandbox.faults.remove()
        elif form.get("remove"):
            sandbox.faults.remove(form.get("remove", type=int))
        elif form.get("kind") in KINDS:
            given = {name: form[name] for name in ("kind", "method", "endpoint", "seconds") if form.get(name)}
            details = {"code": form["code"]} if form.get("code") else {}
            sandbox.faults.add({**given, "times": form.get("times", type=int), "details": details})
        return _home()

    @routes.post("/act/<account>")
    def act(account: str) -> tuple[str, int] | Response:
        try:
            control.act_on(sandbox, account, request.form.get("what", ""))
        except ValueError:
            return render_template("over.html"), 400
        return _home()

    @routes.post("/accounts/<number>/rows")
    def add(number: str) -> tuple[str, int] | Response:
        try:
            bank_books.add_row(sandbox, number, dict(request.form.items()))
        except (ValueError, LookupError):
            return render_template("over.html"), 400
        return redirect(url_for("control.books", number=number), 303)


def _home() -> Response:
    return redirect(url_for("control.home"), 303)
