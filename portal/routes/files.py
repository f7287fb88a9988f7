"""Files for packages without a server: what waits, what was made, fetched, brought in or withdrawn."""

from __future__ import annotations

import uuid

from flask import Response, flash, request
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.exchange import dossiers, files, reading
from portal.exchange.models import ExchangeFile
from portal.kernel.errors import Conflict, Invalid, NotFound, PortalError
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._files import address, blueprint, both, file_authorisations, told
from portal.routes._htmx import go_to, page
from portal.routes.forms.files import WithdrawForm, file_form
from portal.shapes import Chip, Paging
from portal.templating import here

MOST_AT_ONCE = 100  # dossiers for which one click makes files
__all__ = ["blueprint"]


@both("", "index")
@here_is("files")
@require(Permission.FILES, Right.VIEW)
def index(**tenant: uuid.UUID) -> Response:
    only, words = request.args.get("only", ""), request.args.get("q", "")
    number = max(request.args.get("page", 1, type=int), 1)
    found = reading.standings(scope(), only=only, words=words, skip=(number - 1) * reading.PAGE)
    chips = [
        Chip(word, here(only=key or None, page=None), None, only == key)
        for key, word in (
            ("", _("All")), ("waiting", _("Entries wait")), ("made", _("Not fetched yet")), ("fetched", _("Fetched")),
        )
    ]  # fmt: skip
    return page(
        "files/index.html", found=found, filters=chips, words=words, address=address,
        paging=Paging(number, reading.PAGE, found.total, (reading.PAGE,)), logins=file_authorisations(scope()),
        label_of=lambda app: registry.load(app).MANIFEST.label, blocks=("files",),
        may=lambda right: scope().may(Permission.FILES, Right(right)),
    )  # fmt: skip


@both("/make", "make_all", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.CREATE)
def make_all(**tenant: uuid.UUID) -> Response:
    """Of every dossier that has entries waiting; what cannot be written is said, and the others are made."""
    made, refused = 0, []
    for row in reading.standings(scope(), only="waiting").rows[:MOST_AT_ONCE]:
        try:
            made += len(files.make_files(scope(), row.id))
            db().commit()
        except PortalError as error:
            db().rollback()
            refused.append(f"{row.number}: {told(error)}")
    if made:
        flash(
            ngettext("%(num)s file is made and can be fetched.", "%(num)s files are made and can be fetched.", made),
            "ok",
        )
    for sentence in refused[:5]:
        flash(sentence, "stop")
    if not made and not refused:
        flash(_("Nothing waits for a file."), "ok")
    return go_to(address("index"))


@both("/dossiers/<uuid:file_dossier_id>/make", "make", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.CREATE)
def make(file_dossier_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    try:
        made = files.make_files(scope(), file_dossier_id)
        db().commit()
        flash(_("Made: %(names)s.", names=", ".join(row.name for row in made)), "ok")
    except Conflict as error:
        db().rollback()
        flash(told(error), "stop")
    return go_to(address("show", file_dossier_id=file_dossier_id))


@both("/<uuid:exchange_file_id>/fetch", "fetch", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def fetch(exchange_file_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    """The bytes as they were made; who fetched them is written down, so this is no GET."""
    row = scope().get(ExchangeFile, exchange_file_id)
    try:
        name, content = files.fetch_file(scope(), row.id)
    except Conflict as error:
        db().rollback()
        flash(told(error), "stop")
        return go_to(address("show", file_dossier_id=row.dossier_id))
    db().commit()
    answer = Response(content, mimetype="application/octet-stream")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@both("/<uuid:exchange_file_id>/imported", "imported", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def imported(exchange_file_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(ExchangeFile, exchange_file_id)
    try:
        files.mark_imported(scope(), row.id)
        db().commit()
        flash(_("File %(number)s is in the package; it stays as it is.", number=row.number), "ok")
    except Conflict as error:
        db().rollback()
        flash(told(error), "stop")
    return go_to(address("show", file_dossier_id=row.dossier_id))


@both("/<uuid:exchange_file_id>/withdraw", "withdraw_page")
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def withdraw_page(exchange_file_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _withdraw(scope().get(ExchangeFile, exchange_file_id), WithdrawForm(formdata=None))


@both("/<uuid:exchange_file_id>/withdraw", "withdraw", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def withdraw(exchange_file_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row, form = scope().get(ExchangeFile, exchange_file_id), WithdrawForm()
    if not form.validate():
        return _withdraw(row, form, 422)
    try:
        files.withdraw_file(scope(), row.id, form.reason.data)
    except (Conflict, Invalid) as error:
        db().rollback()
        form.take(error)
        return _withdraw(row, form, 422)
    db().commit()
    flash(_("File %(number)s is withdrawn; its entries wait for a new file.", number=row.number), "ok")
    return go_to(address("show", file_dossier_id=row.dossier_id))


def _withdraw(row: ExchangeFile, form: WithdrawForm, status: int = 200) -> Response:
    shown = reading.show(scope(), row.dossier_id)
    return page("files/withdraw.html", row=row, form=form, shown=shown, address=address, status=status)


# ------------------------------------------------------------------ how they look


@both("/of/<uuid:file_authorisation_id>/form", "form")
@here_is("files")
@require(Permission.FILES, Right.VIEW)
def form(file_authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _form(file_authorisation_id)


@both("/of/<uuid:file_authorisation_id>/form", "set_form", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def set_form(file_authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    layout = registry.load_layout(dossiers.app_of(scope(), file_authorisation_id))
    asked = file_form(layout.SETTINGS, {"columns": ""})  # what is posted tells every column
    if not asked.validate():
        return _form(file_authorisation_id, asked, 422)
    try:
        files.set_form(scope(), file_authorisation_id, asked.given())
    except Invalid as error:
        db().rollback()
        asked.form_errors.append(told(error))
        return _form(file_authorisation_id, asked, 422)
    db().commit()
    flash(_("From the next file on, files look like this. Those that were made stay as they are."), "ok")
    return go_to(address("form", file_authorisation_id=file_authorisation_id))


def _form(authorisation_id: uuid.UUID, asked: object = None, status: int = 200) -> Response:
    row = scope().get(Authorisation, authorisation_id)
    if row.removed_at is not None:
        raise NotFound()
    layout = registry.load_layout(dossiers.app_of(scope(), authorisation_id))
    made = asked or file_form(layout.SETTINGS, reading.form_of(scope(), authorisation_id))
    return page(
        "files/form.html", row=row, form=made, questions=layout.SETTINGS, manifest=registry.load(row.app).MANIFEST,
        address=address, status=status, may_edit=scope().may(Permission.FILES, Right.EDIT),
    )  # fmt: skip
