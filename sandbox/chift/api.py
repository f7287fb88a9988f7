"""The addresses of Chift: our account, consumers, connections, and the books behind them."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.chift import answers
from sandbox.chift.answers import Failed
from sandbox.oauth import hashed
from sandbox.packages.books import Entry, Line, Refusal, cents
from sandbox.packages.core import Stand
from sandbox.packages.package import bearer
from sandbox.store import Row
from sandbox.wsgi import json_answer

TOKEN_SECONDS = 1800
ACCOUNTING = "/consumers/<consumer>/accounting"


@dataclass(frozen=True, slots=True)
class Behind:
    """The package that Chift speaks to."""

    name: str
    integration: int
    number_length: int


def blueprint(behind: Behind, stand: Stand) -> Blueprint:
    routes = Blueprint(stand.key, __name__)
    _account_routes(routes, behind, stand)
    _connection_routes(routes, behind, stand)
    _consent_routes(routes, stand)
    _list_routes(routes, stand)
    _entry_routes(routes, behind, stand)
    _reading_routes(routes, stand)

    @routes.before_request
    def known() -> Response | None:
        """Every call but those of people and the one for a token."""
        if request.path.split("/")[2] not in ("token", "connect"):
            try:
                _check_token(stand)
            except Failed as told:
                return told.answer
        return None

    @routes.errorhandler(Failed)
    def failed(told: Failed) -> Response:
        return told.answer

    @routes.errorhandler(KeyError)
    @routes.errorhandler(TypeError)
    @routes.errorhandler(ValueError)
    def malformed(told: Exception) -> Response:
        return Failed(422, "ERROR_INVALID_BODY", "One of the input field of the body is invalid", str(told)).answer

    return routes


def _check_token(stand: Stand) -> None:
    token = stand.kept("token", "").get(hashed(bearer(request)))
    if token is None or token["until"] <= stand.clock.ms():
        raise Failed(401, "ERROR_CHIFT_AUTHENTICATION_ERROR", "Error with the provided Chift token")


# ------------------------------------------------------------------------------ our account


def _account_routes(routes: Blueprint, behind: Behind, stand: Stand) -> None:
    @routes.post("/token")
    def token() -> Response:
        sent = request.get_json()
        if not sent["accountId"] or not stand.access.client(sent["clientId"], sent["clientSecret"]):
            raise Failed(401, "ERROR_CHIFT_AUTHENTICATION_ERROR", "Error with the provided combination")
        made, until = secrets.token_urlsafe(40), stand.clock.ms() + TOKEN_SECONDS * 1000
        stand.keep("token", "", hashed(made), {"until": until})
        shown = {"access_token": made, "token_type": "bearer", "expires_in": TOKEN_SECONDS}
        return json_answer(shown | {"expires_on": until // 1000})

    @routes.get("/integrations")
    def integrations() -> Response:
        image = "https://chift.example/logo.svg"
        state = "active" if stand.settings["switched_on"] else "inactive"
        own = {"integrationid": behind.integration, "name": behind.name, "status": state, "api": "Accounting"}
        return json_answer([own | {"logo_url": image, "icon_url": image}])

    @routes.post("/consumers")
    def new_consumer() -> Response:
        sent, id_ = request.get_json(), str(uuid.uuid4())
        if not 1 <= len(sent["name"]) <= 255:
            raise Failed(400, "", "The specified name is not valid")
        stand.keep("consumer", "", id_, sent)
        return json_answer({"consumerid": id_, **sent})

    @routes.patch("/consumers/<consumer>")
    def change_consumer(consumer: str) -> Response:
        changed = _consumer(stand, consumer) | request.get_json()
        stand.keep("consumer", "", consumer, changed)
        return json_answer({"consumerid": consumer, **changed})


def _consumer(stand: Stand, consumer: str) -> dict[str, Any]:
    found: dict[str, Any] | None = stand.kept("consumer", "").get(consumer)
    if found is None:
        raise Failed(404, "", "The consumer does not exist")
    return found


# ------------------------------------------------------------------------------ connections


def _connection_routes(routes: Blueprint, behind: Behind, stand: Stand) -> None:
    @routes.get("/consumers/<consumer>/connections")
    def connections(consumer: str) -> Response:
        _consumer(stand, consumer)
        shown = [
            {"connectionid": id_, "name": own["name"], "integration": behind.name, "integrationid": behind.integration,
             "api": "Accounting", "status": "active" if stand.access.who(own["key"]) else "inactive"}
            for id_, own in stand.kept("connection", consumer).items()
        ]  # fmt: skip
        return json_answer(shown)

    @routes.post("/consumers/<consumer>/connections")
    def new_connection(consumer: str) -> Response:
        _consumer(stand, consumer)
        sent = request.get_json()
        if sent.get("integrationid") != behind.integration or not stand.settings["switched_on"]:
            raise Failed(400, "", "The specified integrationid is not valid, is not active or does not exist")
        return json_answer({"url": f"{request.host_url}{stand.key}/connect/{consumer}/{uuid.uuid4()}"})

    @routes.patch("/consumers/<consumer>/connections/<connection>")
    def change_connection(consumer: str, connection: str) -> Response:
        if connection not in stand.kept("connection", consumer):
            raise Failed(404, "", "The connection does not exist")
        return json_answer({"url": f"{request.host_url}{stand.key}/connect/{consumer}/{connection}"})

    @routes.get("/consumers/<consumer>/connections/<connection>/transactions")
    def transactions(consumer: str, connection: str) -> Response:
        found = stand.kept("transaction", connection).get(request.args["client_request_id"])
        if found is None:
            raise Failed(404, "", "The transaction does not exist")
        return json_answer(found)


def _consent_routes(routes: Blueprint, stand: Stand) -> None:
    @routes.route("/connect/<consumer>/<connection>", methods=["GET", "POST"])
    def connect(consumer: str, connection: str) -> AnyResponse:
        back = _consumer(stand, consumer)["redirect_url"]
        login = stand.settings["auto_approve"] or request.form.get("login", "")
        if not login:
            dossiers = stand.books.dossiers()[:50]
            shown = render_template(
                "consent.html", stand=stand, asked=[], logins=stand.access.logins(), dossiers=dossiers
            )
            return make_response(shown)
        if request.form.get("decision", "allow") == "allow":
            key = stand.access.add_key(login, dossiers=request.form.getlist("dossiers") or None)
            stand.keep("connection", consumer, connection, {"name": login, "key": key})
        return redirect(back, 303)


def _connected(stand: Stand, consumer: str) -> tuple[str, list[Row]]:
    """The connection and the dossiers it sees. Raises Failed."""
    for id_, own in stand.kept("connection", consumer).items():
        who = stand.access.who(own["key"])
        if who is None:
            raise Failed(401, "ERROR_CONNECTOR_AUTHENTICATION", "Error related to the authentication to the connector")
        return id_, stand.books.dossiers(who.licence, who.dossiers)
    raise Failed(400, "ERROR_NO_ACTIVE_CONNECTION", "No active connection for this API is configured")


def _dossier(stand: Stand, consumer: str) -> Row:
    for row in _connected(stand, consumer)[1]:
        if row["code"] == request.args.get("folder_id"):
            return row
    raise Failed(404, "ERROR_FOLDER_NOT_FOUND", "The folder doesn't exist in the accounting system.")


# ------------------------------------------------------------------------------ lists


def _list_routes(routes: Blueprint, stand: Stand) -> None:
    def paged(name: str, read: Callable[[int], list[dict[str, Any]]]) -> None:
        def view(consumer: str) -> Response:
            items = read(_dossier(stand, consumer)["seq"])
            return json_answer(answers.page(items, *_asked()))

        routes.add_url_rule(f"{ACCOUNTING}/{name}", f"list {name}", view)

    paged("bookyears", lambda dossier: answers.bookyears(stand.books.periods(dossier)))
    paged("chart-of-accounts", lambda dossier: [answers.account(row) for row in stand.books.accounts(dossier)])
    paged("journals", lambda dossier: [answers.journal(row) for row in stand.books.journals(dossier)])
    paged("vat-codes", lambda dossier: [answers.vat_code(row) for row in stand.books.vat_codes(dossier)])

    @routes.get(f"{ACCOUNTING}/folders")
    def folders(consumer: str) -> Response:
        return json_answer([answers.folder(row) for row in _connected(stand, consumer)[1]])


def _asked() -> tuple[int, int]:
    return int(request.args.get("page", 1)), int(request.args.get("size", 50))


# ------------------------------------------------------------------------------ entries


def _entry_routes(routes: Blueprint, behind: Behind, stand: Stand) -> None:
    @routes.post(f"{ACCOUNTING}/journal-entries")
    def book(consumer: str) -> Response:
        dossier = _dossier(stand, consumer)["seq"]
        connection, _ = _connected(stand, consumer)
        named = request.headers.get("x-chift-client-requestid", "")
        with stand.store.transaction():
            _check_once(stand, connection, named)
            try:
                made = _book(stand, behind, dossier, request.get_json())
            except (Failed, Refusal) as told:
                failed = answers.of_books(told) if isinstance(told, Refusal) else told
                _record(stand, connection, named, failed.status, None)
                return failed.answer
            _record(stand, connection, named, 200, made["id"] if stand.settings["tells_id"] else None)
        return json_answer(_shown(stand, dossier, [made])[0])


def _reading_routes(routes: Blueprint, stand: Stand) -> None:
    @routes.get(f"{ACCOUNTING}/journal/entries")
    def entries(consumer: str) -> Response:
        dossier = _dossier(stand, consumer)["seq"]
        since, until = (date.fromisoformat(request.args[name]) for name in ("date_from", "date_to"))
        if until - since > timedelta(days=92):
            raise Failed(400, "ERROR_MAX_DIFFERENCE_MONTHS", "You can retrieve maximum 3 months of data at once.")
        wanted = request.args.get("journal_id")
        journal = stand.books.by_id("journals", dossier, wanted) if wanted else None
        if wanted and journal is None:
            raise answers.of_books(Refusal("journal_unknown"))
        state = None if request.args["unposted_allowed"] == "true" else "posted"
        heads = stand.books.entries(
            dossier, journal=journal["code"] if journal else None, since=since, until=until, state=state
        )
        return json_answer(answers.page(_shown(stand, dossier, heads), *_asked()))

    @routes.get(f"{ACCOUNTING}/journal/entries/<entry>")
    def one(consumer: str, entry: str) -> Response:
        dossier = _dossier(stand, consumer)["seq"]
        if not stand.settings["shows_one"]:
            told = "The requested resource is not supported by this connector."
            raise Failed(405, "ERROR_RESOURCE_NOT_SUPPORTED", told)
        found = stand.books.by_id("entries", dossier, entry)
        if found is None:
            raise Failed(404, "ERROR_ENTRY_NOT_FOUND", "The entry doesn't exist in the accounting system.")
        return json_answer(_shown(stand, dossier, [found])[0])


def _check_once(stand: Stand, connection: str, named: str) -> None:
    before = stand.kept("transaction", connection).get(named) if named else None
    if before is not None and before["status_code"] == 200:
        raise Failed(
            409, "REQUEST_ALREADY_PROCESSED", "Request already processed: 200",
            f"Request with same client request id {named} was already successfully processed",
        )  # fmt: skip


def _record(stand: Stand, connection: str, named: str, status: int, made: str | None) -> None:
    if named:
        at = stand.clock.now().isoformat()
        written = {"created_on": at, "method": "POST", "route": request.path, "status_code": status}
        stand.keep("transaction", connection, named, written | {"created_entity_id": made})


def _book(stand: Stand, behind: Behind, dossier: int, sent: Mapping[str, Any]) -> Row:
    """Raises Failed, Refusal, KeyError, TypeError and ValueError."""
    if behind.number_length and not 1 <= len(sent["number"]) <= behind.number_length:
        raise Failed(422, "ERROR_INVALID_BODY", f"The number may have {behind.number_length} characters.")
    if len(sent["items"]) < 2:
        raise Refusal("no_lines")
    journal = stand.books.by_id("journals", dossier, sent["journal_id"])
    if journal is None:
        raise Refusal("journal_unknown")
    reference = (sent.get("reference") or "") if stand.settings["keeps_reference"] else ""
    number = sent["number"] if stand.settings["keeps_number"] else ""
    return stand.books.book(
        dossier,
        Entry(
            journal["code"], date.fromisoformat(sent["date"]), [_line(item) for item in sent["items"]],
            reference=reference, number=number, currency=sent["currency"],
            state="posted" if sent.get("posted", True) else "draft",
        ),
    )  # fmt: skip


def _line(sent: Mapping[str, Any]) -> Line:
    debit, credit = cents(sent["debit"]), cents(sent["credit"])
    if debit < 0 or credit < 0 or (debit and credit):
        raise Failed(422, "ERROR_DEBIT_CREDIT_VALUE", "Debit and credit cannot be both positive.")
    if sent["account_type"] != "general_account":
        raise Failed(404, "ERROR_PARTNER_NOT_FOUND", "The client/supplier doesn't exist in the accounting system.")
    return Line(sent["account"], debit - credit, sent.get("description") or "")


def _shown(stand: Stand, dossier: int, heads: list[Row]) -> list[dict[str, Any]]:
    lines = stand.books.lines([head["seq"] for head in heads])
    journals = {row["code"]: row for row in stand.books.journals(dossier)}
    accounts = {row["code"]: row["name"] for row in stand.books.accounts(dossier)}
    return [answers.entry(head, lines[head["seq"]], journals[head["journal"]], accounts) for head in heads]
