"""The front door, the health check, and making a portal or a client account."""

from __future__ import annotations

from flask import Blueprint, Response, g, jsonify, request, url_for
from sqlalchemy import text

from portal import runtime
from portal.identity.models import User
from portal.kernel.errors import PortalError
from portal.routes._access import db, entered, public, signed_in
from portal.routes._htmx import go_to, page
from portal.routes.forms.tenants import ClientForm, PortalForm
from portal.tenants import service as tenants

blueprint = Blueprint("start", __name__)


@blueprint.get("/")
@public
def index() -> Response:
    return go_to(url_for("me.accounts") if g.entered else url_for("auth.sign_in"))


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """Answers when the database does."""
    db().execute(text("SELECT 1"))
    return jsonify(status="ok")


@blueprint.get("/new/portal")
@signed_in
def new_portal() -> Response:
    return page("start/new_portal.html", form=PortalForm(email=entered().email))


@blueprint.post("/new/portal")
@signed_in
def create_portal() -> Response:
    form, made = PortalForm(), runtime.get()
    if not form.validate():
        return page("start/new_portal.html", form=form, status=422)
    user = db().get_one(User, entered().user_id)
    try:
        scope = tenants.create_portal(db(), made.vault, user, form.details(), form.email.data, made.settings.base_url)
    except PortalError as error:
        form.take(error)
        return page("start/new_portal.html", form=form, status=422)
    db().commit()
    return go_to(url_for("portal.home", portal=scope.tenant_id))


@blueprint.get("/new/client")
@signed_in
def new_client() -> Response:
    return page("start/new_client.html", form=ClientForm())


@blueprint.post("/new/client")
@signed_in
def create_client() -> Response:
    form = ClientForm()
    if not form.validate():
        return page("start/new_client.html", form=form, status=422)
    user = db().get_one(User, entered().user_id)
    try:
        scope = tenants.create_client_account(db(), user, form.details())
    except PortalError as error:
        form.take(error)
        return page("start/new_client.html", form=form, status=422)
    db().commit()
    return go_to(url_for("client.home", client=scope.tenant_id))


@blueprint.get("/verify-portal")
@signed_in
def verify_portal() -> Response:
    return page("start/verify_portal.html")


@blueprint.post("/verify-portal")
@signed_in
def take_verify_portal() -> Response:
    tenant = tenants.verify_portal(db(), request.args.get("t", ""), entered().user_id)
    db().commit()
    return go_to(url_for("portal.home", portal=tenant.id))
