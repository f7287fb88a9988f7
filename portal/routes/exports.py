"""Statements and lines out, for other software: CAMT.053 and CODA. Lines as CSV are beside their list."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.connectors.errors import Refused
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.i18n import Unreadable, parse_date
from portal.ledger import exporting
from portal.ledger.models import BankAccount, Statement
from portal.routes import wording
from portal.routes._access import require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._statement_file import as_camt, as_coda

blueprint = Blueprint("exports", __name__)
BANK = "/c/<uuid:client>/bank"
WRITTEN = {"camt": as_camt, "coda": as_coda}


@blueprint.get(BANK + "/statements/<uuid:statement_id>.<any(camt, coda):kind>")
@require(Permission.STATEMENTS, Right.VIEW)
def statement(client: uuid.UUID, statement_id: uuid.UUID, kind: str) -> Response:
    row = scope().get(Statement, statement_id)
    back = url_for("statements.statement", client=client, statement_id=row.id)
    try:
        return WRITTEN[kind](exporting.of_statement(scope(), row.id))
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
    if kind in WRITTEN:
        try:
            since, until = (parse_date(text) for text in typed.values())
            return WRITTEN[kind](exporting.of_period(scope(), row.id, since, until))
        except Unreadable:
            wrong = _("Type both days, such as 31/12/2026.")
        except (Conflict, Invalid, Refused) as error:
            wrong = wording.of_error(error.code, error.values)
    return page("statements/export.html", account=row, typed=typed, wrong=wrong, status=422 if wrong else 200)


def _refused(error: Conflict | Refused, back: str) -> Response:
    flash(wording.of_error(error.code, error.values), "warn")
    return go_to(back)
