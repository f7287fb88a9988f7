"""`/control`: all packages at a glance, with buttons for time and trouble."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from sandbox.packages import control
from sandbox.packages.core import KINDS, Sandbox

SHOWN = 100  # entries of a ledger page


def blueprint(app: Flask, sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control", __name__, url_prefix="/control")

    @routes.get("/")
    def home() -> str:
        return render_template(
            "control.html", clock=control.clock_state(sandbox), kinds=KINDS, faults=sandbox.faults.all(),
            log=list(sandbox.log)[-40:][::-1], stands=sandbox.stands,
            totals={key: control.totals(stand) for key, stand in sandbox.stands.items()},
        )  # fmt: skip

    @routes.get("/<key>")
    def package(key: str) -> tuple[str, int] | str:
        if key not in sandbox.stands:
            return render_template("missing.html"), 404
        stand = sandbox.stands[key]
        return render_template("package.html", stand=stand, dossiers=stand.books.dossiers())

    @routes.get("/<key>/<dossier>")
    def ledger(key: str, dossier: str) -> tuple[str, int] | str:
        stand = sandbox.stands.get(key)
        row = stand.books.dossier(dossier) if stand else None
        if stand is None or row is None:
            return render_template("missing.html"), 404
        return render_template(
            "ledger.html", stand=stand, dossier=row, entries=control.entries(stand, row, newest=SHOWN)
        )

    @routes.post("/time")
    def time() -> Response:
        form = request.form
        changes: dict[str, dict[str, Any]] = {
            "advance": {"advance": 86400 * form.get("days", 0.0, type=float)},
            "freeze": {"freeze": not sandbox.clock.frozen}, "real": {"real": True},
        }  # fmt: skip
        control.change_clock(app, sandbox, changes.get(form.get("what", ""), {}))
        return _home()

    @routes.post("/trouble")
    def trouble() -> Response:
        form = request.form
        if form.get("remove"):
            sandbox.faults.remove(None if form["remove"] == "all" else form.get("remove", type=int))
        elif form.get("kind") in KINDS:
            details = {"until": form["until"]} if form.get("until") else {}
            sent = {name: form[name] for name in ("kind", "package", "endpoint", "seconds") if form.get(name)}
            control.add_fault(sandbox, {**sent, "times": form.get("times", type=int), "details": details})
        return _home()

    return routes


def _home() -> Response:
    return redirect(url_for("control.home"), 303)
