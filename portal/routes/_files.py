"""What the pages of files share: they stand in portals and in client accounts."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from flask import Blueprint
from flask_babel import gettext as _
from sqlalchemy import select

from portal import runtime
from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.connectors.errors import ConnectorError
from portal.connectors.login import AuthMode
from portal.couplings.asking import list_anew
from portal.couplings.models import Coupling
from portal.couplings.reading import connector, read_anew
from portal.exchange.models import FileDossier
from portal.kernel.errors import PortalError
from portal.routes import _both, wording
from portal.routes._access import db, scope

blueprint = Blueprint("files", __name__)
both = partial(_both.both, blueprint, "/p/<uuid:portal>/files", "/c/<uuid:client>/files")


def address(endpoint: str, **values: Any) -> str:
    return _both.address(f"files.{endpoint}", **values)


def file_authorisations(where: Scope) -> list[Authorisation]:
    """Those without a server, by name."""
    keys = [key for key in registry.CONNECTORS if registry.load(key).MANIFEST.auth is AuthMode.FILE]
    query = select(Authorisation).where(
        Authorisation.tenant_id == where.tenant_id, Authorisation.removed_at.is_(None), Authorisation.app.in_(keys)
    )
    return list(where.session.scalars(query.order_by(Authorisation.name)))


def told(error: PortalError) -> str:
    """The sentence of a refusal; a line of a list says what is wrong with it too."""
    values = dict(error.values)
    if error.code == "exchange.list_line" and isinstance(error.__cause__, PortalError):
        values["cause"] = wording.of_error(error.__cause__.code, error.__cause__.values).rstrip(".")
    return wording.of_error(error.code, values)


def tell_couplings(authorisation_id: uuid.UUID, dossier: FileDossier | None = None) -> None:
    """After the commit: what a coupling was told of these dossiers is read anew. What fails now, the next run reads."""
    made, where = runtime.get(), scope()
    connect = connector(made.database, made.vault, made.settings)
    try:
        list_anew(made.database, connect, where.tenant_id, where.kind, authorisation_id, where.actor)
        if dossier is None:
            return
        query = select(Coupling.tenant_id, Coupling.id).where(
            Coupling.authorisation_tenant_id == where.tenant_id,
            Coupling.authorisation_id == authorisation_id,
            Coupling.dossier_code == str(dossier.id),
            Coupling.state == "active",
        )
        for tenant_id, coupling_id in db().execute(query).all():
            read_anew(made.database, connect, tenant_id, coupling_id)
    except (ConnectorError, PortalError):
        return


def state_words() -> dict[str, str]:
    return {
        "made": _("Not fetched yet"),
        "fetched": _("Fetched"),
        "imported": _("In the package"),
        "withdrawn": _("Withdrawn"),
    }
