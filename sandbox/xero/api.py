"""Xero's addresses: connections, lists, and documents that are made by PUT or POST."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Request, Response, request

from sandbox import wsgi
from sandbox.packages import oauth
from sandbox.packages.core import Stand
from sandbox.packages.package import Call, bearer
from sandbox.store import Row
from sandbox.xero import documents, wire

BOOKS = "/api.xro/2.0"
MAX_KEY = 128
LISTS: dict[str, Callable[[Row], dict[str, Any]]] = {
    "Accounts": wire.account, "TaxRates": wire.tax_rate, "Contacts": wire.contact,
}  # fmt: skip
DOCUMENTS = ("ManualJournals", "Invoices", "CreditNotes")


def call(asked: Request) -> Call:
    """Limits are counted for each organisation; connections and tokens are not."""
    parts = asked.path.strip("/").split("/")
    books = len(parts) > 3 and parts[1] == "api.xro"
    tenant = asked.headers.get("xero-tenant-id", "") if books else ""
    return Call(tenant, parts[3] if books else parts[-1], books and asked.method != "GET", secret=bearer(asked))


def routes(stand: Stand) -> Blueprint:
    made = Blueprint("xero", __name__)
    oauth.add(made, stand, "/identity/connect/authorize", "/connect/token")

    @made.errorhandler(wire.ApiError)
    def refused(error: wire.ApiError) -> Response:
        return wsgi.json_answer(error.body, error.status)

    @made.get("/Connections")
    def connections() -> Response:
        return wsgi.json_answer([_connection(row) for row in _seen(stand)])

    @made.get(f"{BOOKS}/Organisation")
    def organisation() -> Response:
        return wire.answer("Organisations", [wire.organisation(_tenant(stand))], stand.clock.now())

    @made.get(f"{BOOKS}/<any(Accounts, TaxRates, Contacts):name>")
    def lists(name: str) -> Response:
        tenant = _tenant(stand)["seq"]
        reader = {
            "Accounts": stand.books.accounts,
            "TaxRates": stand.books.vat_codes,
            "Contacts": stand.books.relations,
        }
        rows = [LISTS[name](row) for row in reader[name](tenant)]
        return _page(stand, name, rows) if name == "Contacts" else wire.answer(name, rows, stand.clock.now())

    _document_routes(made, stand)
    return made


def _document_routes(made: Blueprint, stand: Stand) -> None:
    @made.get(f"{BOOKS}/<any(ManualJournals, Invoices, CreditNotes):name>")
    def listed(name: str) -> Response:
        conditions = wire.conditions(request.args.get("where", ""))
        rows = documents.listed(stand, _tenant(stand), name, conditions, lines="page" in request.args)
        return _page(stand, name, rows)

    @made.get(f"{BOOKS}/<any(ManualJournals, Invoices, CreditNotes):name>/<document>")
    def one(name: str, document: str) -> Response:
        tenant = _tenant(stand)
        row = stand.books.by_id("entries", tenant["seq"], document)
        if row is None or wire.head(row).get("endpoint") != name:
            raise wire.ApiError(404, {"Title": "NotFound", "Status": 404, "Detail": "The resource was not found"})
        return wire.answer(name, documents.told(stand, tenant["seq"], [row]), stand.clock.now())

    @made.route(f"{BOOKS}/<any(ManualJournals, Invoices, CreditNotes):name>", methods=["PUT", "POST"])
    def make(name: str) -> Response:
        return _once(stand, _tenant(stand), lambda tenant: _make(stand, tenant, name))


def _make(stand: Stand, tenant: Row, name: str) -> list[dict[str, Any]]:
    """All documents of the body or none. Raises ApiError."""
    sent = request.get_json(silent=True)
    items = sent.get(name) if isinstance(sent, dict) else None
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise wire.malformed(f"JSON with {name} was expected")
    with stand.books.together():
        made = [documents.make(stand, tenant, name, item) for item in items]
    return documents.told(stand, tenant["seq"], made)


def _once(stand: Stand, tenant: Row, work: Callable[[Row], list[dict[str, Any]]]) -> Response:
    """With an Idempotency-Key seen before, the first answer again; with another body a refusal."""
    key, name = request.headers.get("Idempotency-Key", ""), request.path.rpartition("/")[2]
    if len(key) > MAX_KEY:
        raise wire.malformed("The Idempotency-Key is longer than 128 characters")
    if not key:
        return wire.answer(name, work(tenant), stand.clock.now())
    digest = hashlib.sha256(request.get_data()).hexdigest()
    with stand.store.transaction():
        known = stand.thing("idempotency", tenant["id"], key)
        if known and known["at"] > stand.clock.ms() - stand.settings["key_minutes"] * 60_000:
            if known["body"] != digest:
                raise wire.malformed("The Idempotency-Key was used with another request")
            return wire.answer(name, known["rows"], stand.clock.now())
        rows = work(tenant)
        stand.keep("idempotency", tenant["id"], key, {"at": stand.clock.ms(), "body": digest, "rows": rows})
    return wire.answer(name, rows, stand.clock.now())


def _page(stand: Stand, name: str, rows: list[dict[str, Any]]) -> Response:
    page = max(request.args.get("page", 1, type=int), 1)
    size = min(max(request.args.get("pageSize", 100, type=int), 1), 1000)
    if "page" not in request.args:
        return wire.answer(name, rows[:size], stand.clock.now())
    paging = {"page": page, "pageSize": size, "pageCount": -(-len(rows) // size), "itemCount": len(rows)}
    return wire.answer(name, rows[(page - 1) * size : page * size], stand.clock.now(), paging)


def _seen(stand: Stand) -> list[Row]:
    """The organisations of the login. Raises ApiError."""
    who = stand.access.who(bearer(request))
    if who is None:
        raise wire.unauthorised()
    return stand.books.dossiers(who.licence, who.dossiers)


def _tenant(stand: Stand) -> Row:
    wanted = request.headers.get("xero-tenant-id", "").lower()
    for row in _seen(stand):
        if row["id"] == wanted:
            return row
    raise wire.forbidden()


def _connection(row: Row) -> dict[str, str]:
    made = "2025-01-01T00:00:00.0000000"
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, row["id"])), "tenantId": row["id"], "tenantType": "ORGANISATION",
        "tenantName": row["name"], "createdDateUtc": made, "updatedDateUtc": made,
    }  # fmt: skip
