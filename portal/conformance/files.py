"""An app without a server, tried in a database of its own: a firm, its authorisation, and a dossier with books."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations.models import Authorisation, State
from portal.exchange import dossiers
from portal.exchange.register import Register
from portal.kernel import clock, migrate
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.roles import create_roles
from portal.kernel.services import start_postgres
from portal.tenants.models import Tenant

CHART = (
    "JournalCode;JournalLib;CompteNum;CompteLib;Contrepartie\r\n"
    "BQ;Banque;512100;Crédit Agricole;512100\r\n"
    "OD;Opérations diverses;471000;Compte d'attente;\r\n"
    "OD;Opérations diverses;472000;Compte d'ordre;\r\n"
).encode()


@contextmanager
def register(app: str) -> Iterator[Register]:
    """The register of one dossier, with this year open and the last one closed."""
    activity.ensure_key(secrets.token_bytes(32))
    with tempfile.TemporaryDirectory(prefix="kp-conformance-") as folder:
        Path(folder).chmod(0o755)
        server = start_postgres(Path(folder) / "postgres", durable=False)
        try:
            urls = create_roles(server.url, "koppelpoort_conformance", "owner", "app")
            migrate.upgrade(urls.owner_url)
            database = Database(urls.app_url)
            try:
                yield _furnished(database, app)
            finally:
                database.engine.dispose()
        finally:
            server.stop()


def _furnished(database: Database, app: str) -> Register:
    now, tenant_id, row_id, year = clock.now(), uuid7(), uuid7(), clock.today().year
    tenant = Tenant(
        id=tenant_id, kind="portal", name="Conformance", email="conformance@example.com", country="FR", scheme="siren",
        enterprise_number="732829320", created_at=now,
    )  # fmt: skip
    row = Authorisation(
        tenant_id=tenant_id, id=row_id, app=app, environment="", name="Conformance", state=State.ACTIVE,
        state_since=now, created_at=now,
    )  # fmt: skip
    with database.scoped(Setting(tenant=tenant_id)) as session:
        session.add(tenant)
        session.flush()
        session.add(row)
        session.flush()
        scope = Scope.system(session, tenant_id, "portal")
        draft = dossiers.Draft("1", "Boulangerie", "FR", "732829320", date(year, 1, 1), date(year, 12, 31))
        made = dossiers.add_dossier(scope, row_id, draft)
        dossiers.bring_chart(scope, made.id, CHART)
        before = dossiers.add_year(scope, made.id, date(year - 1, 1, 1), date(year - 1, 12, 31))
        dossiers.close_year(scope, before.id, closed=True)
    return Register(database, tenant_id, row_id, app)
