"""What a file brought in, and how far back the accounts go, for their pages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import and_, func, select

from portal.access import Scope
from portal.ledger.models import BankAccount, Import, LineSource, Statement, StatementLine


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


def oldest_lines(scope: Scope) -> Mapping[str, date]:
    """The day of the oldest line that waits, by the account's id as text."""
    line = StatementLine
    query = (
        select(line.bank_account_id, func.min(line.date))
        .where(line.tenant_id == scope.tenant_id, line.entry_id.is_(None))
        .group_by(line.bank_account_id)
    )
    return {str(account_id): day for account_id, day in scope.session.execute(query)}


def sources_of(scope: Scope, line: StatementLine) -> Sequence[tuple[str, str, Sequence[str]]]:
    """Who told a line, as (origin, format or provider, ids there): the statement it stands in first."""
    query = (
        select(Import.origin, Import.format)
        .join(Statement, and_(Statement.tenant_id == Import.tenant_id, Statement.import_id == Import.id))
        .where(Statement.tenant_id == scope.tenant_id, Statement.id == line.statement_id)
    )
    origin, format = scope.session.execute(query).one()
    told: dict[tuple[str, str], list[str]] = {(origin, format): []}
    others = select(LineSource.provider, LineSource.remote_id).where(
        LineSource.tenant_id == scope.tenant_id, LineSource.line_id == line.id
    )
    for provider, remote_id in scope.session.execute(others.order_by(LineSource.id)):
        told.setdefault(("feed" if remote_id else "file", provider), []).extend([remote_id] if remote_id else [])
    return [(*who, ids) for who, ids in told.items()]
