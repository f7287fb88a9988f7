"""Dossiers that are kept here: added by hand or from a list, their chart of accounts, journals and fiscal years."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, flash, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from portal.access import Permission, Right
from portal.activity.service import timeline
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.exchange import dossiers, reading
from portal.exchange.models import FileDossier
from portal.kernel.errors import NotFound, PortalError
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._files import address, blueprint, both, state_words, tell_couplings, told
from portal.routes._htmx import go_to, page
from portal.routes._timeline import events
from portal.routes.forms.files import (
    JOURNAL_TYPE_WORDS,
    LEDGER_KIND_WORDS,
    AccountForm,
    BooksFileForm,
    DossierForm,
    JournalForm,
    NewDossierForm,
    YearForm,
)

__all__ = ["blueprint"]
LARGEST_MB = 20


@both("/of/<uuid:file_authorisation_id>/new", "new")
@here_is("files")
@require(Permission.FILES, Right.CREATE)
def new(file_authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _new(file_authorisation_id, NewDossierForm(formdata=None), BooksFileForm(formdata=None))


@both("/of/<uuid:file_authorisation_id>/new", "add", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.CREATE)
def add(file_authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = NewDossierForm()
    if form.validate():
        draft = dossiers.Draft(
            form.number.data, form.name.data, form.country.data, form.enterprise_number.data or "",
            form.starts_on.data, form.ends_on.data,
        )  # fmt: skip
        try:
            row = dossiers.add_dossier(scope(), file_authorisation_id, draft)
            db().commit()
            tell_couplings(file_authorisation_id)
            flash(_("Dossier %(number)s is there. Now bring in its chart of accounts.", number=row.number), "ok")
            return go_to(address("show", file_dossier_id=row.id))
        except NotFound:
            raise
        except PortalError as error:
            db().rollback()
            form.take(error)
    return _new(file_authorisation_id, form, BooksFileForm(formdata=None), 422)


@both("/of/<uuid:file_authorisation_id>/list", "add_list", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.CREATE)
def add_list(file_authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = BooksFileForm()
    if form.validate():
        try:
            added, known = dossiers.add_listed(scope(), file_authorisation_id, form.file.data.read())
            db().commit()
            tell_couplings(file_authorisation_id)
            flash(_("%(added)s dossiers added; %(known)s were there already.", added=added, known=known), "ok")
            return go_to(address("index"))
        except NotFound:
            raise
        except PortalError as error:
            db().rollback()
            form.file.errors = [*form.file.errors, told(error)]
    return _new(file_authorisation_id, NewDossierForm(formdata=None), form, 422)


def _new(authorisation_id: uuid.UUID, form: NewDossierForm, listed: BooksFileForm, status: int = 200) -> Response:
    dossiers.app_of(scope(), authorisation_id)
    row = scope().get(Authorisation, authorisation_id)
    return page(
        "files/new.html", row=row, form=form, listed=listed, manifest=registry.load(row.app).MANIFEST,
        address=address, status=status,
    )  # fmt: skip


@both("/dossiers/<uuid:file_dossier_id>", "show")
@here_is("files")
@require(Permission.FILES, Right.VIEW)
def show(file_dossier_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _show(file_dossier_id)


def _show(dossier_id: uuid.UUID, wrong: Any = None, status: int = 200) -> Response:
    """`wrong`: the form of this page that was refused."""
    words = request.args.get("q", "")
    shown = reading.show(scope(), dossier_id, words)
    row = shown.dossier
    own = {
        "chart_form": BooksFileForm, "account_form": AccountForm, "journal_form": JournalForm, "year_form": YearForm,
    }  # fmt: skip
    forms = {
        name: wrong if isinstance(wrong, kind) else kind(formdata=None, prefix=name[0]) for name, kind in own.items()
    }
    named = DossierForm(formdata=None, name=row.name, enterprise_number=row.enterprise_number)
    return page(
        "files/dossier.html", shown=shown, row=row, words=words, address=address, states=state_words(), wrong=wrong,
        kinds=LEDGER_KIND_WORDS, types=JOURNAL_TYPE_WORDS, label=registry.load(shown.app).MANIFEST.label,
        name_form=wrong if isinstance(wrong, DossierForm) else named, events=events(timeline(scope(), row.id)),
        may=lambda right: scope().may(Permission.FILES, Right(right)), status=status, **forms,
    )  # fmt: skip


def _change(dossier_id: uuid.UUID, form: Any, change: Callable[[], object], done: str) -> Response:
    """One form of the dossier's page: checked, done, and told to whoever is coupled."""
    if not form.validate():
        return _show(dossier_id, form, 422)
    row = scope().get(FileDossier, dossier_id)
    try:
        change()
    except NotFound:
        raise
    except PortalError as error:
        db().rollback()
        form.take(error)
        return _show(dossier_id, form, 422)
    db().commit()
    tell_couplings(row.authorisation_id, row)
    flash(done, "ok")
    return go_to(address("show", file_dossier_id=dossier_id))


@both("/dossiers/<uuid:file_dossier_id>", "edit", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def edit(file_dossier_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = DossierForm()
    return _change(
        file_dossier_id, form,
        lambda: dossiers.change_dossier(
            scope(), file_dossier_id, name=form.name.data, enterprise_number=form.enterprise_number.data or ""
        ),
        _("Saved."),
    )  # fmt: skip


@both("/dossiers/<uuid:file_dossier_id>/chart", "chart", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def chart(file_dossier_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = BooksFileForm(prefix="c")
    return _change(
        file_dossier_id, form,
        lambda: dossiers.bring_chart(scope(), file_dossier_id, form.file.data.read()),
        _("The chart of accounts and the journals are brought in."),
    )  # fmt: skip


@both("/dossiers/<uuid:file_dossier_id>/accounts", "account", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def account(file_dossier_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = AccountForm(prefix="a")
    return _change(
        file_dossier_id, form,
        lambda: dossiers.set_account(
            scope(), file_dossier_id, code=form.code.data, name=form.name.data or "", kind=form.kind.data,
            blocked=form.blocked.data,
        ),
        _("Saved."),
    )  # fmt: skip


@both("/dossiers/<uuid:file_dossier_id>/journals", "journal", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def journal(file_dossier_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = JournalForm(prefix="j")
    return _change(
        file_dossier_id, form,
        lambda: dossiers.set_journal(
            scope(), file_dossier_id, code=form.code.data, name=form.name.data or "", type=form.type.data,
            ledger_account=(form.ledger_account.data or "").strip(), blocked=form.blocked.data,
        ),
        _("Saved."),
    )  # fmt: skip


@both("/dossiers/<uuid:file_dossier_id>/years", "year", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def year(file_dossier_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = YearForm(prefix="y")
    return _change(
        file_dossier_id, form,
        lambda: dossiers.add_year(scope(), file_dossier_id, form.starts_on.data, form.ends_on.data),
        _("The fiscal year is added."),
    )  # fmt: skip


@both("/years/<uuid:file_year_id>/close", "close_year", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def close_year(file_year_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _turn(file_year_id, closed=True)


@both("/years/<uuid:file_year_id>/open", "open_year", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def open_year(file_year_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _turn(file_year_id, closed=False)


def _turn(year_id: uuid.UUID, *, closed: bool) -> Response:
    row = dossiers.close_year(scope(), year_id, closed=closed)
    dossier = scope().get(FileDossier, row.dossier_id)
    db().commit()
    tell_couplings(dossier.authorisation_id, dossier)
    flash(_("The fiscal year is closed.") if closed else _("The fiscal year is open."), "ok")
    return go_to(address("show", file_dossier_id=row.dossier_id))


@both("/dossiers/<uuid:file_dossier_id>/remove", "remove", methods=["POST"])
@here_is("files")
@require(Permission.FILES, Right.EDIT)
def remove(file_dossier_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(FileDossier, file_dossier_id)
    try:
        dossiers.remove_dossier(scope(), file_dossier_id)
    except PortalError as error:
        db().rollback()
        flash(told(error), "stop")
        return go_to(address("show", file_dossier_id=file_dossier_id))
    db().commit()
    tell_couplings(row.authorisation_id)
    flash(_("Dossier %(number)s is removed.", number=row.number), "ok")
    return go_to(address("index"))


@blueprint.errorhandler(413)
def _too_large(error: RequestEntityTooLarge) -> Response:
    """A file beyond all limits is not even received."""
    text = _("The file is larger than %(most)s MB. Bring in the chart of accounts as a table.", most=LARGEST_MB)
    return Response(render_template("errors/error.html", status=413, message=text, code=""), 413)
