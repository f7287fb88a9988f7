"""The HTTP API for accounting software: the bank accounts of its groups. docs/api.md tells it."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from portal.connectors.errors import Refused
from portal.connectors.statement import Statement as ReadStatement
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid, PortalError
from portal.ledger import exporting
from portal.ledger.balances import balances_by_day
from portal.routes import _openapi, _problem_json, _user_code
from portal.routes import _software_formats as formats
from portal.routes._access import db, public, with_user_code
from portal.routes._software_formats import CAMT, CODA, CSV, JSON
from portal.routes._statement_file import as_camt, as_coda
from portal.software import reading
from portal.software.reading import Span

blueprint = Blueprint("software_api", __name__, url_prefix="/api/v1")
ACCOUNT = "/accounts/<uuid:account_id>"
USUAL, MOST_DAYS = 100, 366
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,3}")


@blueprint.get("/openapi.json")
@public
def openapi() -> Response:
    return jsonify(_openapi.document(request.url_root.rstrip("/")))


@blueprint.get("/groups")
@with_user_code
def groups() -> Response:
    """The account groups of the software."""
    _asked("format")
    _form(JSON)
    return jsonify(groups=[{"id": str(one.id), "name": one.name} for one in reading.groups(db())])


@blueprint.get("/accounts")
@with_user_code
def accounts() -> Response:
    _asked("cursor", "limit", "format")
    form = _form(JSON, CSV)
    page = reading.accounts(db(), cursor=request.args.get("cursor", ""), limit=_limit())
    told = [formats.of_account(read) for read in page.rows]
    if form == CSV:
        return _paged(formats.as_csv(formats.ACCOUNT, map(formats.account_row, page.rows)), page.cursor)
    return _paged(jsonify(accounts=told, next=page.cursor or None), page.cursor)


@blueprint.get(ACCOUNT)
@with_user_code
def account(account_id: uuid.UUID) -> Response:
    _asked("format")
    _form(JSON)
    return jsonify(formats.of_account(reading.account(db(), account_id)))


@blueprint.get(ACCOUNT + "/balances")
@with_user_code
def balances(account_id: uuid.UUID) -> Response:
    """At the end of each day, as far as statements prove them."""
    _asked("from", "to", "format")
    form, read = _form(JSON, CSV), reading.account(db(), account_id)
    span = _span()
    until = span.until or clock.today()
    since = span.since or max(until, date.min + timedelta(MOST_DAYS)) - timedelta(30)
    if (until - since).days >= MOST_DAYS:
        raise _wrong("from", f"at most {MOST_DAYS} days before to")
    found = balances_by_day(reading.place(db(), read), read.row.id, since, until)
    rows = [{"date": one.date.isoformat(), "amount": formats.figure(one.amount)} for one in found]
    if form == CSV:
        currency = read.row.currency
        return formats.as_csv(("date", "balance", "currency"), ((r["date"], r["amount"], currency) for r in rows))
    return jsonify(account=formats.of_account(read), balances=rows)


@blueprint.get(ACCOUNT + "/transactions")
@with_user_code
def transactions(account_id: uuid.UUID) -> Response:
    """Booked lines, oldest first; a period as one statement in CAMT.053 and CODA."""
    _asked("from", "to", "cursor", "limit", "format")
    form, read, span = _form(JSON, CSV, CAMT, CODA), reading.account(db(), account_id), _span()
    if form in (CAMT, CODA):
        if span.since is None or span.until is None:
            raise _wrong("to" if span.since else "from", "a day, as both are needed for a statement file")
        return _file(exporting.of_period(reading.place(db(), read), read.row.id, span.since, span.until), form)
    page = reading.lines(db(), read, span, cursor=request.args.get("cursor", ""), limit=_limit())
    if form == CSV:
        rows = (formats.line_row(read.row, line) for line in page.rows)
        return _paged(formats.as_csv(formats.LINE, rows), page.cursor)
    told = [formats.of_line(read.row, line) for line in page.rows]
    return _paged(jsonify(transactions=told, next=page.cursor or None), page.cursor)


@blueprint.get(ACCOUNT + "/statements")
@with_user_code
def statements(account_id: uuid.UUID) -> Response:
    _asked("from", "to", "cursor", "limit", "format")
    form, read = _form(JSON, CSV), reading.account(db(), account_id)
    page = reading.statements(db(), read, _span(), cursor=request.args.get("cursor", ""), limit=_limit())
    if form == CSV:
        return _paged(formats.as_csv(formats.STATEMENT, map(formats.statement_row, page.rows)), page.cursor)
    told = [formats.of_statement(row) for row in page.rows]
    return _paged(jsonify(statements=told, next=page.cursor or None), page.cursor)


@blueprint.get(ACCOUNT + "/statements/<uuid:statement_id>")
@with_user_code
def statement(account_id: uuid.UUID, statement_id: uuid.UUID) -> Response:
    """One statement with all its lines."""
    _asked("format")
    form, read = _form(JSON, CSV, CAMT, CODA), reading.account(db(), account_id)
    row = reading.statement(db(), read, statement_id)
    if form in (CAMT, CODA):
        return _file(exporting.of_statement(reading.place(db(), read), row.id), form)
    if form == CSV:
        lines = (formats.line_row(read.row, line) for line in reading.lines_of(db(), row))
        return formats.as_csv(formats.LINE, lines)
    told = [formats.of_line(read.row, line) for line in reading.lines_of(db(), row)]
    return jsonify(formats.of_statement(row) | {"account": formats.of_account(read), "transactions": told})


# ------------------------------------------------------------------ what was asked


def _asked(*names: str) -> None:
    """Nothing is overheard: a parameter that is not known, or stands twice, is told."""
    for name, values in request.args.lists():
        if name not in names or len(values) > 1:
            known = ", ".join(names)
            raise _wrong(name[:60], f"known here, each once, are {known}")


def _form(*offered: str) -> str:
    """By `format`, else by Accept. Raises Invalid and PortalError 406."""
    wanted = request.args.get("format")
    if wanted is not None:
        if wanted in offered:
            return wanted
        raise _wrong("format", "one of " + ", ".join(offered))
    best = request.accept_mimetypes.best_match([formats.MIMETYPES[form] for form in offered])
    if best is None and request.accept_mimetypes:
        refused = PortalError("software.not_acceptable", formats=", ".join(offered))
        refused.status = 406
        raise refused
    return next((form for form in offered if formats.MIMETYPES[form] == best), offered[0])


def _span() -> Span:
    since, until = _day("from"), _day("to")
    if since and until and since > until:
        raise _wrong("to", "not before from")
    return Span(since, until)


def _day(name: str) -> date | None:
    told = request.args.get(name)
    if told is None:
        return None
    try:
        if _DAY.fullmatch(told):
            return date.fromisoformat(told)
    except ValueError:
        pass
    raise _wrong(name, "a day like 2026-03-31")


def _limit() -> int:
    told = request.args.get("limit", str(USUAL))
    if not _NUMBER.fullmatch(told) or not 1 <= int(told) <= reading.MOST:
        raise _wrong("limit", f"a whole number from 1 to {reading.MOST}")
    return int(told)


def _wrong(name: str, expected: str) -> Invalid:
    return Invalid("software.parameter", name=name, expected=expected)


# ------------------------------------------------------------------ answers


def _paged(response: Response, cursor: str) -> Response:
    """Where the next page is also stands in a header (RFC 8288), for answers that are not JSON."""
    if cursor:
        there = request.args.to_dict() | {"cursor": cursor}
        response.headers["Link"] = f'<{formats.address(request.base_url, there)}>; rel="next"'
    return response


def _file(read: ReadStatement, form: str) -> Response:
    try:
        return as_coda(read) if form == CODA else as_camt(read)
    except Refused as error:
        raise Conflict(error.code, **error.values) from error


@blueprint.after_request
def _with_limits(response: Response) -> Response:
    return _user_code.with_limits(response)


@blueprint.errorhandler(PortalError)
def _refused(error: PortalError) -> Response:
    return _user_code.refusal(error)


@blueprint.errorhandler(HTTPException)
def _http(error: HTTPException) -> Response:
    return _problem_json.problem(error.code or 500, "http", error.description or "")
