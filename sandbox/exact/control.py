"""`/control/api` of this provider: the ledger, late writes, and what is made by hand."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request

from sandbox import control, wsgi
from sandbox.control import body
from sandbox.exact import ledger, seed
from sandbox.exact.core import ENVIRONMENTS, Sandbox
from sandbox.store import Row

CHANGEABLE = {
    "name": "Description", "status": "Status", "blocking": "BlockingStatus", "vat_number": "VATNumber",
    "enterprise_number": "ChamberOfCommerceNumber", "siret": "SiretNumber", "licence": "licence",
    "environment": "environment",
}  # fmt: skip


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = control.blueprint(
        sandbox, due=sandbox.finish_late_writes, demo=lambda: seed.demo(sandbox.store, sandbox.clock),
        told=lambda: ledger.totals(sandbox.store),
    )  # fmt: skip
    for register in (control.add_settings, _ledger_routes, _division_routes, _user_routes, _grant_routes):
        register(routes, sandbox)
    return routes


def _ledger_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.get("/late-writes")
    def late_writes() -> Response:
        rows = sandbox.store.all("SELECT id, due, division, endpoint, outcome FROM late_writes ORDER BY id")
        return wsgi.json_answer({"late_writes": [dict(row) for row in rows]})

    @routes.get("/ledger")
    def entries() -> Response:
        division = request.args.get("division", type=int)
        found = ledger.entries(sandbox.store, division, request.args.get("journal"))
        reference = request.args.get("reference")
        if reference:
            found = [entry for entry in found if _mentions(entry, reference)]
        return wsgi.json_answer({"entries": found})

    @routes.get("/balances")
    def balances() -> Response:
        return wsgi.json_answer({"balances": ledger.balances(sandbox.store, int(request.args["division"]))})

    @routes.route("/periods", methods=["GET", "POST"])
    def periods() -> Response:
        if request.method == "GET":
            rows = sandbox.store.all(
                "SELECT * FROM closed_periods WHERE Division = ?", (int(request.args["division"]),)
            )
            return wsgi.json_answer({"closed": [dict(row) for row in rows]})
        sent = body()
        if sent["status"] not in ("open", "closed"):
            raise ValueError("status must be open or closed")
        changed = seed.close_period(
            sandbox.store, int(sent["division"]), int(sent["year"]), int(sent["period"]), sent.get("journal"),
            closed=sent["status"] == "closed",
        )  # fmt: skip
        return wsgi.json_answer({"journals": changed})


def _mentions(entry: dict[str, Any], reference: str) -> bool:
    texts = [entry["your_ref"], entry["description"]]
    texts += [text for line in entry["lines"] for text in (line["notes"], line["description"])]
    return any(reference in text for text in texts if text)


def _division_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    store = sandbox.store

    @routes.route("/divisions", methods=["GET", "POST"])
    def divisions() -> Response:
        if request.method == "POST":
            return wsgi.json_answer({"code": seed.add_division(store, body())}, 201)
        rows = store.all("SELECT * FROM divisions ORDER BY Code")
        ibans = {
            row["Division"]: row["BankAccountIBAN"]
            for row in store.all("SELECT Division, BankAccountIBAN FROM journals WHERE BankAccountIBAN IS NOT NULL")
        }
        return wsgi.json_answer({"divisions": [_division(row) | {"iban": ibans.get(row["Code"])} for row in rows]})

    @routes.patch("/divisions/<int:code>")
    def change_division(code: int) -> Response:
        sent = body()
        unknown = set(sent) - set(CHANGEABLE)
        if unknown:
            raise ValueError(f"cannot change: {', '.join(sorted(unknown))}")
        with store.transaction():
            for name, value in sent.items():
                store.run(f"UPDATE divisions SET {CHANGEABLE[name]} = ? WHERE Code = ?", (value, code))  # noqa: S608 - names from the table above
        row = store.one("SELECT * FROM divisions WHERE Code = ?", (code,))
        if row is None:
            raise ValueError(f"no division {code}")
        return wsgi.json_answer(_division(row))


def _user_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    store = sandbox.store

    @routes.route("/users", methods=["GET", "POST"])
    def users() -> Response:
        if request.method == "POST":
            return wsgi.json_answer({"id": seed.add_user(store, body())}, 201)
        rows = store.all(
            "SELECT UserID, environment, login, FullName, Email, Language, company, role FROM users ORDER BY rowid"
        )
        return wsgi.json_answer({"users": [dict(row) for row in rows]})

    @routes.route("/apps", methods=["GET", "POST"])
    def apps() -> Response:
        if request.method == "POST":
            sent = body()
            seed.add_app(
                store, sent["client_id"], sent.get("name", "App"), sent["secret"], list(sent["redirect_uris"]),
                published=bool(sent.get("published")), scopes=sent.get("scopes"),
            )  # fmt: skip
            return wsgi.json_answer({"client_id": sent["client_id"]}, 201)
        rows = store.all("SELECT client_id, name, redirect_uris, published, scopes FROM apps ORDER BY rowid")
        return wsgi.json_answer(
            {"apps": [dict(row) | {"redirect_uris": json.loads(row["redirect_uris"])} for row in rows]}
        )


def _division(row: Row) -> dict[str, Any]:
    return {
        "code": row["Code"], "environment": row["environment"], "licence": row["licence"], "hid": row["Hid"],
        "name": row["Description"], "country": row["Country"], "currency": row["Currency"],
        "vat_number": row["VATNumber"],
        "enterprise_number": row["ChamberOfCommerceNumber"], "siret": row["SiretNumber"], "status": row["Status"],
        "blocking": row["BlockingStatus"], "address": row["AddressLine1"], "postcode": row["Postcode"],
        "city": row["City"],
    }  # fmt: skip


def _grant_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    store = sandbox.store

    @routes.route("/grants", methods=["GET", "POST"])
    def grants() -> Response:
        if request.method == "GET":
            return wsgi.json_answer({"grants": grant_rows(sandbox)})
        sent = body()
        environment = sent.get("environment", "nl")
        user = sandbox.oauth.user(environment, sent["login"])
        known = store.one("SELECT 1 FROM apps WHERE client_id = ?", (sent["client_id"].lower(),))
        if user is None or known is None or environment not in ENVIRONMENTS:
            raise ValueError("no such user or app in this environment")
        tokens = sandbox.oauth.mint(environment, sent["client_id"], user, sent.get("divisions"), sandbox.settings)
        return wsgi.json_answer(tokens.body(), 201)

    @routes.post("/grants/<grant>/revoke")
    def revoke(grant: str) -> Response:
        return wsgi.json_answer({"revoked": sandbox.oauth.revoke(grant)})

    @routes.get("/token-calls")
    def token_calls() -> Response:
        rows = store.all(
            "SELECT t.app, t.user, u.login, t.day, t.outcome, t.calls FROM token_calls t"
            " LEFT JOIN users u ON u.UserID = t.user ORDER BY t.day, t.app, t.user"
        )
        return wsgi.json_answer(
            {"token_calls": [dict(row) for row in rows], "total": sum(row["calls"] for row in rows)}
        )


def grant_rows(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Grants with the age of their last token in seconds; no secrets, none are kept."""
    now = sandbox.clock.ms()
    rows = sandbox.store.all(
        "SELECT g.*, a.name AS app_name, u.login, (SELECT max(issued) FROM access_tokens k WHERE k.grant_id = g.id) "
        "AS issued,"
        " (SELECT max(expires) FROM refresh_tokens r WHERE r.grant_id = g.id AND used IS NULL) AS refresh_expires"
        " FROM grants g LEFT JOIN apps a ON a.client_id = g.app LEFT JOIN users u ON u.UserID = g.user ORDER BY g.rowid"
    )
    return [
        {
            "id": row["id"], "app": row["app"], "app_name": row["app_name"], "login": row["login"],
            "environment": row["environment"], "state": row["state"], "superseded": bool(row["superseded"]),
            "divisions": None if row["divisions"] is None else json.loads(row["divisions"]),
            "refreshes": row["refreshes"],
            "token_age": None if row["issued"] is None else (now - row["issued"]) / 1000,
            "refresh_expires_in": None if row["refresh_expires"] is None else (row["refresh_expires"] - now) / 1000,
        }
        for row in rows
    ]  # fmt: skip
