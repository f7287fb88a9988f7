"""New authorisations: the log-in of the provider, its own page, or the form that the manifest asks for."""

from __future__ import annotations

import uuid

from flask import Response, flash
from flask_babel import gettext as _

from portal import runtime
from portal.access import Permission, Right
from portal.authorisations import keys, login
from portal.authorisations import service as authorisations
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.connectors.login import AuthMode, FieldKind
from portal.connectors.manifest import Manifest
from portal.kernel.errors import NotFound, PortalError
from portal.routes import wording
from portal.routes._access import db, entered, require, scope
from portal.routes._active import here_is
from portal.routes._authorisations import address, both, manifest_of
from portal.routes._htmx import go_to, is_htmx, page
from portal.routes.forms.authorisations import AnswersForm, ConnectForm, answers_form, connect_form, typed_before


@both("/new", "choose")
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.CREATE)
def choose(**tenant: uuid.UUID) -> Response:
    """Which app? Each says how one logs in."""
    apps = sorted((registry.load(key).MANIFEST for key in registry.CONNECTORS), key=lambda one: one.label.casefold())
    return page("authorisations/choose.html", apps=apps, address=address)


@both("/new/<app>", "new")
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.CREATE)
def new(app: str, **tenant: uuid.UUID) -> Response:
    manifest = manifest_of(app)
    form = _form_of(manifest)(name=f"{manifest.label}, {scope().tenant_name}"[:80])
    return _connect_page(form, app)


def _form_of(manifest: Manifest) -> type[ConnectForm]:
    return connect_form(manifest, sorted(set(runtime.get().settings.registration(manifest.key).hosts.values())))


def _connect_page(form: ConnectForm, app: str, status: int = 200, twin: Authorisation | None = None) -> Response:
    known = authorisations.list_authorisations(scope(), app)
    return page(
        "authorisations/new.html", form=form, manifest=manifest_of(app), known=known, twin=twin, address=address,
        status=status,
    )  # fmt: skip


@both("/new/<app>", "begin", methods=["POST"])
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.CREATE)
def begin(app: str, **tenant: uuid.UUID) -> Response:
    """On to the provider, or straight to the new authorisation where there is no log-in."""
    manifest = manifest_of(app)
    form = _form_of(manifest)()
    if not form.validate():
        return _connect_page(form, app, 422)
    environment = form["environment"].data if "environment" in form else next(iter(manifest.hosts), "")
    twin = _connected_already(form, app, environment)
    if twin is not None:
        return _connect_page(form, app, 409, twin)
    name, answers = form.name.data, form.answers()
    try:
        if manifest.auth in (AuthMode.KEY, AuthMode.FILE):
            row = keys.create(runtime.get(), scope(), app, environment, name, answers)
            db().commit()
            return go_to(address("show", authorisation_id=row.id))
        at = (scope(), entered().session_id, app, environment, name)
        url = authorisations.begin_login(runtime.get(), *at, given=answers)
    except PortalError as error:
        db().rollback()
        form.take(error)
        return _connect_page(form, app, 422)
    db().commit()
    return away(url, manifest.label)


def _connected_already(form: ConnectForm, app: str, environment: str) -> Authorisation | None:
    """Say what would happen when this login is connected already, unless it is another one."""
    if "login" not in form or form["anyway"].data:
        return None
    return authorisations.recognise_login(scope(), app, environment, form["login"].data or "")


def away(url: str, label: str) -> Response:
    """To the provider by a page of ours: the policy on forms forbids a form to end elsewhere."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": url})
    response = page("authorisations/away.html", url=url, label=label)
    response.headers["Refresh"] = f"0; url={url}"
    return response


@both("/<uuid:authorisation_id>/login", "reconnect", methods=["POST"])
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.EDIT)
def reconnect(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(Authorisation, authorisation_id)
    at = (scope(), entered().session_id, row.app, row.environment, row.name, row.id)
    try:
        url = authorisations.begin_login(runtime.get(), *at)
    except login.LoginRefused as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "stop")
        return go_to(address("show", authorisation_id=authorisation_id))
    db().commit()
    return away(url, registry.app(row.app).MANIFEST.label)


@both("/<uuid:authorisation_id>/key", "change")
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.EDIT)
def change(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(Authorisation, authorisation_id)
    if not _has_form(row):  # one logs in anew there
        return go_to(address("show", authorisation_id=row.id))
    return _change_page(row, _form_class(row)(data=typed_before(row.form)))


@both("/<uuid:authorisation_id>/key", "change_key", methods=["POST"])
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.EDIT)
def change_key(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    """A new key is tried before it takes the place of the old one."""
    row = scope().get(Authorisation, authorisation_id)
    if not _has_form(row):
        raise NotFound()
    form = _form_class(row)()
    if not form.validate():
        return _change_page(row, form, 422)
    try:
        row = keys.change(runtime.get(), scope(), authorisation_id, form.answers())
    except PortalError as error:
        db().rollback()
        form.take(error)
        return _change_page(scope().get(Authorisation, authorisation_id), form, 422)
    db().commit()
    flash(_("Saved. %(name)s goes on with it.", name=row.name), "ok")
    return go_to(address("show", authorisation_id=row.id))


def _has_form(row: Authorisation) -> bool:
    manifest = registry.app(row.app).MANIFEST
    by_form = manifest.auth in (AuthMode.KEY, AuthMode.FILE) and bool(manifest.form)
    return by_form and row.removed_at is None


def _form_class(row: Authorisation) -> type[AnswersForm]:
    manifest = registry.app(row.app).MANIFEST
    kept = frozenset(question.key for question in manifest.form if question.kind is FieldKind.SECRET)
    return answers_form(manifest, kept)


def _change_page(row: Authorisation, form: AnswersForm, status: int = 200) -> Response:
    return page(
        "authorisations/key.html", row=row, form=form, manifest=registry.app(row.app).MANIFEST, address=address,
        status=status,
    )  # fmt: skip
