"""What a statement file leaves open: the meaning of its columns, how it writes days and amounts, whose it is."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.connectors.errors import Refused
from portal.kernel.errors import Invalid
from portal.ledger import accounts, questions
from portal.ledger.models import ParkedFile
from portal.ledger.questions import Preview, Sheet
from portal.routes import _imports, wording
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes.forms.mappings import ReplyForm

blueprint = Blueprint("mappings", __name__)
WAITING = "/c/<uuid:client>/bank/waiting/<uuid:parked_id>"


def role_words() -> list[tuple[str, str]]:
    """What a column can mean, as people choose it."""
    return [
        ("", _("Not used")),
        ("date", _("Booking date")),
        ("value_date", _("Value date")),
        ("amount", _("Amount")),
        ("debit", _("Debit: money that went out")),
        ("credit", _("Credit: money that came in")),
        ("sign", _("Side: debit or credit")),
        ("balance", _("Balance after the line")),
        ("balance_before", _("Balance before the line")),
        ("currency", _("Currency")),
        ("account", _("Own account")),
        ("counterparty", _("Name of the other party")),
        ("counterparty_account", _("Account of the other party")),
        ("counterparty_bic", _("BIC of the other party")),
        ("description", _("Description")),
        ("reference", _("Structured reference")),
        ("end_to_end_id", _("End-to-end reference")),
        ("bank_reference", _("Reference of the bank")),
        ("transaction_code", _("Kind of transaction")),
        ("number", _("Statement number")),
        ("status", _("Status")),
        ("refusal", _("Reason of refusal")),
    ]


@blueprint.get(WAITING)
@here_is("bank")
@require(Permission.STATEMENTS, Right.CREATE)
def show(client: uuid.UUID, parked_id: uuid.UUID) -> Response:
    parked = scope().get(ParkedFile, parked_id)
    return _page(parked, ReplyForm(formdata=None))


@blueprint.post(WAITING + "/preview")
@here_is("bank")
@require(Permission.STATEMENTS, Right.CREATE)
def preview(client: uuid.UUID, parked_id: uuid.UUID) -> Response:
    """The first lines as they would be stored with what is chosen now; nothing is written."""
    return _page(scope().get(ParkedFile, parked_id), ReplyForm())


@blueprint.post(WAITING)
@here_is("bank")
@require(Permission.STATEMENTS, Right.CREATE)
def answer(client: uuid.UUID, parked_id: uuid.UUID) -> Response:
    parked, form = scope().get(ParkedFile, parked_id), ReplyForm()
    sheet = questions.sheet_of(scope(), parked)
    try:
        if form.validate():
            mapping = questions.mapping_of(sheet, _roles()) if sheet and _roles() else None
            row = questions.answer_file(scope(), parked_id, form.reply(mapping))
            db().commit()
            told = _imports.outcome(row)
            flash(f"{row.filename}: {told.title}. {told.text}".strip(), told.tone)
            return go_to(url_for("statements.file", client=client, import_id=row.id))
    except Invalid as error:
        db().rollback()
        form.take(error)
    except Refused as problem:
        db().rollback()
        form.form_errors.append(_imports.refused(problem.code, problem.values, problem.line))
    return _page(scope().get(ParkedFile, parked_id), form, 422)


@blueprint.post(WAITING + "/forget")
@here_is("bank")
@require(Permission.STATEMENTS, Right.CREATE)
def forget(client: uuid.UUID, parked_id: uuid.UUID) -> Response:
    name = scope().get(ParkedFile, parked_id).filename
    questions.forget_file(scope(), parked_id)
    db().commit()
    flash(_("%(file)s was let go; nothing of it was stored.", file=name), "ok")
    return go_to(url_for("statements.index", client=client))


def _roles() -> list[str]:
    return request.form.getlist("role")


def _page(parked: ParkedFile, form: ReplyForm, status: int = 200) -> Response:
    sheet = questions.sheet_of(scope(), parked)
    known = accounts.accounts(scope())
    form.offer(known)
    chosen = _roles() or ([column.role for column in sheet.columns] if sheet else [])
    asks_columns = sheet is not None and questions.asks_columns(parked.code)
    found, problem = _preview(parked, form, sheet if asks_columns else None, chosen)
    return page(
        "mappings/show.html",
        blocks=("preview",),
        parked=parked,
        form=form,
        question=_question(parked),
        sheet=sheet if asks_columns else None,
        chosen=chosen,
        role_words=role_words(),
        found=found,
        trouble=problem,
        asks_account=parked.bank_account_id is None and (parked.code in questions.ACCOUNT or not _names(found)),
        asks_order=asks_columns or parked.code in questions.ORDER or _asks(found, questions.ORDER),
        asks_decimal=asks_columns or parked.code in questions.DECIMAL or _asks(found, questions.DECIMAL),
        for_firm=scope().actor.via_id is not None,
        status=status,
    )


def _names(found: Preview | None) -> bool:
    """Whether the file itself names an account, as far as it can be read."""
    return found is None or not found.accounts or all(number for number, _currency in found.accounts)


def _asks(found: Preview | None, codes: frozenset[str]) -> bool:
    return found is not None and found.problem is not None and found.problem.code in codes


def _preview(
    parked: ParkedFile, form: ReplyForm, sheet: Sheet | None, chosen: Sequence[str]
) -> tuple[Preview | None, str]:
    """What can be read with what is chosen, and what is in the way."""
    try:
        mapping = questions.mapping_of(sheet, chosen) if sheet else None
    except Invalid as error:
        return None, wording.of_error(error.code, error.values)
    found = questions.preview(scope(), parked, form.reply(mapping))
    problem = found.problem
    return found, _imports.refused(problem.code, problem.values, problem.line) if problem else ""


def _question(parked: ParkedFile) -> str:
    """The heading of the page: what is asked."""
    text = str(parked.values.get("text", ""))
    if parked.code in questions.ORDER:
        return str(_("Which comes first in %(text)s, the day or the month?", text=text))
    if parked.code in questions.DECIMAL:
        return str(_("Does %(text)s hold thousands or decimals?", text=text))
    if parked.code in questions.ACCOUNT:
        return str(_("Which bank account is this file of?"))
    return str(_("What does each column mean?"))
