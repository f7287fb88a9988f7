"""`/control/api` of this provider: accounts, the banks' own books, webhooks, and what is made by hand."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request

from sandbox import control, wsgi
from sandbox.control import body
from sandbox.ponto import consents, demo, fetching, webhooks
from sandbox.ponto.books import add_account, add_organisation, add_row, bank_rows, numbers_of
from sandbox.ponto.core import Sandbox, iso
from sandbox.store import Row


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = control.blueprint(
        sandbox, due=lambda: fetching.settle(sandbox), demo=lambda: demo.seed(sandbox), told=lambda: totals(sandbox)
    )
    for register in (control.add_settings, _account_routes, _row_routes, _app_routes):
        register(routes, sandbox)
    return routes


def totals(sandbox: Sandbox) -> dict[str, int]:
    tables = ("organisations", "bank_accounts", "accounts", "transactions", "synchronizations", "webhooks")
    counted = {name: sandbox.store.one(f"SELECT count(*) AS n FROM {name}") for name in tables}  # noqa: S608 - own names
    return {name: int(row["n"]) for name, row in counted.items() if row is not None}


def _account_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/organisations")
    def organisations() -> Response:
        sent = body()
        return wsgi.json_answer({"id": add_organisation(sandbox, sent["login"], sent.get("name", sent["login"]))}, 201)

    @routes.route("/accounts", methods=["GET", "POST"])
    def accounts() -> Response:
        if request.method == "POST":
            return wsgi.json_answer({"iban": add_account(sandbox, body())}, 201)
        return wsgi.json_answer({"accounts": [account_state(row) for row in consents.shared_accounts(sandbox)]})

    @routes.post("/accounts/<account>/<what>")
    def act(account: str, what: str) -> Response:
        """end or withdraw the consent, renew it, fetch now, deprecate the connection."""
        if sandbox.store.one("SELECT 1 FROM accounts WHERE id = ?", (account,)) is None:
            raise ValueError(f"no account {account} is shared")
        act_on(sandbox, account, what)
        return wsgi.json_answer({"done": what})


def act_on(sandbox: Sandbox, account: str, what: str) -> None:
    """Raises ValueError."""
    if what == "end":
        consents.end(sandbox, account)
    elif what == "withdraw":
        consents.withdraw(sandbox, account)
    elif what == "renew":
        consents.renew(sandbox, account)
    elif what == "fetch":
        fetching.fetch_now(sandbox, account)
    elif what == "deprecate":
        sandbox.store.run("UPDATE accounts SET deprecated = 1 WHERE id = ?", (account,))
    else:
        raise ValueError(f"cannot {what} an account")


def account_state(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"], "iban": row["iban"], "bank": row["bank"], "holder": row["holder"],
        "expires_at": iso(row["expires"]), "withdrawn": bool(row["withdrawn"]), "deprecated": bool(row["deprecated"]),
        "synchronised_at": iso(row["synchronised"]),
    }  # fmt: skip


def _row_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.get("/ledger")
    def ledger() -> Response:
        return wsgi.json_answer({"rows": bank_rows(sandbox, request.args.get("account"))})

    @routes.post("/rows")
    def rows() -> Response:
        sent = body()
        return wsgi.json_answer({"id": add_row(sandbox, sent["account"], sent)}, 201)

    @routes.get("/synchronizations")
    def synchronizations() -> Response:
        found = sandbox.store.all("SELECT * FROM synchronizations ORDER BY seq")
        told = [
            dict(row) | {"errors": json.loads(row["errors"]), "updated": json.loads(row["updated"])} for row in found
        ]
        return wsgi.json_answer({"synchronizations": told})


def _app_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/apps")
    def apps() -> Response:
        sent = body()
        sandbox.add_app(
            sent["client_id"], sent["secret"], list(sent["redirect_uris"]), sent.get("application_id", ""),
            sent.get("webhook", ""),
        )  # fmt: skip
        return wsgi.json_answer({"client_id": sent["client_id"]}, 201)

    @routes.route("/grants", methods=["GET", "POST"])
    def grants() -> Response:
        if request.method == "GET":
            rows = sandbox.store.all("SELECT * FROM grants ORDER BY rowid")
            return wsgi.json_answer({"grants": [dict(row) for row in rows]})
        return wsgi.json_answer(_grant(sandbox, body()), 201)

    @routes.post("/grants/<grant>/revoke")
    def revoke(grant: str) -> Response:
        return wsgi.json_answer({"revoked": sandbox.oauth.revoke(grant)})

    @routes.get("/webhooks")
    def told() -> Response:
        rows = sandbox.store.all("SELECT * FROM webhooks ORDER BY rowid")
        return wsgi.json_answer({"webhooks": [dict(row) | {"body": json.loads(row["body"])} for row in rows]})

    @routes.post("/webhooks/deliver")
    def deliver() -> Response:
        return wsgi.json_answer({"delivered": webhooks.deliver(sandbox)})


def _grant(sandbox: Sandbox, sent: dict[str, Any]) -> dict[str, Any]:
    """Tokens without pages, for all accounts of the organisation or those named."""
    organisation = sandbox.organisation(str(sent["organisation"]))
    app = sandbox.store.one("SELECT 1 FROM apps WHERE client_id = ?", (sent["client_id"],))
    if organisation is None or app is None:
        raise ValueError("no such organisation or app")
    consents.share(sandbox, sent["client_id"], sent.get("accounts") or numbers_of(sandbox, organisation["id"]))
    return sandbox.oauth.mint(sent["client_id"], organisation["id"], sandbox.settings)
