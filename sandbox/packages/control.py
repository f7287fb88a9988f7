"""`/control/api`: time, faults, settings, logins, dossiers and the books, as JSON.

For tests, demos and the control page; no real provider has anything like it. `package` in the body
or the query says whose it is.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Flask, Response, request

from sandbox import wsgi
from sandbox.packages import seed, trouble
from sandbox.packages.books import Entry, Line, cents, money
from sandbox.packages.core import KINDS, Sandbox, Stand
from sandbox.store import Row


def blueprint(app: Flask, sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control_api", __name__, url_prefix="/control/api")
    _world_routes(routes, app, sandbox)
    for register in (_fault_routes, _access_routes, _dossier_routes, _book_routes):
        register(routes, sandbox)

    @routes.errorhandler(ValueError)
    @routes.errorhandler(LookupError)
    def wrong(error: Exception) -> Response:
        what = f"missing: {error.args[0]}" if isinstance(error, KeyError) else str(error)
        return wsgi.json_answer({"error": what}, 400)

    return routes


def body() -> dict[str, Any]:
    sent = request.get_json(silent=True) if request.data else {}
    if not isinstance(sent, dict):
        raise ValueError("a JSON object was expected")
    return sent


def given(sandbox: Sandbox) -> tuple[Stand, dict[str, Any]]:
    """The package that is meant, and the rest of what was sent. Raises KeyError and ValueError."""
    sent = dict(request.args) | body()
    return sandbox.stand(str(sent.pop("package"))), sent


def clock_state(sandbox: Sandbox) -> dict[str, Any]:
    clock = sandbox.clock
    return {"now": clock.now().isoformat(), "ahead_seconds": clock.offset, "frozen": clock.frozen}


def change_clock(app: Flask, sandbox: Sandbox, values: dict[str, Any]) -> None:
    """Keys: real, set (ISO), advance (seconds), freeze (true or false), in this order."""
    clock = sandbox.clock
    if values.get("real"):
        clock.real()
    if "set" in values:
        moment = datetime.fromisoformat(str(values["set"]))
        clock.set(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if "advance" in values:
        clock.advance(float(values["advance"]))
    if "freeze" in values:
        (clock.freeze if values["freeze"] else clock.thaw)()
    trouble.finish_late_calls(app, sandbox)


def _world_routes(routes: Blueprint, app: Flask, sandbox: Sandbox) -> None:
    @routes.get("/state")
    def state() -> Response:
        settings = {key: stand.settings for key, stand in sandbox.stands.items()}
        told = {"clock": clock_state(sandbox), "settings": settings, "calls": sandbox.calls}
        return wsgi.json_answer(told | {"packages": {key: totals(stand) for key, stand in sandbox.stands.items()}})

    @routes.post("/reset")
    def reset() -> Response:
        sandbox.reset()
        return wsgi.json_answer({})

    @routes.route("/clock", methods=["GET", "POST"])
    def clock() -> Response:
        if request.method == "POST":
            change_clock(app, sandbox, body())
        return wsgi.json_answer(clock_state(sandbox))

    @routes.route("/settings", methods=["GET", "PATCH", "POST"])
    def settings() -> Response:
        stand, sent = given(sandbox)
        return wsgi.json_answer(stand.settings if request.method == "GET" else stand.change_settings(sent))

    @routes.get("/requests")
    def requests() -> Response:
        limit = int(request.args.get("limit", 200))
        return wsgi.json_answer({"requests": [dataclasses.asdict(one) for one in list(sandbox.log)[-limit:]]})


def totals(stand: Stand) -> dict[str, int]:
    counted = stand.store.one(
        "SELECT count(DISTINCT d.seq) AS dossiers, count(e.seq) AS entries FROM dossiers d"
        " LEFT JOIN entries e ON e.dossier = d.seq AND e.state = 'posted' WHERE d.package = ?",
        (stand.key,),
    )
    return {"dossiers": 0, "entries": 0} if counted is None else dict(counted)


def _fault_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.route("/faults", methods=["GET", "POST", "DELETE"])
    def faults() -> Response:
        if request.method == "POST":
            return wsgi.json_answer({"id": add_fault(sandbox, body())}, 201)
        if request.method == "DELETE":
            sandbox.faults.remove()
            sandbox.limits.clear()
            return Response(status=204)
        return wsgi.json_answer({"faults": sandbox.faults.listed(), "kinds": KINDS})

    @routes.delete("/faults/<int:fault>")
    def remove_fault(fault: int) -> Response:
        sandbox.faults.remove(fault)
        return Response(status=204)


def add_fault(sandbox: Sandbox, sent: dict[str, Any]) -> int:
    """A fault of `sandbox.faults`, with package, dossier, endpoint and write (else both). Raises ValueError."""
    places = [str(sent.pop(name, "") or "*") for name in ("package", "dossier", "endpoint")]
    write = sent.pop("write", None)
    method = "" if write is None else "WRITE" if write else "READ"
    return sandbox.faults.add({**sent, "method": method, "endpoint": "/".join(places)})


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
