"""Who sees what, as a page and as CSV: of a firm and of a client account."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from flask import Blueprint, Response
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.permissions.wording import PERMISSIONS, RIGHTS
from portal.routes._access import require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._htmx import page
from portal.tenants import matrix

blueprint = Blueprint("rights", __name__)


@blueprint.get("/p/<uuid:portal>/team/rights")
@here_is("team")
@require(Permission.TEAM, Right.VIEW)
def portal_index(portal: uuid.UUID) -> Response:
    return _page()


@blueprint.get("/p/<uuid:portal>/team/rights.csv")
@require(Permission.TEAM, Right.VIEW)
def portal_export(portal: uuid.UUID) -> Response:
    return _export()


@blueprint.get("/c/<uuid:client>/access/rights")
@here_is("grants")
@require(Permission.GRANTS, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    return _page()


@blueprint.get("/c/<uuid:client>/access/rights.csv")
@require(Permission.GRANTS, Right.VIEW)
def export(client: uuid.UUID) -> Response:
    return _export()


def _page() -> Response:
    found = matrix.seers(scope())
    places = [
        (place, rows) for place in ("portal", "clients", "client") if (rows := [s for s in found if s.place == place])
    ]
    return page("team/rights.html", places=places, PERMISSIONS=PERMISSIONS, RIGHTS=RIGHTS)


def _export() -> Response:
    head = [_("Name"), _("E-mail address"), _("Role"), _("Job roles"), _("Account groups"), _("Where"),
            _("Last day"), _("Permission"),
            *(_(word) for word in RIGHTS.values())]  # fmt: skip
    return csv_answer("rights.csv", head, _rows())


def _rows() -> Iterator[list[object]]:
    where = {"portal": _("Portal"), "clients": _("Client accounts"), "client": _("Client account")}
    for seer, permission, rights in matrix.cells(matrix.seers(scope())):
        ends = seer.ends_on.isoformat() if seer.ends_on else ""
        yield [seer.name, seer.email, seer.role, ", ".join(seer.job_roles), ", ".join(seer.groups), where[seer.place],
               ends, _(PERMISSIONS[permission]),
               *(_("yes") if right in rights else "" for right in RIGHTS)]  # fmt: skip
