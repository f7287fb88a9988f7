"""Keys by which other software hands documents in: made, shown once, revoked."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, request, url_for

from portal.access import Permission, Right
from portal.apikeys import service as room
from portal.kernel.errors import PortalError
from portal.routes._access import db, fresh, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes.forms.api_keys import KeyForm

blueprint = Blueprint("api_keys", __name__)
KEYS = "/c/<uuid:client>/api-keys"


@blueprint.get(KEYS)
@here_is("api")
@require(Permission.API, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    return _page(KeyForm())


def _page(form: KeyForm, *, secret: str = "", status: int = 200) -> Response:
    may = scope().may(Permission.API, Right.CREATE)
    address = request.url_root.rstrip("/") + url_for("api.hand_in", client_account=scope().tenant_id)
    keys = room.list_keys(scope())
    return page(
        "api_keys/index.html",
        form=form,
        keys=keys,
        living=sum(key.revoked_at is None for key in keys),
        secret=secret,
        address=address,
        may_edit=may,
        status=status,
    )


@blueprint.post(KEYS)
@here_is("api")
@fresh
@require(Permission.API, Right.CREATE)
def create(client: uuid.UUID) -> Response:
    """The secret is on this answer only."""
    form = KeyForm()
    try:
        if form.validate():
            _, secret = room.make_key(scope(), form.name.data or "")
            db().commit()
            return _page(KeyForm(formdata=None), secret=secret)
    except PortalError as error:
        form.take(error)
    return _page(form, status=422)


@blueprint.post(KEYS + "/<uuid:api_key_id>/revoke")
@here_is("api")
@require(Permission.API, Right.EDIT)
def revoke(client: uuid.UUID, api_key_id: uuid.UUID) -> Response:
    room.revoke_key(scope(), api_key_id)
    db().commit()
    return go_to(url_for("api_keys.index", client=client))
