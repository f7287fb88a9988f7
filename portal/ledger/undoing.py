"""Undoing an import: a file's lines go out again, and may come back when it is offered again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, select, text, update
from sqlalchemy.orm import aliased

from portal.access import Scope
from portal.activity import service as activity
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict
from portal.ledger.deleting import forget_statements, hindrance, remove
from portal.ledger.models import BankAccount, Import, Statement, StatementLine


def delete_import(scope: Scope, import_id: uuid.UUID | str) -> int:
    """Take a file's lines out again; the number of lines is returned.

    Lines that a feed or a file without balances told too stay with those. Raises
    Conflict("import.fed") for what a feed brought (its statement can be taken out),
    Conflict("import.drafted") once a line is in an entry, Conflict("import.matched") once one is
    matched, and Conflict("import.shared") while a later file counts on some of them.
    """
    row = scope.get(Import, import_id)
    if row.origin == "feed":
        raise Conflict("import.fed")
    if row.created_by != scope.actor.user_id:
        scope.require_every_account()
    accounts = _locked_accounts(scope, row)
    lines = scope.session.scalars(_lines_of(scope, row)).all()
    if found := hindrance(scope, lines):
        raise Conflict("import.matched" if found.code == "line.matched" else "import.drafted", filename=row.filename)
    if lines and (later := _counted_on_by(scope, row)):
        raise Conflict("import.shared", filename=row.filename, other=later.filename)
    leave_with_others(scope, row.id)
    gone = scope.session.scalars(_lines_of(scope, row).with_only_columns(StatementLine.id)).all()
    remove(scope, gone, forget=True)
    of_import = (Statement.tenant_id == scope.tenant_id, Statement.import_id == row.id)
    forget_statements(scope, scope.session.scalars(select(Statement.id).where(*of_import)).all())
    for account in accounts:
        subject = ("bank_account", account.id)
        activity.record(scope, "import.deleted", subject, filename=row.filename, lines=row.stored)
    scope.session.delete(row)
    return row.stored


# ------------------------------------------------------------------ what it is about


def _locked_accounts(scope: Scope, row: Import) -> Sequence[BankAccount]:
    of_import = select(Statement.bank_account_id).where(
        Statement.tenant_id == scope.tenant_id, Statement.import_id == row.id
    )
    query = select(BankAccount).where(BankAccount.tenant_id == scope.tenant_id, BankAccount.id.in_(of_import))
    return scope.session.scalars(query.order_by(BankAccount.number, BankAccount.currency).with_for_update()).all()


def _lines_of(scope: Scope, row: Import) -> Select[StatementLine]:
    return (
        select(StatementLine)
        .join(
            Statement,
            and_(Statement.tenant_id == StatementLine.tenant_id, Statement.id == StatementLine.statement_id),
        )
        .where(StatementLine.tenant_id == scope.tenant_id, Statement.import_id == row.id)
    )


def _counted_on_by(scope: Scope, row: Import) -> Import | None:
    """A later file of which some lines were known, from days that this one has."""
    mine, later = aliased(Statement), aliased(Statement)
    query = (
        select(Import)
        .join(later, and_(later.tenant_id == Import.tenant_id, later.import_id == Import.id))
        .join(
            mine,
            and_(
                mine.tenant_id == later.tenant_id,
                mine.bank_account_id == later.bank_account_id,
                mine.first_date <= later.last_date,
                mine.last_date >= later.first_date,
            ),
        )
        .where(
            Import.tenant_id == scope.tenant_id,
            mine.import_id == row.id,
            Import.id > row.id,
            later.new_lines < later.line_count,
        )
        .limit(1)
    )
    return scope.session.scalars(query).first()


# ------------------------------------------------------------------ lines that others told too

_OTHERS = text("""
SELECT l.id, l.bank_account_id, o.provider, max(o.statement_id::text)::uuid AS statement
FROM statement_lines l
JOIN statements s ON s.tenant_id = l.tenant_id AND s.id = l.statement_id
JOIN line_sources o ON o.tenant_id = l.tenant_id AND o.line_id = l.id
WHERE l.tenant_id = :tenant AND s.import_id = :import
GROUP BY l.id, l.bank_account_id, o.provider
ORDER BY l.id, max(o.statement_id::text) NULLS LAST
""")


def leave_with_others(scope: Scope, import_id: uuid.UUID) -> int:
    """Before a file is undone: lines that feeds or files without balances told too go back to them; how many."""
    homes: dict[uuid.UUID, Any] = {}
    for row in scope.session.execute(_OTHERS, {"tenant": scope.tenant_id, "import": import_id}):
        homes.setdefault(row.id, row)
    made: dict[tuple[uuid.UUID, str], uuid.UUID] = {}
    moved: dict[uuid.UUID, list[uuid.UUID]] = {}
    for row in homes.values():
        home = row.statement
        if home is None:
            key = (row.bank_account_id, row.provider)
            home = made[key] = made.get(key) or _feed_statement(scope, *key)
        moved.setdefault(home, []).append(row.id)
    for home, ids in moved.items():
        line = StatementLine
        scope.session.execute(
            update(line)
            .where(line.tenant_id == scope.tenant_id, line.id.in_(ids))
            .values(statement_id=home, balance=None)
        )
        _widen(scope, home)
    return len(homes)


def _feed_statement(scope: Scope, account_id: uuid.UUID, provider: str) -> uuid.UUID:
    now = clock.now()
    row = Import(
        tenant_id=scope.tenant_id, id=uuid7(), filename=provider, size=0, sha256=b"", origin="feed", format=provider,
        state="stored", code="", values={}, line=None, stored=0, known=0, warnings=[], created_at=now,
        created_by=scope.actor.user_id,
    )  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    statement = Statement(
        tenant_id=scope.tenant_id, id=uuid7(), bank_account_id=account_id, import_id=row.id, number="", opening=None,
        opening_date=None, closing=None, closing_date=None, first_date=None, last_date=None, in_order=False,
        line_count=0, new_lines=0, digest=row.id.bytes, created_at=now,
    )  # fmt: skip
    scope.session.add(statement)
    scope.session.flush()
    return statement.id


_WIDEN = text("""
UPDATE statements s SET line_count = greatest(s.line_count, l.count), new_lines = greatest(s.new_lines, l.count),
  first_date = least(s.first_date, l.first), last_date = greatest(s.last_date, l.last)
FROM (SELECT count(*) AS count, min(date) AS first, max(date) AS last FROM statement_lines
  WHERE tenant_id = :tenant AND statement_id = :statement) l
WHERE s.tenant_id = :tenant AND s.id = :statement
""")


def _widen(scope: Scope, statement_id: uuid.UUID) -> None:
    scope.session.execute(_WIDEN, {"tenant": scope.tenant_id, "statement": statement_id})
