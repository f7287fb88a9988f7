"""Tasks that wait for approval: their mails, reminders and expiry."""

from __future__ import annotations

import uuid

from portal import runtime
from portal.approvals import attending
from portal.kernel import queue


@queue.job("mail", timeout=120)
def attend(tenant_id: str, task_id: str) -> None:
    attending.attend(runtime.get(), uuid.UUID(tenant_id), uuid.UUID(task_id))
