"""An account's own data: all of it in a file, how long things are kept, and deleting it."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from flask import Blueprint, Response, flash
from flask_babel import gettext as _

from portal import runtime
from portal.access import Permission, Right
from portal.archives import erasing, retention, service
from portal.kernel import clock
from portal.kernel.errors import PortalError
from portal.routes import _both
from portal.routes._access import db, fresh, require, scope
from portal.routes._active import here_is
from portal.routes._archive_words import STOPS, tables_in_words
from portal.routes._htmx import go_to, page
from portal.routes._seen import note_seen
from portal.routes.forms.archives import ArchiveForm, ErasureForm, RetentionForm

blueprint = Blueprint("archives", __name__)
both = partial(_both.both, blueprint, "/p/<uuid:portal>/data", "/c/<uuid:client>/data")


def _url(endpoint: str, **values: Any) -> str:
    return _both.address(f"archives.{endpoint}", **values)


def _page(archive: ArchiveForm | None = None, kept: RetentionForm | None = None, status: int = 200) -> Response:
    return page(
        "archives/index.html",
        archives=service.listed(scope()),
        form=archive or ArchiveForm(),
        kept=kept or RetentionForm(obj=retention.periods(scope())),
        erasure=erasing.held(db(), scope().tenant_id),
        to=_url,
        status=status,
    )


@both("", "index")
@here_is("data")
@require(Permission.TENANT, Right.EDIT)
def index(**tenant: uuid.UUID) -> Response:
    return _page()


@both("/archives", "ask", methods=["POST"])
@here_is("data")
@fresh
@require(Permission.TENANT, Right.EDIT)
def ask(**tenant: uuid.UUID) -> Response:
    form = ArchiveForm()
    try:
        service.ask(scope(), with_clients=form.with_clients.data)
    except PortalError as error:
        form.take(error)
        return _page(archive=form, status=409)
    db().commit()
    return go_to(_url("index"))


@both("/archives/<uuid:archive_id>", "fetch")
@fresh
@require(Permission.TENANT, Right.EDIT)
def fetch(archive_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = service.ready(scope(), archive_id)
    note_seen("archive.fetched", ("archive", row.id))
    content = service.parts(runtime.get().database, scope().tenant_id, row.id)
    name = f"koppelpoort-{clock.day(row.made_at or row.asked_at)}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(row.size)}
    return Response(content, mimetype="application/zip", headers=headers)


@both("/archives/<uuid:archive_id>/remove", "remove", methods=["POST"])
@require(Permission.TENANT, Right.EDIT)
def remove(archive_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    service.remove(scope(), archive_id)
    db().commit()
    return go_to(_url("index"))


@both("/kept", "keep", methods=["POST"])
@here_is("data")
@fresh
@require(Permission.TENANT, Right.EDIT)
def keep(**tenant: uuid.UUID) -> Response:
    form = RetentionForm()
    if form.validate():
        try:
            months, days = form.original_months.data, form.trace_days.data
            retention.choose(scope(), original_months=months, trace_days=days, hold=form.hold.data)
            db().commit()
            flash(_("Kept as you chose, from tonight on."), "ok")
            return go_to(_url("index"))
        except PortalError as error:
            form.take(error)
    return _page(kept=form, status=422)


def _preview(form: ErasureForm | None = None, status: int = 200) -> Response:
    found = erasing.preview(scope())
    return page(
        "archives/erase.html",
        form=form or ErasureForm(),
        preview=found,
        tables=tables_in_words(found.counts),
        words=STOPS,
        erasure=erasing.held(db(), scope().tenant_id),
        days=erasing.HOLD.days,
        to=_url,
        status=status,
    )


@both("/erase", "erasing")
@here_is("data")
@require(Permission.TENANT, Right.EDIT)
def erasing_preview(**tenant: uuid.UUID) -> Response:
    return _preview()


@both("/erase", "erase", methods=["POST"])
@here_is("data")
@fresh
@require(Permission.TENANT, Right.EDIT)
def erase(**tenant: uuid.UUID) -> Response:
    form = ErasureForm()
    if form.validate():
        try:
            erasing.ask(scope(), form.name.data)
            db().commit()
            return go_to(_url("index"))
        except PortalError as error:
            form.take(error)
    return _preview(form, 422)


@both("/erase/take-back", "take_back", methods=["POST"])
@require(Permission.TENANT, Right.EDIT)
def take_back(**tenant: uuid.UUID) -> Response:
    erasing.cancel(scope())
    db().commit()
    flash(_("The account stays. Nothing was removed."), "ok")
    return go_to(_url("index"))
