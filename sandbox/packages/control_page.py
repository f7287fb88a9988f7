"""`/control` of the packages: all at a glance, the dossiers of one, and the books of a dossier."""

from __future__ import annotations

from flask import Blueprint, Flask, render_template

from sandbox import control_page
from sandbox.packages import control, trouble
from sandbox.packages.core import Sandbox

SHOWN = 100  # entries of a ledger page


def blueprint(app: Flask, sandbox: Sandbox) -> Blueprint:
    routes = control_page.blueprint(
        sandbox, due=lambda: trouble.finish_late_calls(app, sandbox), unit="days", details=("until",),
        shown=lambda: {
            "stands": sandbox.stands, "totals": {key: control.totals(stand) for key, stand in sandbox.stands.items()},
        },
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

    return routes
