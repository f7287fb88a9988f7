"""Statements in: files offered, what became of them, and the bank accounts they filled."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, BinaryIO, cast

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from portal.access import Permission, Right
from portal.activity.service import timeline
from portal.connectors.files.limits import UPLOAD
from portal.feeds.reading import by_bank_account, feeds
from portal.kernel import clock
from portal.kernel.errors import Conflict, PortalError
from portal.kernel.i18n import Unreadable, parse_amount, parse_date
from portal.ledger import accounts, lists, questions, undoing
from portal.ledger.chain import Break, gaps
from portal.ledger.lists import LineFilter
from portal.ledger.models import BankAccount, Import, ParkedFile, Statement
from portal.ledger.reading import statements_of
from portal.routes import _feeds, _imports, _uploads, wording
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._htmx import go_to, page
from portal.routes._line_page import line_page, line_state
from portal.routes._timeline import events
from portal.routes.client import verb
from portal.routes.forms.statements import ReasonForm, RenameForm
from portal.shapes import Chip
from portal.sync.lines import STATES, PlainLine, every_line, list_lines, totals
from portal.sync.overview import account_views
from portal.templating import formats, here

blueprint = Blueprint("statements", __name__)
BANK = "/c/<uuid:client>/bank"
ACCEPT = ".cod,.coda,.xml,.txt,.bc2,.camt,.053,.csv,.tab,.940,.sta,.mt940,.swi,.ofx,.qfx,.qif"


def _may(right: Right) -> bool:
    return scope().may(Permission.STATEMENTS, right)


# ------------------------------------------------------------------ files


@blueprint.get(BANK)
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    found = lists.imports(scope(), after=request.args.get("after", ""), limit=10)
    return page(
        "statements/index.html",
        blocks=("bank_head", "bank"),
        accounts=account_views(scope(), charts=True),
        fed_by=by_bank_account(feeds(scope())),
        feed_words=_feeds,
        verb_of=partial(verb, coupled=False),
        may_link=scope().may(Permission.FEEDS, Right.CREATE),
        found=found,
        outcomes={row.id: _imports.outcome(row) for row in found.rows},
        waiting_files=[_imports.result(row) for row in questions.waiting_files(scope())],
        format_word=_imports.format_word,
        accept=ACCEPT,
        most=UPLOAD.bytes,
        too_large=_too_large_words(),
        may_upload=_may(Right.CREATE),
        may_edit=_may(Right.EDIT),
    )


@blueprint.post(BANK + "/files")
@here_is("bank")
@require(Permission.STATEMENTS, Right.CREATE)
def upload(client: uuid.UUID) -> Response:
    """One file a request with script, all chosen ones without; each is a transaction of its own."""
    expected = request.args.get("account", "")  # on the page of an account, files of others are refused
    if expected:
        scope().get(BankAccount, as_id(expected))
    results = []
    for file in request.files.getlist("files"):
        if file.filename:
            row = _take(file, expected)
            db().commit()
            results.append(_imports.result(row))
    return _uploads.results("statements", results)


@blueprint.errorhandler(413)
def _too_large(error: RequestEntityTooLarge) -> Response:
    return _uploads.too_large(_too_large_words())


def _too_large_words() -> str:
    return _imports.refused("file.too_large", {"limit": "20 MB"}, None)


def _take(file: FileStorage, expected: str) -> Import | ParkedFile:
    size = file.stream.seek(0, 2)
    file.stream.seek(0)
    stream = cast(BinaryIO, file.stream)
    return questions.offer_file(scope(), file.filename or "", stream, size, expected=expected or None)


@blueprint.get(BANK + "/files/<uuid:import_id>")
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def file(client: uuid.UUID, import_id: uuid.UUID) -> Response:
    row = scope().get(Import, import_id)
    return page(
        "statements/file.html",
        row=row,
        outcome=_imports.outcome(row),
        warnings=[_imports.warning(told) for told in row.warnings],
        statements=statements_of(scope(), row.id) if row.state == "stored" else (),
        format_word=_imports.format_word,
        events=events(timeline(scope(), row.id)),
        may_edit=_may(Right.EDIT),
    )


@blueprint.post(BANK + "/files/<uuid:import_id>/delete")
@here_is("bank")
@require(Permission.STATEMENTS, Right.EDIT)
def delete_file(client: uuid.UUID, import_id: uuid.UUID) -> Response:
    """Undo an import as long as nothing was made of its lines; else say why not."""
    filename = scope().get(Import, import_id).filename
    try:
        gone = undoing.delete_import(scope(), import_id)
    except Conflict as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "warn")
        return go_to(url_for("statements.file", client=client, import_id=import_id))
    db().commit()
    flash(
        ngettext("%(file)s is undone: %(num)s line taken out.", "%(file)s is undone: %(num)s lines taken out.",
                 gone, file=filename), "ok",
    )  # fmt: skip
    return go_to(url_for("statements.index", client=client))


# ------------------------------------------------------------------ one account


@blueprint.get(BANK + "/<uuid:account_id>")
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def account(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    return _account(account_id)


def _account(account_id: uuid.UUID, form: RenameForm | None = None, status: int = 200) -> Response:
    row = scope().get(BankAccount, account_id)
    views = {view.id: view for view in account_views(scope(), charts=True)}
    return page(
        "statements/account.html",
        blocks=("statements",),
        row=row,
        view=views[row.id],
        form=form or RenameForm(name=row.name),
        found=lists.statements(scope(), row.id, after=request.args.get("after", "")),
        breaks=[_break(found) for found in gaps(scope(), row.id)],
        events=events(timeline(scope(), row.id)),
        accept=ACCEPT,
        most=UPLOAD.bytes,
        too_large=_too_large_words(),
        may_upload=_may(Right.CREATE),
        may_edit=_may(Right.EDIT),
        status=status,
    )


def _break(found: Break) -> tuple[str, str]:
    """Kind, and the sentence that names it."""
    fmt = formats()
    values = {
        "from": _number(found.from_number, found.from_date),
        "to": _number(found.to_number, found.to_date),
        "from_balance": fmt.money(found.from_balance),
        "to_balance": fmt.money(found.to_balance),
        "difference": fmt.signed(found.to_balance - found.from_balance),
    }
    if found.kind == "gap":
        text = _("Between %(from)s (%(from_balance)s) and %(to)s (%(to_balance)s) something is missing: "
                 "%(difference)s.", **values)  # fmt: skip
    elif found.kind == "overlap":
        text = _("%(from)s and %(to)s tell the same days. Each line is stored once.", **values)
    else:
        text = _("The stored lines lead to %(from_balance)s, the newest statement closes with %(to_balance)s.",
                 **values)  # fmt: skip
    return found.kind, text


def _number(number: str, day: date | None) -> str:
    when = formats().date(day) if day and day != date.min else ""
    return _("statement %(number)s of %(day)s", number=number, day=when) if number else when


@blueprint.post(BANK + "/<uuid:account_id>/name")
@here_is("bank")
@require(Permission.STATEMENTS, Right.EDIT)
def rename(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    form = RenameForm()
    try:
        if form.validate():
            accounts.rename_account(scope(), account_id, form.name.data)
            db().commit()
            return go_to(url_for("statements.account", client=client, account_id=account_id))
    except PortalError as error:
        if error.status == 404:
            raise
        form.take(error)
    return _account(account_id, form, 422)


@blueprint.get(BANK + "/statements/<uuid:statement_id>")
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def statement(client: uuid.UUID, statement_id: uuid.UUID) -> Response:
    row = scope().get(Statement, statement_id)
    return page(
        "statements/statement.html",
        blocks=("lines",),
        row=row,
        account=scope().get(BankAccount, row.bank_account_id),
        origin=scope().get(Import, row.import_id),
        found=list_lines(scope(), LineFilter(statement_id=row.id), after=request.args.get("after", "")),
        line_state=line_state,
        format_word=_imports.format_word,
        reason=ReasonForm(),
        may_edit=_may(Right.EDIT),
    )


# ------------------------------------------------------------------ lines


def _wanted(account_id: uuid.UUID) -> tuple[LineFilter, str, dict[str, str]]:
    """What the address asks for, and what in it cannot be read, by field."""
    args, wrong = request.args, {}

    def read(name: str, how: Any) -> Any:
        typed = args.get(name, "").strip()
        if not typed:
            return None
        try:
            return how(typed)
        except Unreadable:
            wrong[name] = typed
            return None

    found = LineFilter(
        bank_account_id=account_id,
        since=read("since", parse_date),
        until=read("until", parse_date),
        find=args.get("q", "")[:100],
        least=read("least", lambda text: abs(parse_amount(text))),
        most=read("most", lambda text: abs(parse_amount(text))),
    )
    state = args.get("state", "")
    return found, state if state in STATES else "", wrong


@blueprint.get(BANK + "/<uuid:account_id>/lines")
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def lines(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    row = scope().get(BankAccount, account_id)
    wanted, state, wrong = _wanted(row.id)
    after = request.args.get("after", "")
    return page(
        "statements/lines.html",
        blocks=("lines",),
        account=row,
        wanted=wanted,
        chosen=state,
        wrong=wrong,
        after=after,
        found=list_lines(scope(), wanted, state, after=after),
        totals=totals(scope(), wanted, state) if not after else None,
        chips_=_chips(state),
        line_state=line_state,
        csv_url=url_for("statements.lines_csv", client=client, account_id=row.id, **_query()),
    )


def _query() -> dict[str, Any]:
    """What the address filters by, for the address of the same as CSV."""
    return {key: request.args[key] for key in ("q", "since", "until", "least", "most", "state") if key in request.args}


def _chips(chosen: str) -> list[Chip]:
    def chip(key: str, word: str) -> Chip:
        return Chip(word, here(state=key or None, after=None), None, chosen == key)

    return [chip("", _("All")), *(chip(key, line_state(key)[1]) for key in STATES)]


@blueprint.get(BANK + "/<uuid:account_id>/lines.csv")
@require(Permission.STATEMENTS, Right.VIEW)
def lines_csv(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    """The lines as they are filtered, all pages of them."""
    row = scope().get(BankAccount, account_id)
    wanted, state, _wrong = _wanted(row.id)
    head = [_("Date"), _("Value date"), _("Amount"), _("Currency"), _("Counterparty"), _("Account of counterparty"),
            _("Reference"), _("Description"), _("Balance after"), _("State"), _("Entry")]  # fmt: skip
    words = {key: line_state(key)[1] for key in STATES}
    name = f"{row.number}-{clock.today().isoformat()}.csv"
    return csv_answer(name, head, (_cells(row, line, words) for line in every_line(scope(), wanted, state)))


def _cells(account: BankAccount, line: PlainLine, words: dict[str, str]) -> list[object]:
    return [
        line.date.isoformat(), line.value_date.isoformat() if line.value_date else "", _figure(line.amount),
        account.currency, line.counterparty, line.counterparty_account, line.reference, line.description,
        _figure(line.balance), words[line.standing.state], line.standing.reference,
    ]  # fmt: skip


def _figure(amount: Decimal | None) -> str:
    """As the reader's spreadsheet takes it: no group sign, a plain minus."""
    if amount is None:
        return ""
    return f"{amount:f}" if formats().language == "en" else f"{amount:f}".replace(".", ",")


@blueprint.get(BANK + "/lines/<uuid:line_id>")
@here_is("bank")
@require(Permission.STATEMENTS, Right.VIEW)
def line(client: uuid.UUID, line_id: uuid.UUID) -> Response:
    return line_page(line_id)
