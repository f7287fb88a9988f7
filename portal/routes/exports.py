"""Statements and lines out, for other software: CAMT.053 and CODA. Lines as CSV are beside their list."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from flask import Blueprint, Response, flash, request, stream_with_context, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.connectors.errors import Refused
from portal.connectors.files import write_camt, write_coda
from portal.connectors.statement import Statement as ReadStatement
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.i18n import Unreadable, parse_date
from portal.ledger import exporting
from portal.ledger.models import BankAccount, Statement
from portal.routes import wording
from portal.routes._access import require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page

blueprint = Blueprint("exports", __name__)
BANK = "/c/<uuid:client>/bank"
ENDINGS = {"camt": ("xml", "application/xml"), "coda": ("cod", "text/plain; charset=iso-8859-1")}


@blueprint.get(BANK + "/statements/<uuid:statement_id>.<any(camt, coda):kind>")
@require(Permission.STATEMENTS, Right.VIEW)
def statement(client: uuid.UUID, statement_id: uuid.UUID, kind: str) -> Response:
    row = scope().get(Statement, statement_id)
    back = url_for("statements.statement", client=client, statement_id=row.id)
    try:
        return _file(exporting.of_statement(scope(), row.id), kind)
    except (Conflict, Refused) as error:
        return _refused(error, back)


@blueprint.get(BANK + "/<uuid:account_id>/export")
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def account(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    """The period is chosen; without one the page asks for it."""
    row = scope().get(BankAccount, account_id)
    typed = {name: request.args.get(name, "").strip() for name in ("since", "until")}
    kind, wrong = request.args.get("kind", ""), ""
    if kind in ENDINGS:
        try:
            since, until = (parse_date(text) for text in typed.values())
            return _file(exporting.of_period(scope(), row.id, since, until), kind)
        except Unreadable:
            wrong = _("Type both days, such as 31/12/2026.")
        except (Conflict, Invalid, Refused) as error:
            wrong = wording.of_error(error.code, error.values)
    return page("statements/export.html", account=row, typed=typed, wrong=wrong, status=422 if wrong else 200)


def _refused(error: Conflict | Refused, back: str) -> Response:
    flash(wording.of_error(error.code, error.values), "warn")
    return go_to(back)


def _file(read: ReadStatement, kind: str) -> Response:
    """Written while it is sent; what the format cannot hold is found before the first byte."""
    now, today = clock.now(), clock.today()
    name = f"{read.account}-{read.opening_date or today}-{read.closing_date or today}"
    chunks: Iterator[bytes] = (
        write_coda.write(read, today) if kind == "coda" else write_camt.write(read, now, name=name[-35:])
    )
    first = next(chunks)
    ending, mimetype = ENDINGS[kind]

    def whole() -> Iterator[bytes]:
        yield first
        yield from chunks

    return Response(
        stream_with_context(whole()),
        mimetype=mimetype,
        headers={"Content-Disposition": f'attachment; filename="{name}.{ending}"'},
    )
