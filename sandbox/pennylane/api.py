"""The addresses of both interfaces. They share every answer but for the fields that one of them lacks."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, request

from sandbox import wsgi
from sandbox.packages import trouble
from sandbox.packages.books import Entry, Line, Refusal, cents
from sandbox.packages.core import Stand
from sandbox.packages.package import bearer
from sandbox.pennylane import wire
from sandbox.pennylane.wire import Wrong
from sandbox.store import Row

MOST_LINES = 1000
AMOUNT = re.compile(r"(-?\d+(\.\d+)?)?")
FIRM = "/api/external/firm/v1/companies"
COMPANY = "/api/external/v2"
REFUSALS = {
    "no_lines": "ledger_entry_lines must not be empty",
    "unbalanced": "Entry lines are not balanced",
    "period_closed": "The fiscal year is closed for {date}",
    "no_period": "There is no fiscal year for {date}",
    "journal_blocked": "Journal {journal} is archived",
    "account_blocked": "Ledger account {account} is not enabled",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """One company, as seen through one of the interfaces."""

    stand: Stand
    dossier: Row
    firm: bool

    @property
    def place(self) -> str:
        return f"{wire.HOME}/firm/v1/companies/{self.dossier['seq']}" if self.firm else f"{wire.HOME}/v2"

    @property
    def id(self) -> int:
        return int(self.dossier["seq"])

    def accounts(self) -> dict[str, Row]:
        return {row["code"]: row for row in self.stand.books.accounts(self.id)}

    def journals(self) -> dict[str, Row]:
        return {row["code"]: row for row in self.stand.books.journals(self.id)}


def routes(stand: Stand) -> Blueprint:
    made = Blueprint("pennylane", __name__)

    @made.after_request
    def told(answer: Response) -> Response:
        left = trouble.usage()
        answer.headers["ratelimit-limit"] = str(stand.rules.per_window)
        answer.headers["ratelimit-remaining"] = str(left.window_left)
        answer.headers["ratelimit-reset"] = str(math.ceil(left.window_reset))
        return answer

    @made.errorhandler(Wrong)
    def wrong(error: Wrong) -> Response:
        return wire.error(error.status, error.words)

    @made.errorhandler(Refusal)
    def refused(error: Refusal) -> Response:
        return wire.error(422, REFUSALS[error.code].format(**error.values))

    @made.get(FIRM)
    def companies() -> Response:
        return wire.by_number(_own(stand, firm=True), wire.company, 1000)

    @made.get(f"{FIRM}/<int:number>")
    def one_company(number: int) -> Response:
        return wsgi.json_answer(wire.company(_desk(stand, number).dossier))

    @made.get(f"{COMPANY}/me")
    def me() -> Response:
        return wsgi.json_answer(_me(stand))

    for name, (methods, serve) in SERVED.items():
        _route(made, stand, name, methods, serve)
    return made


def _route(made: Blueprint, stand: Stand, name: str, methods: list[str], serve: Callable[..., Response]) -> None:
    """The same address below a company of the firm, and below the company's own interface."""

    def of_firm(number: int, **more: int) -> Response:
        return serve(_desk(stand, number), **more)

    def of_company(**more: int) -> Response:
        return serve(_desk(stand), **more)

    key = f"{name}-{methods[0]}".replace("/", "-")
    if name not in ONLY_COMPANY:
        made.add_url_rule(f"{FIRM}/<int:number>/{name}", f"firm-{key}", of_firm, methods=methods)
    made.add_url_rule(f"{COMPANY}/{name}", f"company-{key}", of_company, methods=methods)


# ------------------------------------------------------------------------------ who may see what


def _own(stand: Stand, *, firm: bool) -> Sequence[Row]:
    """The companies of the token: a firm's names none, a company's exactly one. Each opens its own interface only."""
    who = stand.access.who(bearer(request))
    if who is None:
        raise Wrong(401, "The access token is invalid")
    if firm != (who.dossiers is None):
        raise Wrong(403, 'Access to this resource requires scope "companies:readonly".')
    return stand.books.dossiers(who.licence, who.dossiers)


def _desk(stand: Stand, number: int | None = None) -> Desk:
    own = _own(stand, firm=number is not None)
    found = next((row for row in own if number in (None, row["seq"])), None)
    if found is None:
        raise Wrong(404, "Not Found")
    return Desk(stand, found, number is not None)


def _me(stand: Stand) -> wire.Json:
    dossier = _desk(stand).dossier
    who = stand.access.who(bearer(request))
    first, _, last = (who.name if who else "").partition(" ")
    user = {"id": who.grant if who else 0, "first_name": first, "last_name": last, "email": who.email if who else ""}
    company = {
        "id": dossier["seq"], "name": dossier["name"], "reg_no": dossier["enterprise_number"],
        "accounting_logic": "FR_PCG",
    }  # fmt: skip
    scopes = ["ledger_entries:all", "journals:readonly", "ledger_accounts:readonly", "fiscal_years:readonly"]
    return {"user": user | {"locale": "fr"}, "company": company, "scopes": scopes}


# ------------------------------------------------------------------------------ lists


def _journals(desk: Desk) -> Response:
    wanted = wire.conditions({"type": str})
    rows = [row for row in desk.journals().values() if wire.fits({"type": wire.JOURNAL_TYPES[row["type"]]}, wanted)]
    return wire.by_cursor(sorted(rows, key=lambda row: -row["seq"]), wire.journal)


def _accounts(desk: Desk) -> Response:
    wanted = wire.conditions({"id": int, "number": str, "enabled": lambda text: text == "true"})
    rows = [
        row
        for row in desk.accounts().values()
        if wire.fits({"id": row["seq"], "number": row["code"], "enabled": not row["blocked"]}, wanted)
    ]
    return wire.by_cursor(rows, lambda row: wire.account(row, firm=desk.firm), 100 if desk.firm else 1000)


def _years(desk: Desk) -> Response:
    months: dict[int, list[Row]] = {}
    for row in desk.stand.books.periods(desk.id):
        months.setdefault(row["year"], []).append(row)
    years = [months[number] for number in sorted(months, reverse=True)]

    def shown(year: list[Row]) -> wire.Json:
        return wire.year(year, firm=desk.firm)

    return wire.by_number(years, shown, 100) if desk.firm else wire.by_cursor(years, shown)


def _heads(desk: Desk) -> Response:
    journals = desk.journals()
    wanted = wire.conditions({"id": int, "journal_id": int, "date": _day})
    rows = [row for row in _entries(desk, wanted) if wire.fits(_filtered(row, journals), wanted)]

    def shown(row: Row) -> wire.Json:
        journal = journals[row["journal"]]
        told = wire.entry(row, journal, desk.place, firm=desk.firm)
        return told if desk.firm else told | wire.deprecated(journal)

    return wire.by_cursor(_sorted(rows), shown)


def _entries(desk: Desk, wanted: Sequence[tuple[str, str, Any]]) -> list[Row]:
    """Those of the books, narrowed by the day first where one is asked for."""
    day = next((value for field, operator, value in wanted if (field, operator) == ("date", "eq")), None)
    return desk.stand.books.entries(desk.id, since=day, until=day)


def _filtered(row: Row, journals: dict[str, Row]) -> dict[str, Any]:
    return {"id": row["seq"], "journal_id": journals[row["journal"]]["seq"], "date": date.fromisoformat(row["date"])}


def _sorted(rows: list[Row]) -> list[Row]:
    sort = request.args.get("sort", "-id")
    field = sort.removeprefix("-")
    if field not in ("id", "date"):
        raise Wrong(400, f"cannot sort by {field}")
    return sorted(rows, key=lambda row: row["seq" if field == "id" else "date"], reverse=sort.startswith("-"))


def _all_lines(desk: Desk) -> Response:
    journals, accounts = desk.journals(), desk.accounts()
    fields: dict[str, Callable[[str], Any]] = {"id": int, "journal_id": int, "ledger_account_id": int, "date": _day}
    wanted = wire.conditions(fields | ({"ledger_entry_id": int} if desk.firm else {}))
    heads = {row["seq"]: row for row in _entries(desk, wanted)}
    found = []
    for number, lines in desk.stand.books.lines(list(heads)).items():
        head = heads[number]
        for row in lines:
            values = _filtered(head, journals) | {"id": row["seq"], "ledger_entry_id": number}
            if wire.fits(values | {"ledger_account_id": accounts[row["account"]]["seq"]}, wanted):
                found.append(row)

    def shown(row: Row) -> wire.Json:
        head = heads[row["entry"]]
        return wire.listed_line(
            row, head, accounts[row["account"]], journals[head["journal"]], desk.place, firm=desk.firm
        )

    return wire.by_cursor(_sorted(found), shown)


def _lines(desk: Desk, entry: int) -> Response:
    _head(desk, entry)
    accounts = desk.accounts()
    rows = desk.stand.books.lines([entry])[entry]

    def shown(row: Row) -> wire.Json:
        account = accounts[row["account"]]
        return wire.line(row, account, desk.place) | {"ledger_account_id": account["seq"]}

    return wire.by_cursor(_sorted(rows), shown)


def _entry(desk: Desk, entry: int) -> Response:
    return wsgi.json_answer(_shown(desk, _head(desk, entry)))


def _head(desk: Desk, entry: int) -> Row:
    found = desk.stand.books.by_id("entries", desk.id, entry)
    if found is None:
        raise Wrong(404, "Not Found")
    return found


def _shown(desk: Desk, head: Row) -> wire.Json:
    accounts = desk.accounts()
    rows = desk.stand.books.lines([head["seq"]])[head["seq"]]
    lines = [wire.line(row, accounts[row["account"]], desk.place) for row in rows]
    return wire.entry(head, desk.journals()[head["journal"]], desk.place, firm=desk.firm, lines=lines)


def _day(text: str) -> date:
    return date.fromisoformat(text)


# ------------------------------------------------------------------------------ booking

NEEDED = {"date", "label", "journal_id", "ledger_entry_lines"}
TAKEN = {"file_attachment_id", "currency"}
TAKEN_OF_COMPANY = TAKEN | {"due_date", "piece_number"}


def _book(desk: Desk) -> Response:
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict) or not NEEDED <= set(sent) <= NEEDED | (TAKEN if desk.firm else TAKEN_OF_COMPANY):
        raise Wrong(400, "The body does not match the description")
    journal = desk.stand.books.by_id("journals", desk.id, _id(sent["journal_id"]))
    if journal is None:
        raise Wrong(404, "Journal not found")
    if not isinstance(sent["ledger_entry_lines"], list) or len(sent["ledger_entry_lines"]) > MOST_LINES:
        raise Wrong(400, f"ledger_entry_lines must hold at most {MOST_LINES} lines")
    try:
        on = date.fromisoformat(sent["date"])
    except (TypeError, ValueError):
        raise Wrong(400, "date: InvalidDateFormat") from None
    piece = str(sent.get("piece_number") or secrets.token_hex(5).upper())
    entry = Entry(
        journal["code"], on, [_line(desk, line) for line in sent["ledger_entry_lines"]], reference=str(sent["label"]),
        text=str(sent["label"]), currency=str(sent.get("currency", "EUR")), extra={"piece_number": piece},
    )  # fmt: skip
    head = desk.stand.books.book(desk.id, entry)
    shown = _shown(desk, head)
    if not desk.firm:
        del shown["created_at"], shown["updated_at"]
        shown |= wire.deprecated(journal) | {"ledger_attachment_id": None}
        for line in shown["ledger_entry_lines"]:
            line["ledger_account_id"] = line["ledger_account"]["id"]
    return wsgi.json_answer(shown, 201)


def _line(desk: Desk, sent: Any) -> Line:
    needed = {"debit", "credit", "ledger_account_id"}
    if not isinstance(sent, dict) or not needed <= set(sent) <= needed | {"label"}:
        raise Wrong(400, "A ledger entry line does not match the description")
    sides = (sent["debit"], sent["credit"])
    if not all(isinstance(side, str) and AMOUNT.fullmatch(side) for side in sides):
        raise Wrong(400, "debit and credit: InvalidPattern")
    account = desk.stand.books.by_id("accounts", desk.id, _id(sent["ledger_account_id"]))
    if account is None:
        raise Wrong(422, "Ledger account not found")
    return Line(account["code"], cents(sides[0]) - cents(sides[1]), str(sent.get("label", "")))


def _id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(400, "an id must be an integer")
    return value


ONE_ENTRY = "ledger_entries/<int:entry>"
SERVED: dict[str, tuple[list[str], Callable[..., Response]]] = {
    "journals": (["GET"], _journals),
    "ledger_accounts": (["GET"], _accounts),
    "fiscal_years": (["GET"], _years),
    "ledger_entries": (["GET", "POST"], lambda desk: _book(desk) if request.method == "POST" else _heads(desk)),
    "ledger_entry_lines": (["GET"], _all_lines),
    ONE_ENTRY: (["GET"], _entry),
    f"{ONE_ENTRY}/ledger_entry_lines": (["GET"], _lines),
}
ONLY_COMPANY = {f"{ONE_ENTRY}/ledger_entry_lines"}
