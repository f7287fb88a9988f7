"""Mails from the outbox."""

from __future__ import annotations

import uuid

from portal import runtime
from portal.kernel import queue
from portal.notifications import service


@queue.job("mail", timeout=60)
def send(mail_id: str) -> None:
    made = runtime.get()
    with made.database.scoped() as session:
        service.send(session, made.vault, made.settings, uuid.UUID(mail_id))
