"""The page for a colleague who leaves: what hangs on this person, hand it over, end."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.kernel.errors import Invalid
from portal.routes import wording
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._timeline import label
from portal.team import leaving
from portal.tenants import assignments

blueprint = Blueprint("leaving", __name__, url_prefix="/p/<uuid:portal>/team/<uuid:membership_id>/leave")


@blueprint.get("")
@here_is("team")
@require(Permission.USERS, Right.EDIT)
def show(portal: uuid.UUID, membership_id: uuid.UUID) -> Response:
    return _page(membership_id)


def _page(membership_id: uuid.UUID, refused: str = "", status: int = 200) -> Response:
    found = leaving.look(scope(), membership_id)
    others = [person for person in assignments.people(scope()) if person.user_id != found.person.user_id]
    return page(
        "team/leave.html", found=found, others=others, refused=refused, status=status, chosen=request.form,
        label_of=label,
    )  # fmt: skip


@blueprint.post("")
@here_is("team")
@require(Permission.USERS, Right.EDIT)
def leave(portal: uuid.UUID, membership_id: uuid.UUID) -> Response:
    given, clients_to = request.form, request.form.get("clients_to", "")
    owners = {as_id(key[6:]): as_id(value) for key, value in given.items() if key.startswith("owner-") and value}
    try:
        left = leaving.leave(scope(), membership_id, owners, as_id(clients_to) if clients_to else None)
    except Invalid as error:
        refused = wording.of_error(error.code, error.values)
        db().rollback()
        return _page(membership_id, refused, 422)
    db().commit()
    flash(_("%(name)s has no access any more, in no open page.", name=left.name), "ok")
    if left.authorisations:
        told = ngettext("%(num)s log-in has a new owner.", "%(num)s log-ins have a new owner.", left.authorisations)
        flash(told, "ok")
    return go_to(url_for("team.index", portal=portal))
