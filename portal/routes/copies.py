"""One configuration to many client accounts: what it would do for each, then done by a job, with its progress."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.connectors import registry
from portal.couplings.configurations import choices_of
from portal.kernel.errors import Invalid
from portal.routes import wording
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, is_htmx, page, stop_polling
from portal.routes.forms.couplings import shown
from portal.shapes import Segment
from portal.sync import copies, copying
from portal.sync.copying import Copy
from portal.sync.models import CopyRow

blueprint = Blueprint("copies", __name__)
COPY = "/p/<uuid:portal>/clients/<uuid:client_id>/configurations/<uuid:configuration_id>/copy"


@blueprint.get(COPY)
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def show(portal: uuid.UUID, client_id: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    find = request.args.get("q", "").replace("\0", "")[:100]
    source, coupling, name = copying.source_of(scope(), client_id, configuration_id)
    wanted = choices_of(source)
    found = copying.plan(scope(), wanted, coupling.app, copying.candidates(scope(), coupling.app, client_id, find))
    return page(
        "copies/show.html", of=client_id, configuration_id=configuration_id, copies=found, name=name, find=find,
        source=wanted, manifest=registry.load(coupling.app).MANIFEST, why=_why,
        can=len({copy.client_id for copy in found if copy.can}), names={
            "journal": _("Journal"), "bank_ledger_account": _("Ledger account of the bank"),
        },
    )  # fmt: skip


@blueprint.post(COPY)
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def make(portal: uuid.UUID, client_id: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    """A job does it; the page that this leads to shows how far it is."""
    source, coupling, _name = copying.source_of(scope(), client_id, configuration_id)
    chosen = {as_id(value) for value in request.form.getlist("id")} - {client_id}
    try:
        listed = copies.submit(scope(), source, coupling.app, chosen)
    except Invalid as wrong:
        flash(wording.of_error(wrong.code, wrong.values), "stop")
        return go_to(url_for("copies.show", portal=portal, client_id=client_id, configuration_id=configuration_id))
    db().commit()
    return go_to(url_for("copies.progress", portal=portal, copy_id=listed.id))


@blueprint.get("/p/<uuid:portal>/copies/<uuid:copy_id>")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def progress(portal: uuid.UUID, copy_id: uuid.UUID) -> Response:
    """How far the job is, client by client."""
    found = copies.progress(scope(), copy_id)
    response = page(
        "copies/progress.html", blocks=("copying",), found=found, told=_told,
        parts=[Segment(found.made, _("copied"), "ok"), Segment(found.refused, _("refused"), "stop")],
    )  # fmt: skip
    return response if found.listed.ended_at is None or not is_htmx() else stop_polling(response)


def _told(row: CopyRow) -> list[str]:
    """Why bank accounts of a client were not configured, each reason once."""
    return list(dict.fromkeys(wording.of_error(code, values) for code, values in row.reasons))


def _why(copy: Copy) -> str:
    return wording.of_error(copy.code, {key: shown(value) for key, value in copy.values.items()})
