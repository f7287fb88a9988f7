"""Lines and statements corrected, taken out and put back by a person."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.i18n import Unreadable
from portal.ledger.announced import pending_lines
from portal.ledger.correcting import correct_line, may_change
from portal.ledger.deleting import delete_line, delete_statement, deleted_lines, restore_line
from portal.ledger.models import BankAccount, Statement, StatementLine
from portal.routes import _imports, wording
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._line_page import line_page
from portal.routes.forms.statements import LineForm, ReasonForm

blueprint = Blueprint("lines", __name__)
BANK = "/c/<uuid:client>/bank"


@blueprint.post(BANK + "/lines/<uuid:line_id>")
@here_is("bank")
@require(Permission.STATEMENTS, Right.EDIT)
def correct(client: uuid.UUID, line_id: uuid.UUID) -> Response:
    line = scope().get(StatementLine, line_id)
    form = LineForm.of(line, may_change(scope(), line))
    try:
        if form.validate():
            correct_line(scope(), line_id, form.wanted())
            db().commit()
            flash(_("The line is corrected; what it said before is kept below."), "ok")
            return go_to(url_for("statements.line", client=client, line_id=line_id))
    except Unreadable as error:
        field = form.date if error.code.startswith("date") else form.amount
        field.errors = [
            *field.errors,
            _("This cannot be read. Type a date such as 31/12/2026, an amount such as 12.50."),
        ]
    except (Conflict, Invalid) as error:
        db().rollback()
        form.take(error)
    return line_page(line_id, form, status=422)


@blueprint.post(BANK + "/lines/<uuid:line_id>/delete")
@here_is("bank")
@require(Permission.STATEMENTS, Right.EDIT)
def delete(client: uuid.UUID, line_id: uuid.UUID) -> Response:
    """With a reason; the account's page of deleted lines puts it back."""
    form, account_id = ReasonForm(), scope().get(StatementLine, line_id).bank_account_id
    try:
        if form.validate():
            delete_line(scope(), line_id, form.reason.data)
            db().commit()
            flash(_("The line is deleted. No file or feed brings it back; you can, below."), "ok")
            return go_to(url_for("lines.deleted", client=client, account_id=account_id))
    except (Conflict, Invalid) as error:
        db().rollback()
        form.take(error)
    return line_page(line_id, reason=form, status=422)


@blueprint.post(BANK + "/statements/<uuid:statement_id>/delete")
@here_is("bank")
@require(Permission.STATEMENTS, Right.EDIT)
def delete_whole(client: uuid.UUID, statement_id: uuid.UUID) -> Response:
    account_id, form = scope().get(Statement, statement_id).bank_account_id, ReasonForm()
    try:
        if form.validate():
            gone = delete_statement(scope(), statement_id, form.reason.data)
            db().commit()
            text = ngettext(
                "The statement and its line are deleted.", "The statement and its %(num)s lines are deleted.", gone
            )
            flash(text, "ok")
            return go_to(url_for("lines.deleted", client=client, account_id=account_id))
        flash(_("Say why the statement is deleted."), "warn")
    except (Conflict, Invalid) as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "warn")
    return go_to(url_for("statements.statement", client=client, statement_id=statement_id))


@blueprint.get(BANK + "/<uuid:account_id>/deleted")
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def deleted(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    return page(
        "statements/deleted.html",
        account=scope().get(BankAccount, account_id),
        rows=deleted_lines(scope(), account_id),
        may_edit=scope().may(Permission.STATEMENTS, Right.EDIT),
    )


@blueprint.post(BANK + "/deleted/<uuid:deleted_id>/restore")
@here_is("bank")
@require(Permission.STATEMENTS, Right.EDIT)
def restore(client: uuid.UUID, deleted_id: uuid.UUID) -> Response:
    line = restore_line(scope(), deleted_id)
    db().commit()
    flash(_("The line is back, and waits to be booked."), "ok")
    return go_to(url_for("statements.line", client=client, line_id=line.id))


@blueprint.get(BANK + "/<uuid:account_id>/announced")
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def announced(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    """What the bank has not booked yet, as the feeds tell it."""
    return page(
        "statements/announced.html",
        account=scope().get(BankAccount, account_id),
        rows=pending_lines(scope(), account_id),
        format_word=_imports.format_word,
    )
