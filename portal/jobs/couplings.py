"""Jobs of the couplings room: reading the books of a dossier that was just coupled."""

from __future__ import annotations

import uuid

import structlog

from portal import runtime
from portal.connectors.errors import ConnectorError
from portal.couplings import reading
from portal.kernel import queue
from portal.kernel.errors import Conflict

log = structlog.get_logger()


@queue.job("sync", timeout=120)
def refresh(tenant_id: str, coupling_id: str) -> None:
    here = runtime.get()
    connect = reading.connector(here.database, here.vault, here.settings)
    try:
        reading.read_anew(here.database, connect, uuid.UUID(tenant_id), uuid.UUID(coupling_id))
    except (ConnectorError, Conflict) as error:
        # The page says that the books are unread, with a button; every run reads them first too.
        log.info("books.unread", coupling=coupling_id, code=error.code)
