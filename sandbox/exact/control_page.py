"""`/control`: the sandbox at a glance, with buttons for time and trouble."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from sandbox.exact import ledger
from sandbox.exact.control import change_clock, clock_state, grant_rows
from sandbox.exact.core import Sandbox
from sandbox.exact.faults import KINDS


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
            "control.html", clock=clock_state(sandbox), totals=ledger.totals(store), settings=sandbox.settings,
            apps=store.all("SELECT * FROM apps ORDER BY rowid"), users=store.all("SELECT * FROM users ORDER BY rowid"),
            grants=grant_rows(sandbox), faults=sandbox.faults.all(), kinds=KINDS, log=list(sandbox.log)[-40:][::-1],
            divisions=store.all(
                "SELECT d.*, (SELECT count(*) FROM entries e WHERE e.Division = d.Code) AS entries FROM divisions d "
                "ORDER BY Code"
            ),
        )  # fmt: skip

    @routes.get("/divisions/<int:division>")
    def books(division: int) -> tuple[str, int] | str:
        row = sandbox.store.one("SELECT * FROM divisions WHERE Code = ?", (division,))
        if row is None:
            return render_template("missing.html", division=division), 404
        return render_template(
            "ledger.html", division=row, balances=ledger.balances(sandbox.store, division),
            entries=ledger.entries(sandbox.store, division, limit=100, newest=True),
        )  # fmt: skip


def _buttons(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/time")
    def time() -> Response:
        form = request.form
        if form.get("what") == "advance":
            change_clock(sandbox, {"advance": form.get("seconds", 0.0, type=float)})
        elif form.get("what") == "freeze":
            change_clock(sandbox, {"freeze": not sandbox.clock.frozen})
        elif form.get("what") == "real":
            change_clock(sandbox, {"real": True})
        sandbox.finish_late_writes()
        return _home()

    @routes.post("/trouble")
    def trouble() -> Response:
        form = request.form
        if form.get("remove") == "all":
            sandbox.faults.remove()
        elif form.get("remove"):
            sandbox.faults.remove(form.get("remove", type=int))
        else:
            given = {
                name: form[name] for name in ("kind", "method", "endpoint", "division", "seconds") if form.get(name)
            }
            sandbox.faults.add({**given, "times": form.get("times", type=int)})
        return _home()

    @routes.post("/grants/<grant>/revoke")
    def revoke(grant: str) -> Response:
        sandbox.oauth.revoke(grant)
        return _home()


def _home() -> Response:
    return redirect(url_for("control.home"), 303)
