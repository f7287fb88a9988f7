"""Writing down who fetched what leaves the product: in a transaction of its own, as a GET is read-only."""

from __future__ import annotations

import uuid
from dataclasses import replace

from portal import runtime
from portal.activity.service import record
from portal.kernel.db import Setting
from portal.routes._access import scope


def note_seen(tag: str, subject: tuple[str, uuid.UUID] | None = None, **data: str) -> None:
    """Record `tag` for the person of this request. Committed at once, before anything is handed out."""
    here = scope()
    with runtime.get().database.scoped(Setting(tenant=here.tenant_id)) as session:
        record(replace(here, session=session), tag, subject, context=None, **data)
