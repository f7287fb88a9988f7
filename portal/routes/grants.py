"""Access management: whom a client account lets in, and what a firm asks."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal import runtime
from portal.access import Permission, Right
from portal.identity.models import User
from portal.kernel.errors import PortalError
from portal.routes._access import db, entered, fresh, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._limits import MAILS, limiter
from portal.routes.forms.tenants import GrantForm, RequestForm
from portal.tenants import grants

blueprint = Blueprint("grants", __name__)


@blueprint.get("/c/<uuid:client>/access")
@here_is("grants")
@require(Permission.GRANTS, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    return _page(GrantForm())


def _page(form: GrantForm, status: int = 200) -> Response:
    user = db().get_one(User, entered().user_id)
    asked = grants.requests_for(db(), user) if scope().may(Permission.GRANTS, Right.APPROVE) else []
    return page("grants/index.html", form=form, rows=grants.list_grants(scope()), asked=asked, status=status,
                may_edit=scope().may(Permission.GRANTS, Right.CREATE))  # fmt: skip


@blueprint.post("/c/<uuid:client>/access")
@limiter.limit("30 per hour")
@here_is("grants")
@fresh
@require(Permission.GRANTS, Right.CREATE)
def give(client: uuid.UUID) -> Response:
    form, made = GrantForm(), runtime.get()
    if not form.validate():
        return _page(form, 422)
    try:
        grant = grants.grant_access(
            scope(), made.vault, email=form.email.data, role=form.role.data, ends_on=form.ends_on.data,
            base_url=made.settings.base_url,
        )  # fmt: skip
    except PortalError as error:
        form.take(error)
        return _page(form, 422)
    db().commit()
    if grant.state == "active":
        flash(_("%(email)s has access now.", email=grant.email), "ok")
    else:
        flash(_("%(email)s was asked to prove the address; access starts then.", email=grant.email), "wait")
    return go_to(url_for("grants.index", client=client))


@blueprint.post("/c/<uuid:client>/access/<uuid:grant_id>/withdraw")
@here_is("grants")
@require(Permission.GRANTS, Right.EDIT)
def withdraw(client: uuid.UUID, grant_id: uuid.UUID) -> Response:
    grant = grants.withdraw_access(scope(), grant_id)
    db().commit()
    flash(_("The access of %(email)s is withdrawn; it ended at once.", email=grant.email), "ok")
    return go_to(url_for("grants.index", client=client))


@blueprint.post("/c/<uuid:client>/access/requests/<uuid:request_id>")
@here_is("grants")
@require(Permission.GRANTS, Right.APPROVE)
def decide(client: uuid.UUID, request_id: uuid.UUID) -> Response:
    made, yes = runtime.get(), request.form.get("answer") == "yes"
    row = grants.decide_request(scope(), made.vault, request_id, grant=yes, base_url=made.settings.base_url)
    db().commit()
    flash(_("%(firm)s has access now.", firm=row.firm_name) if yes else _("Declined; nothing changed."), "ok")
    return go_to(url_for("grants.index", client=client))


@blueprint.get("/p/<uuid:portal>/requests")
@here_is("clients")
@require(Permission.OVERVIEW, Right.VIEW)
def requests(portal: uuid.UUID) -> Response:
    return page("grants/requests.html", form=RequestForm(), rows=grants.requests_of_firm(scope()))


@blueprint.post("/p/<uuid:portal>/requests")
@limiter.limit(MAILS)
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def ask(portal: uuid.UUID) -> Response:
    form, made = RequestForm(), runtime.get()
    if form.validate():
        try:
            grants.request_access(
                scope(), made.vault, email=form.email.data, role=form.role.data, message=form.message.data or "",
                locale=entered().locale, base_url=made.settings.base_url,
            )  # fmt: skip
            db().commit()
            flash(_("A mail is on its way to %(email)s.", email=form.email.data), "ok")
            return go_to(url_for("grants.requests", portal=portal))
        except PortalError as error:
            form.take(error)
    return page("grants/requests.html", form=form, rows=grants.requests_of_firm(scope()), status=422)
