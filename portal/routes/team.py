"""People of the firm, their roles, and which clients they look after."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, request, url_for

from portal.access import Permission, Right
from portal.approvals.tasks import perform
from portal.authorisations import service as authorisations
from portal.routes import _approvals
from portal.routes._access import db, fresh, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.tenants import service as tenants

blueprint = Blueprint("team", __name__, url_prefix="/p/<uuid:portal>/team")


@blueprint.get("")
@here_is("team")
@require(Permission.TEAM, Right.VIEW)
def index(portal: uuid.UUID) -> Response:
    may = scope().may
    return page(
        "team/index.html", rows=tenants.members(scope()), held=authorisations.held_by_each(scope()),
        may_edit=may(Permission.USERS, Right.EDIT), may_see=may(Permission.USERS, Right.VIEW),
        waits=_approvals.waits_for("user"),
        may_invite=may(Permission.CREATE_USER, Right.CREATE), may_see_roles=may(Permission.JOB_ROLES, Right.VIEW),
    )  # fmt: skip


@blueprint.post("/<uuid:membership_id>/role")
@here_is("team")
@fresh
@require(Permission.USERS, Right.EDIT)
def change_role(portal: uuid.UUID, membership_id: uuid.UUID) -> Response:
    wanted = {"membership_id": str(membership_id), "role": request.form.get("role", "")}
    _approvals.tell_waiting(perform(scope(), "member.role", wanted))
    db().commit()
    return go_to(url_for("team.index", portal=portal))
