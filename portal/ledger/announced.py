"""What a bank announces and has not booked: shown to people, never a line."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from portal.access import Scope
from portal.connectors.feed import FeedTransaction
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.ledger.models import BankAccount, PendingLine


def replace_pending(scope: Scope, account: BankAccount, provider: str, told: Sequence[FeedTransaction]) -> int:
    """Put what the newest fetch announces in the place of what the one before announced; how many there are."""
    mine = (
        PendingLine.tenant_id == scope.tenant_id,
        PendingLine.bank_account_id == account.id,
        PendingLine.provider == provider,
    )
    columns = (
        PendingLine.remote_id, PendingLine.date, PendingLine.amount, PendingLine.description, PendingLine.counterparty,
        PendingLine.counterparty_account,
    )  # fmt: skip
    before = {tuple(row) for row in scope.session.execute(select(*columns).where(*mine))}
    rows = [(one.id, one.line.date, one.line.amount, one.line.description, one.line.counterparty,
             one.line.counterparty_account) for one in told]  # fmt: skip
    if set(rows) != before:
        scope.session.execute(delete(PendingLine).where(*mine))
        names = [column.key for column in columns]
        common = {"tenant_id": scope.tenant_id, "bank_account_id": account.id, "provider": provider}
        made = [
            common | {"id": uuid7(), "created_at": clock.now()} | dict(zip(names, row, strict=True)) for row in rows
        ]
        if made:
            scope.session.execute(insert(PendingLine), made)
    return len(rows)


def pending_lines(scope: Scope, bank_account_id: uuid.UUID) -> Sequence[PendingLine]:
    """Newest first."""
    query = select(PendingLine).where(
        PendingLine.tenant_id == scope.tenant_id, PendingLine.bank_account_id == bank_account_id
    )
    return scope.session.scalars(query.order_by(PendingLine.date.desc(), PendingLine.id)).all()
