"""How many calls of an authorisation are used, by dossier."""

from __future__ import annotations

import uuid

from flask import Response, request
from sqlalchemy import select

from portal.access import Permission, Right
from portal.authorisations.models import Authorisation
from portal.authorisations.quotas import quotas
from portal.connectors import registry
from portal.couplings.models import Dossier
from portal.kernel.errors import NotFound
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._authorisations import address, blueprint, both
from portal.routes._htmx import page
from portal.shapes import Paging

__all__ = ["blueprint"]

SIZES = (50, 100, 500)


@both("/<uuid:authorisation_id>/quota", "quota")
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.VIEW)
def quota(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(Authorisation, authorisation_id)
    if row.removed_at is not None:
        raise NotFound()
    manifest = registry.app(row.app).MANIFEST
    found = quotas(scope(), row.id, manifest.limits)
    per = request.args.get("per", SIZES[0], type=int)
    paging = Paging(max(request.args.get("page", 1, type=int), 1), per if per in SIZES else SIZES[0], len(found), SIZES)
    shown = found[(paging.page - 1) * paging.per : paging.page * paging.per]
    dossiers = db().scalars(
        select(Dossier).where(
            Dossier.tenant_id == scope().tenant_id, Dossier.authorisation_id == row.id,
            Dossier.code.in_([quota.dossier for quota in shown]),
        )
    )  # fmt: skip
    names = {dossier.code: dossier.name for dossier in dossiers}
    return page(
        "authorisations/quota.html", row=row, manifest=manifest, limits=manifest.limits, quotas=shown,
        names=names, paging=paging, waiting=[q for q in found if q.free_at],
        address=address,
    )  # fmt: skip
