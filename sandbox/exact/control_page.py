"""`/control` of this provider: grants, apps and users besides, and the books of a division."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from sandbox import control_page
from sandbox.exact import ledger
from sandbox.exact.control import grant_rows
from sandbox.exact.core import Sandbox

SHOWN = 100  # entries of a division's page


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = control_page.blueprint(
        sandbox, due=sandbox.finish_late_writes, shown=lambda: _shown(sandbox), unit="seconds"
    )

    @routes.get("/divisions/<int:division>")
    def books(division: int) -> tuple[str, int] | str:
        row = sandbox.store.one("SELECT * FROM divisions WHERE Code = ?", (division,))
        if row is None:
            return render_template("missing.html"), 404
        return render_template(
            "ledger.html", division=row, balances=ledger.balances(sandbox.store, division),
            entries=ledger.entries(sandbox.store, division, limit=SHOWN, newest=True),
        )  # fmt: skip

    @routes.post("/grants/<grant>/revoke")
    def revoke(grant: str) -> Response:
        sandbox.oauth.revoke(grant)
        return control_page.back()

    return routes


def _shown(sandbox: Sandbox) -> dict[str, Any]:
    store = sandbox.store
    divisions = store.all(
        "SELECT d.*, (SELECT count(*) FROM entries e WHERE e.Division = d.Code) AS entries FROM divisions d "
        "ORDER BY Code"
    )
    return {
        "totals": ledger.totals(store), "settings": sandbox.settings, "grants": grant_rows(sandbox),
        "apps": store.all("SELECT * FROM apps ORDER BY rowid"),
        "users": store.all("SELECT * FROM users ORDER BY rowid"), "divisions": divisions,
    }  # fmt: skip
