"""The process that dies: it makes the accounts of a list until it comes to the point it was armed for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from portal.activity.service import set_key
from portal.kernel import crash, queue
from portal.kernel.db import Database
from portal.team import newcomer_lists

AUDIT_KEY = b"the audit key of the tests"


@dataclass(frozen=True)
class Place:
    """Everything a victim has to know; it starts with nothing but this."""

    url: str
    firm: uuid.UUID
    listed: uuid.UUID


def work(place: Place, point: str) -> None:
    """Come back only when the point was never reached."""
    queue.connect(None)
    set_key(AUDIT_KEY)
    crash.arm(point)
    newcomer_lists.work(Database(place.url, pool_size=2), place.firm, place.listed)
