"""One configuration to many client accounts: what it would do for each, and then done."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.connectors import registry
from portal.couplings.configurations import choices_of
from portal.routes import wording
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import page
from portal.routes.forms.couplings import shown
from portal.sync import copying
from portal.sync.copying import Copy

blueprint = Blueprint("copies", __name__)
COPY = "/p/<uuid:portal>/clients/<uuid:client_id>/configurations/<uuid:configuration_id>/copy"


@blueprint.get(COPY)
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def show(portal: uuid.UUID, client_id: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    find = request.args.get("q", "").replace("\0", "")[:100]
    source, coupling, _name = copying.source_of(scope(), client_id, configuration_id)
    copies = copying.plan(scope(), source, coupling.app, copying.candidates(scope(), coupling.app, client_id, find))
    return _page(client_id, configuration_id, copies, find=find)


@blueprint.post(COPY)
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def make(portal: uuid.UUID, client_id: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    source, coupling, _name = copying.source_of(scope(), client_id, configuration_id)
    chosen = {as_id(value) for value in request.form.getlist("id")} - {client_id}
    copies = copying.copy_to(scope(), source, coupling.app, chosen)
    db().commit()
    return _page(client_id, configuration_id, copies, done=True)


def _page(
    of: uuid.UUID, configuration_id: uuid.UUID, copies: list[Copy], *, find: str = "", done: bool = False
) -> Response:
    source, coupling, name = copying.source_of(scope(), of, configuration_id)
    return page(
        "copies/show.html", of=of, configuration_id=configuration_id, copies=copies, name=name, find=find, done=done,
        source=choices_of(source), coupling=coupling, manifest=registry.load(coupling.app).MANIFEST, why=_why,
        can=len({copy.client_id for copy in copies if copy.can}), names={
            "journal": _("Journal"), "bank_ledger_account": _("Ledger account of the bank"),
        },
    )  # fmt: skip


def _why(copy: Copy) -> str:
    return wording.of_error(copy.code, {key: shown(value) for key, value in copy.values.items()})
