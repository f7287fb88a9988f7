"""Reading a dossier's books through its authorisation, with no transaction open during the calls."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from config import Settings
from portal.access import Scope
from portal.authorisations import service as authorisations
from portal.connectors import registry
from portal.connectors.base import Bookkeeping
from portal.couplings.books import DossierBooks, fetch_books, read_books, store_books, wants_relations
from portal.couplings.models import Coupling
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict
from portal.kernel.vault import Vault
from portal.store.service import may_use

Connect = Callable[[uuid.UUID, uuid.UUID], Bookkeeping]  # authorisation's tenant and id


def connector(database: Database, vault: Vault, settings: Settings, *, person: bool = False) -> Connect:
    """How `read_anew` reaches the provider. `person`: somebody waits for it."""
    return partial(authorisations.connect, database, vault, settings, person=person)


def read_anew(database: Database, connect: Connect, tenant_id: uuid.UUID, coupling_id: uuid.UUID) -> DossierBooks:
    """On an error the old lists stay.

    Raises Conflict "coupling.ended" and "app.access_off", and the connector's errors.
    """
    with database.scoped(Setting(tenant=tenant_id)) as session:
        coupling = Scope.system(session, tenant_id).get(Coupling, coupling_id)
        if coupling.state != "active":
            raise Conflict("coupling.ended", number=coupling.dossier_number)
        holder, app = coupling.authorisation_tenant_id, coupling.app
        if not may_use(Scope.system(session, tenant_id), tenant_id, holder, app):
            raise Conflict("app.access_off", app=registry.app(app).MANIFEST.label)
        held = coupling.authorisation_tenant_id, coupling.authorisation_id
        dossier, wanted = coupling.dossier_code, wants_relations(Scope.system(session, tenant_id), coupling_id)
    lists = fetch_books(connect(*held), dossier, relations=wanted)
    with database.scoped(Setting(tenant=tenant_id)) as session:
        scope = Scope.system(session, tenant_id)
        store_books(scope, coupling_id, lists)
        return read_books(scope, coupling_id)
