"""`/control/api` of this provider: the banks' own books, connections, callbacks, and what is made by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, request

from sandbox import control, wsgi
from sandbox.control import body
from sandbox.money import cents
from sandbox.saltedge import attempts, callbacks, demo, flow, ledger, signatures, visits
from sandbox.saltedge.banks import BY_CODE, Bank, iban
from sandbox.saltedge.core import Sandbox
from sandbox.store import Row


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = control.blueprint(
        sandbox, due=lambda: attempts.catch_up(sandbox), demo=lambda: demo.seed(sandbox),
        told=lambda: ledger.totals(sandbox.store),
    )  # fmt: skip
    for register in (control.add_settings, _app_routes, _bank_routes, _link_routes):
        register(routes, sandbox)
    return routes


def _app_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.route("/apps", methods=["GET", "POST"])
    def apps() -> Response:
        if request.method == "POST":
            sent = body()
            apart = {event: str(sent[event]) for event in ("success", "fail", "notify") if event in sent}
            sandbox.add_app(
                sent["app_id"], sent["secret"], sent.get("public_key", ""), str(sent.get("callbacks", "")), **apart
            )
            return wsgi.json_answer({"app_id": sent["app_id"]}, 201)
        rows = sandbox.store.all("SELECT app_id, success_url, fail_url, notify_url FROM apps ORDER BY app_id")
        return wsgi.json_answer({"apps": [dict(row) for row in rows]})

    @routes.get("/public-key")
    def public_key() -> Response:
        return Response(signatures.public_pem(sandbox.key), content_type="application/x-pem-file")

    @routes.get("/callbacks")
    def told() -> Response:
        rows = sandbox.store.all("SELECT * FROM callbacks ORDER BY id")
        found = [dict(row) | {"connection": str(row["connection"]), "body": row["body"].decode()} for row in rows]
        return wsgi.json_answer({"callbacks": found})

    @routes.post("/callbacks/deliver")
    def deliver() -> Response:
        return wsgi.json_answer({"sent": callbacks.deliver(sandbox)})


def _bank_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.route("/bank-accounts", methods=["GET", "POST"])
    def bank_accounts() -> Response:
        if request.method == "POST":
            return wsgi.json_answer({"iban": add_bank_account(sandbox, body())}, 201)
        rows = sandbox.store.all("SELECT * FROM bank_accounts ORDER BY rowid")
        return wsgi.json_answer({"bank_accounts": [dict(row) for row in rows]})

    @routes.post("/bank-accounts/<number>/transactions")
    def add(number: str) -> Response:
        return wsgi.json_answer({"id": add_transaction(sandbox, number, body())}, 201)

    @routes.post("/bank-accounts/<number>/reissue")
    def reissue(number: str) -> Response:
        """The bank tells rows of the last `days` again, under new ids."""
        return wsgi.json_answer({"rows": ledger.reissue(sandbox, number, int(body().get("days", 7)))})

    @routes.get("/ledger")
    def books() -> Response:
        """What is booked at the bank now: the truth against which everything stored can be held."""
        return wsgi.json_answer(
            {"rows": ledger.booked(sandbox, request.args.get("account"), request.args.get("since"))}
        )


def add_bank_account(sandbox: Sandbox, sent: dict[str, Any]) -> str:
    """Keys: provider, login; free: iban, name, nature, holder, opening (text), pace, since (ISO), currency."""
    bank = _bank(sent["provider"])
    made = iban(bank, sandbox.store.next_number("iban") + 5_000_000)
    number = str(sent.get("iban") or made).replace(" ", "").upper()
    if sandbox.store.one("SELECT 1 FROM bank_accounts WHERE iban = ?", (number,)):
        raise ValueError(f"{number} is there already")
    visits.add_bank_account(
        sandbox, bank, str(sent["login"]), number, name=str(sent.get("name", "Zichtrekening")),
        nature=str(sent.get("nature", "account")), holder=str(sent.get("holder", sent["login"])),
        opening=cents(sent.get("opening", "1000")), pace=float(sent.get("pace", 3)),
        since=date.fromisoformat(sent["since"]) if sent.get("since") else None,
        currency=str(sent.get("currency", "EUR")),
    )  # fmt: skip
    return number


def _bank(code: str) -> Bank:
    if code not in BY_CODE:
        raise ValueError(f"no bank {code!r}")
    return BY_CODE[code]


def add_transaction(sandbox: Sandbox, number: str, sent: dict[str, Any]) -> int:
    """Keys: amount (text); free: description, counterparty, counterparty_account, made_on (ISO), pending_hours."""
    store, now = sandbox.store, sandbox.clock.now()
    if store.one("SELECT 1 FROM bank_accounts WHERE iban = ?", (number,)) is None:
        raise ValueError(f"no account {number!r}")
    amount = cents(sent["amount"])
    extra = {"payer" if amount > 0 else "payee": str(sent.get("counterparty", ""))}
    if sent.get("counterparty_account"):
        extra["account_number"] = str(sent["counterparty_account"])
    hours = float(sent.get("pending_hours", 0))
    made = flow.row(
        number, date.fromisoformat(sent["made_on"]) if sent.get("made_on") else now.date(), now, amount,
        str(sent.get("description", "")), extra, now + timedelta(hours=hours) if hours else None,
    )  # fmt: skip
    identifier = store.next_number("bank_row")
    store.insert("bank_rows", id=identifier, **made)
    return identifier


def _link_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.get("/connections")
    def connections() -> Response:
        return wsgi.json_answer({"connections": ledger.connections(sandbox.store)})

    @routes.post("/connections/<int:number>/end")
    def end(number: int) -> Response:
        """`how`: "expire" (as if its time were over) or "revoke" (the person withdraws it at the bank)."""
        how = body().get("how", "expire")
        if how not in ("expire", "revoke"):
            raise ValueError("how must be expire or revoke")
        return wsgi.json_answer({"ended": end_consent(sandbox, number, how)})

    @routes.post("/connections/<int:number>/fetch")
    def fetch(number: int) -> Response:
        """The provider fetches by itself, at once."""
        row = _connection(sandbox, number)
        with sandbox.store.transaction():
            attempt = attempts.begin(sandbox, row, sandbox.clock.ms(), background=True, at_once=True)
            attempts.finish(sandbox, attempt)
        return wsgi.json_answer({"attempt": str(attempt["id"])})

    @routes.post("/consents")
    def consent() -> Response:
        """Go through the pages: `connect_url`, `login`; free: `provider`, `password`, `accounts` (all)."""
        sent = body()
        row = visits.visit(sandbox, str(sent["connect_url"]).rpartition("/")[2])
        bank = _bank(row["provider"] or str(sent["provider"]))
        login = str(sent["login"])
        found = [account["iban"] for account in visits.accounts_of(sandbox, bank, login)]
        chosen = [number for number in sent.get("accounts", found) if number in found]
        return wsgi.json_answer(
            {"address": visits.complete(sandbox, row, bank, login, str(sent.get("password", "")), chosen)}
        )


def end_consent(sandbox: Sandbox, number: int, how: str) -> bool:
    """`how`: expire or revoke. False when it had ended. Raises ValueError."""
    row = _connection(sandbox, number)
    consent = sandbox.store.one("SELECT * FROM consents WHERE id = ? AND revoked IS NULL", (row["last_consent"],))
    if consent is None:
        return False
    with sandbox.store.transaction():
        now = sandbox.clock.ms()
        if how == "expire":
            sandbox.store.run("UPDATE consents SET expires = ? WHERE id = ?", (now, consent["id"]))
        attempts.end_consent(sandbox, consent, "expired" if how == "expire" else "client", now)
    return True


def _connection(sandbox: Sandbox, number: int) -> Row:
    row = sandbox.store.one("SELECT * FROM connections WHERE id = ?", (number,))
    if row is None:
        raise ValueError(f"no connection {number}")
    return row
