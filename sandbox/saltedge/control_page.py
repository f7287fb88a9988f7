"""`/control`: the sandbox at a glance, with buttons for time, trouble and consents."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from sandbox.saltedge import ledger
from sandbox.saltedge.control import add_fault, add_transaction, change_clock, clock_state, end_consent
from sandbox.saltedge.core import KINDS, Sandbox


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control", __name__, url_prefix="/control")
    _pages(routes, sandbox)
    _buttons(routes, sandbox)
    return routes


def _pages(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.get("/")
    def home() -> str:
        store = sandbox.store
        return render_template(
            "control.html", clock=clock_state(sandbox), totals=ledger.totals(store), faults=sandbox.faults.all(),
            kinds=KINDS, connections=ledger.connections(store), log=list(sandbox.log)[-40:][::-1],
            accounts=store.all("SELECT * FROM bank_accounts ORDER BY rowid"),
            callbacks=store.all("SELECT * FROM callbacks ORDER BY id DESC LIMIT 20"),
        )  # fmt: skip

    @routes.get("/bank-accounts/<number>")
    def books(number: str) -> str:
        return render_template("books.html", number=number, rows=ledger.booked(sandbox, number)[:-201:-1])


def _buttons(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/time")
    def time() -> Response:
        form = request.form
        if form.get("what") == "advance":
            change_clock(sandbox, {"advance": form.get("hours", 0.0, type=float) * 3600})
        elif form.get("what") == "freeze":
            change_clock(sandbox, {"freeze": not sandbox.clock.frozen})
        elif form.get("what") == "real":
            change_clock(sandbox, {"real": True})
        return _home()

    @routes.post("/trouble")
    def trouble() -> Response:
        form = request.form
        if form.get("remove") == "all":
            sandbox.faults.remove()
        elif form.get("remove"):
            sandbox.faults.remove(form.get("remove", type=int))
        else:
            given = {name: form[name] for name in ("kind", "method", "endpoint", "seconds") if form.get(name)}
            add_fault(sandbox, given | {"times": form.get("times", 1, type=int)})
        return _home()

    @routes.post("/consent")
    def consent() -> Response:
        end_consent(sandbox, request.form.get("connection", 0, type=int), request.form.get("how", "expire"))
        return _home()

    @routes.post("/transaction")
    def transaction() -> Response:
        form = request.form.to_dict()
        add_transaction(sandbox, form.pop("account"), {name: value for name, value in form.items() if value})
        return _home()


def _home() -> Response:
    return redirect(url_for("control.home"))
