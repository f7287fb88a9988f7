"""`/control/api` of the packages: logins, dossiers and the books.

`package` in the body or the query says whose it is.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from flask import Blueprint, Flask, Response, request

from sandbox import control, wsgi
from sandbox.control import body
from sandbox.packages import seed, trouble
from sandbox.packages.books import Entry, Line, cents, money
from sandbox.packages.core import Sandbox, Stand
from sandbox.store import Row


def blueprint(app: Flask, sandbox: Sandbox) -> Blueprint:
    routes = control.blueprint(
        sandbox, due=lambda: trouble.finish_late_calls(app, sandbox), demo=lambda: fill(sandbox),
        told=lambda: {"packages": {key: totals(stand) for key, stand in sandbox.stands.items()}},
    )  # fmt: skip
    for register in (_settings_routes, _access_routes, _dossier_routes, _book_routes):
        register(routes, sandbox)
    return routes


def fill(sandbox: Sandbox) -> None:
    """A login and dossiers in every package that has none."""
    for stand in sandbox.stands.values():
        seed.demo(stand)


def given(sandbox: Sandbox) -> tuple[Stand, dict[str, Any]]:
    """The package that is meant, and the rest of what was sent. Raises KeyError and ValueError."""
    sent = dict(request.args) | body()
    return sandbox.stand(str(sent.pop("package"))), sent


def totals(stand: Stand) -> dict[str, int]:
    """Dossiers, and entries that are booked."""
    counted = stand.store.one(
        "SELECT count(DISTINCT d.seq) AS dossiers, count(e.seq) AS entries FROM dossiers d"
        " LEFT JOIN entries e ON e.dossier = d.seq AND e.state = 'posted' WHERE d.package = ?",
        (stand.key,),
    )
    return {"dossiers": 0, "entries": 0} if counted is None else dict(counted)


def _settings_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.route("/settings", methods=["GET", "PATCH", "POST"])
    def settings() -> Response:
        stand, sent = given(sandbox)
        return wsgi.json_answer(stand.settings if request.method == "GET" else stand.change_settings(sent))


def _access_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/apps")
    def apps() -> Response:
        stand, sent = given(sandbox)
        stand.access.add_app(sent["client_id"], sent["secret"], list(sent["redirect_uris"]))
        return wsgi.json_answer({"client_id": sent["client_id"]}, 201)

    @routes.post("/logins")
    def logins() -> Response:
        stand, sent = given(sandbox)
        stand.access.add_login(**sent)
        return wsgi.json_answer({"login": sent["login"]}, 201)

    @routes.post("/keys")
    def keys() -> Response:
        """An API key: of `login`, with the `secret` given or a new one."""
        stand, sent = given(sandbox)
        return wsgi.json_answer({"key": stand.access.add_key(**sent)}, 201)

    @routes.post("/grants")
    def grants() -> Response:
        """Tokens without pages: login, app, dossiers."""
        stand, sent = given(sandbox)
        return wsgi.json_answer(stand.access.mint(sent.pop("login"), stand.tokens, **sent), 201)

    @routes.post("/withdraw")
    def withdraw() -> Response:
        """End consents and keys: of a secret, of a login, or all."""
        stand, sent = given(sandbox)
        return wsgi.json_answer({"ended": stand.access.withdraw(**sent)})

    @routes.post("/expire")
    def expire() -> Response:
        stand, sent = given(sandbox)
        return wsgi.json_answer({"ended": stand.access.expire(**sent)})


def _dossier_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.route("/dossiers", methods=["GET", "POST"])
    def dossiers() -> Response:
        stand, sent = given(sandbox)
        if request.method == "POST":
            return wsgi.json_answer(seed.dossier(stand, **sent), 201)
        return wsgi.json_answer({"dossiers": [dict(row) for row in stand.books.dossiers()]})

    @routes.post("/lock")
    def lock() -> Response:
        """Close the books of `dossier` up to the day `until`; "" opens them."""
        stand, sent = given(sandbox)
        trouble.lock(stand, str(sent["dossier"]), str(sent["until"]))
        return wsgi.json_answer({})

    @routes.get("/lists/<table>")
    def lists(table: str) -> Response:
        """Accounts, journals, VAT codes, relations or periods of a dossier."""
        stand, sent = given(sandbox)
        readers = {
            "accounts": stand.books.accounts, "journals": stand.books.journals, "vat_codes": stand.books.vat_codes,
            "relations": stand.books.relations, "periods": stand.books.periods,
        }  # fmt: skip
        return wsgi.json_answer({"rows": [dict(row) for row in readers[table](dossier_of(stand, sent)["seq"])]})

    @routes.route("/things", methods=["GET", "POST"])
    def things() -> Response:
        """What a package keeps besides: kind, owner and, to keep, id and value."""
        stand, sent = given(sandbox)
        if request.method == "POST":
            stand.keep(str(sent["kind"]), str(sent.get("owner", "")), str(sent["id"]), sent["value"])
        return wsgi.json_answer({"things": stand.kept(str(sent["kind"]), str(sent.get("owner", "")))})


def dossier_of(stand: Stand, sent: dict[str, Any]) -> Row:
    """Raises ValueError."""
    row = stand.books.dossier(str(sent.get("dossier", "")))
    if row is None:
        raise ValueError(f"no dossier {sent.get('dossier')!r}")
    return row


def _book_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.get("/ledger")
    def ledger() -> Response:
        """Entries with their lines, drafts too: of a dossier or of all, with a reference or any."""
        stand, sent = given(sandbox)
        rows = [dossier_of(stand, sent)] if sent.get("dossier") else stand.books.dossiers()
        found = [entry for row in rows for entry in entries(stand, row, sent.get("reference"))]
        return wsgi.json_answer({"entries": found})

    @routes.get("/balances")
    def balances() -> Response:
        stand, sent = given(sandbox)
        rows = stand.store.all(
            "SELECT l.account, sum(l.amount) AS balance FROM lines l JOIN entries e ON e.seq = l.entry"
            " WHERE l.dossier = ? AND e.state = 'posted' GROUP BY l.account ORDER BY l.account",
            (dossier_of(stand, sent)["seq"],),
        )
        return wsgi.json_answer({"balances": {row["account"]: money(row["balance"]) for row in rows}})

    @routes.post("/entries")
    def book() -> Response:
        """Book by hand, as a bookkeeper does: journal, date, text, lines of account, amount and text."""
        stand, sent = given(sandbox)
        lines = [Line(str(line["account"]), cents(line["amount"]), str(line.get("text", ""))) for line in sent["lines"]]
        entry = Entry(str(sent["journal"]), date.fromisoformat(sent["date"]), lines, text=str(sent.get("text", "")))
        made = stand.books.book(dossier_of(stand, sent)["seq"], entry)
        return wsgi.json_answer({"id": made["id"], "seq": made["seq"]}, 201)

    @routes.delete("/entries/<int:seq>")
    def remove(seq: int) -> Response:
        stand, sent = given(sandbox)
        stand.books.remove(dossier_of(stand, sent)["seq"], seq)
        return Response(status=204)


def entries(stand: Stand, dossier: Row, reference: str | None = None, newest: int = -1) -> list[dict[str, Any]]:
    """Amounts are texts. `newest`: so many of the latest, latest first; -1: all, oldest first."""
    heads = stand.books.entries(dossier["seq"], reference=reference or None, limit=newest, newest=newest >= 0)
    lines = stand.books.lines([head["seq"] for head in heads])
    return [
        {
            "dossier": dossier["id"], "code": dossier["code"], **{name: head[name] for name in HEAD},
            "extra": json.loads(head["extra"]),
            "lines": [
                {**{name: line[name] for name in LINE}, "amount": money(line["amount"]), "vat": money(line["vat"])}
                for line in lines[head["seq"]]
            ],
        }
        for head in heads
    ]  # fmt: skip


HEAD = (
    "seq", "id", "number", "journal", "kind", "date", "due", "currency", "state", "reference", "key", "text", "created",
)  # fmt: skip
LINE = ("number", "part", "date", "account", "text", "vat_code")
