"""The addresses of Minox: tenants and administrations, lists, batches of lines."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Response, request

from sandbox.minox import answers
from sandbox.packages import oauth, trouble
from sandbox.packages.books import Entry, Line, Refusal, cents
from sandbox.packages.core import Stand
from sandbox.packages.package import bearer
from sandbox.store import Row
from sandbox.wsgi import json_answer

TENANT = "/api/1/tenant/<tenant>/administration"
ONE = f"{TENANT}/<int:administration>"


class Failed(Exception):
    """Answered as a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = (status, message)


def blueprint(stand: Stand) -> Blueprint:
    routes = Blueprint("minox", __name__)
    oauth.add(routes, stand, "/oauth/authorize", "/oauth/token")
    _list_routes(routes, stand)
    _batch_routes(routes, stand)

    @routes.after_request
    def told(answer: Response) -> Response:
        if answer.status_code != 429:
            left = trouble.usage()
            answer.headers["x-rate-limit-limit"] = str(stand.rules.per_window)
            answer.headers["x-rate-limit-remaining"] = str(left.window_left)
            answer.headers["x-rate-limit-reset"] = str(int(left.window_reset * 1000))
        return answer

    @routes.errorhandler(Failed)
    def failed(told: Failed) -> Response:
        return answers.errors(*told.answer)

    @routes.errorhandler(Refusal)
    def refused(told: Refusal) -> Response:
        return answers.refused(told)

    @routes.errorhandler(KeyError)
    @routes.errorhandler(TypeError)
    @routes.errorhandler(ValueError)
    def malformed(told: Exception) -> Response:
        return answers.errors(400, f"De aanvraag is onjuist: {told}")

    return routes


def seen(stand: Stand, tenant: str) -> list[Row]:
    """The administrations of a log-in. Raises Failed."""
    who = stand.access.who(bearer(request))
    if who is None:
        raise Failed(401, "Niet aangemeld.")
    if tenant != stand.settings["tenant"]:
        raise Failed(403, "Geen toegang tot deze klant.")
    return stand.books.dossiers(who.licence, who.dossiers)


def dossier(stand: Stand, tenant: str, administration: int) -> int:
    if administration not in [row["seq"] for row in seen(stand, tenant)]:
        raise Failed(404, "De administratie is niet gevonden.")
    return administration


def page(stand: Stand, items: list[dict[str, Any]]) -> Response:
    """A part of a list, with the address of the next."""
    size, number = int(stand.settings["page"]), int(request.args.get("currentpage", 1))
    more = number * size < len(items)
    links = {"next": f"{request.base_url}?currentpage={number + 1}"} if more else {}
    return json_answer({"links": links, "collection": items[(number - 1) * size : number * size]})


def _list_routes(routes: Blueprint, stand: Stand) -> None:
    @routes.get(TENANT)
    def administrations(tenant: str) -> Response:
        rows = seen(stand, tenant)
        return page(stand, [answers.administration(row, stand.books.periods(row["seq"])) for row in rows])

    def listed(name: str, read: Callable[[int], list[dict[str, Any]]]) -> None:
        def view(tenant: str, administration: int) -> Response:
            return page(stand, read(dossier(stand, tenant, administration)))

        routes.add_url_rule(f"{ONE}/{name}", f"list {name}", view)

    listed("ledger_account", lambda own: [answers.ledger_account(row) for row in stand.books.accounts(own)])
    listed("journal", lambda own: [answers.journal(row) for row in stand.books.journals(own)])
    listed("vat", lambda own: [answers.vat(row) for row in stand.books.vat_codes(own)])

    @routes.get(f"{ONE}/year/<int:year>/transaction_lines")
    def transaction_lines(tenant: str, administration: int, year: int) -> Response:
        own = dossier(stand, tenant, administration)
        heads = stand.books.entries(own, since=date(year, 1, 1), until=date(year, 12, 31))
        return page(stand, _lines(stand, own, heads))


def _lines(stand: Stand, own: int, heads: list[Row]) -> list[dict[str, Any]]:
    names = {row["code"]: row["name"] for row in stand.books.accounts(own)}
    lines = stand.books.lines([head["seq"] for head in heads])
    return [answers.line(head, row, names) for head in heads for row in lines[head["seq"]]]


def _batch_routes(routes: Blueprint, stand: Stand) -> None:
    address = f"{ONE}/transaction_line_batch/<uuid:batch>"

    @routes.put(address)
    def save(tenant: str, administration: int, batch: uuid.UUID) -> Response:
        """The same batch again is a change of it."""
        own, sent = dossier(stand, tenant, administration), request.get_json()
        if batch.version != 4:
            raise Failed(400, "De sleutel is geen uuid4.")
        with stand.books.together():
            before = stand.books.keyed(own, str(batch))
            if before is not None:
                stand.books.check_open(own, date.fromisoformat(before["date"]))
                stand.books.remove(own, before["seq"])
            made = stand.books.book(own, _entry(str(batch), sent, before))
        return Response(status=200) if stand.settings["empty_echo"] else json_answer(_lines(stand, own, [made]))

    @routes.get(address)
    def read(tenant: str, administration: int, batch: uuid.UUID) -> Response:
        own = dossier(stand, tenant, administration)
        found = stand.books.keyed(own, str(batch))
        if found is None:
            raise Failed(404, "De boeking is niet gevonden.")
        return json_answer(_lines(stand, own, [found]))


def _entry(batch: str, sent: list[Mapping[str, Any]], before: Row | None) -> Entry:
    """Raises Refusal, KeyError, TypeError and ValueError."""
    if not sent:
        raise Refusal("no_lines")
    journals = {line["journal"]["id"] for line in sent}
    if len(journals) > 1:
        raise ValueError("meer dan een dagboek")
    words = sent[0].get("description") or ""
    reference = words.split()[-1] if "KP-" in words else ""  # for the control page only
    lines = [_line(line) for line in sent]
    on = max(line.on for line in lines if line.on)
    number = before["number"] if before is not None else ""
    return Entry(journals.pop(), on, lines, reference=reference, key=batch, number=number)


def _line(sent: Mapping[str, Any]) -> Line:
    debit, credit = cents(sent["debit"]), cents(sent["credit"])
    if debit < 0 or credit < 0 or (debit and credit):
        raise ValueError("debet of credit")
    on, period = date.fromisoformat(sent["document_date"]), sent["period"]
    if (period["id"], period["fiscal_year"]) != (on.month, on.year):
        raise ValueError("de periode hoort niet bij de datum")
    return Line(
        sent["account"]["id"], debit - credit, sent.get("description") or "", on=on, extra={"period": dict(period)}
    )
