"""What a file brought in, for its page."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import and_, select

from portal.access import Scope
from portal.ledger.models import BankAccount, Statement


def statements_of(scope: Scope, import_id: uuid.UUID, limit: int = 400) -> Sequence[tuple[Statement, BankAccount]]:
    """The statements that a file brought, in its order, each with its account."""
    query = (
        select(Statement, BankAccount)
        .join(
            BankAccount,
            and_(BankAccount.tenant_id == Statement.tenant_id, BankAccount.id == Statement.bank_account_id),
        )
        .where(Statement.tenant_id == scope.tenant_id, Statement.import_id == import_id)
        .order_by(Statement.id)
        .limit(limit)
    )
    return [(statement, account) for statement, account in scope.session.execute(query)]
