"""A client account goes from one firm to another: the owner sees what that ends, and confirms it."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal import runtime
from portal.access import Permission, Right
from portal.kernel.errors import Invalid
from portal.routes._access import db, entered, fresh, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._limits import MAILS, limiter, spend
from portal.routes.forms.clients import MoveForm
from portal.team import moves
from portal.tenants.models import Grant

LOOKS = "30 per hour"
blueprint = Blueprint("moves", __name__, url_prefix="/c/<uuid:client>/access/<uuid:grant_id>/move")


@blueprint.get("")
@here_is("grants")
@require(Permission.GRANTS, Right.EDIT)
def show(client: uuid.UUID, grant_id: uuid.UUID) -> Response:
    """With the address of the new firm in the query: what moving would end, and what stays."""
    form = MoveForm(email=request.args.get("email", "").replace("\0", ""))
    return _page(form, grant_id)


def _page(form: MoveForm, grant_id: uuid.UUID) -> Response:
    grant, planned = scope().get(Grant, grant_id), None
    if form.email.data:
        spend("look for a firm", str(entered().user_id), LOOKS)  # or every address of a firm could be tried
        try:
            planned = moves.plan(scope(), grant_id, form.email.data)
        except Invalid as error:
            form.take(error)
    return page("grants/move.html", form=form, grant=grant, plan=planned, status=422 if form.errors else 200)


@blueprint.post("")
@limiter.limit(MAILS)
@here_is("grants")
@fresh
@require(Permission.GRANTS, Right.EDIT)
def carry_out(client: uuid.UUID, grant_id: uuid.UUID) -> Response:
    scope().require(Permission.GRANTS, Right.CREATE)
    form, made = MoveForm(), runtime.get()
    if not form.validate():
        return _page(form, grant_id)
    try:
        done = moves.carry_out(scope(), made.vault, grant_id, form.email.data, made.settings.base_url)
    except Invalid:
        return _page(form, grant_id)
    db().commit()
    flash(_("The account is with %(email)s now; %(old)s has no access any more.", email=done.email,
            old=done.old_name), "ok")  # fmt: skip
    return go_to(url_for("grants.index", client=client))
