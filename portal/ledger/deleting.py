"""Taking lines and statements out again, until they are matched or in an entry.

What a bank told does not come back by the next file or feed: it is kept apart, with the reason,
and can be put back. A line that other sources told as well stays with them when a file is undone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, inspect, select, update

from portal.access import Scope
from portal.activity import service as activity
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.money import Amount
from portal.ledger.models import (
    BankAccount,
    DeletedLine,
    Entry,
    Import,
    LineChange,
    LineSource,
    Statement,
    StatementLine,
)

MAX_REASON = 300
_COPIED = [column.key for column in inspect(DeletedLine).columns if column.key in inspect(StatementLine).columns]


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why lines stay: `code` has a wording in ERRORS. `entry_id`: where it can be undone."""

    code: str
    values: Mapping[str, object]
    entry_id: uuid.UUID | None = None


def hindrance(scope: Scope, lines: Sequence[StatementLine]) -> Hindrance | None:
    """The first thing that keeps these lines; None when they may go."""
    entries = {line.entry_id for line in lines if line.entry_id}
    if entries:
        query = select(Entry).where(Entry.tenant_id == scope.tenant_id, Entry.id.in_(entries))
        entry = scope.session.scalars(query.order_by(Entry.state.desc()).limit(1)).one()
        code = "line.drafted" if entry.state == "draft" else "line.posted"
        return Hindrance(code, {"reference": entry.reference}, entry.id)
    if any(line.matched for line in lines):
        return Hindrance("line.matched", {})
    return None


def delete_line(scope: Scope, line_id: uuid.UUID | str, reason: str) -> None:
    """Take one line out. Raises Conflict with the code of its hindrance, Invalid("line.reason")."""
    reason = _reason(reason)
    line = scope.get(StatementLine, line_id)
    _lock(scope, line.bank_account_id)
    line = scope.get(StatementLine, line_id, lock=True)
    statement = scope.get(Statement, line.statement_id)
    _take_out(scope, statement, [line], reason, whole=False)
    activity.record(
        scope, "line.deleted", ("bank_account", line.bank_account_id), date=line.date.isoformat(),
        amount=str(line.amount), reason=reason,
    )  # fmt: skip


def delete_statement(scope: Scope, statement_id: uuid.UUID | str, reason: str) -> int:
    """Take a statement out with its lines; how many. What it was brought in by stays in the list of files."""
    reason = _reason(reason)
    statement = scope.get(Statement, statement_id)
    _lock(scope, statement.bank_account_id)
    lines = lines_of(scope, statement.id)
    _take_out(scope, statement, lines, reason, whole=True)
    # Single lines that were taken out before need their statement too, should they be put back.
    scope.session.execute(
        update(DeletedLine)
        .where(DeletedLine.tenant_id == scope.tenant_id, DeletedLine.statement_id == statement.id)
        .values(statement=_values(statement))
    )
    scope.session.execute(delete(Statement).where(Statement.tenant_id == scope.tenant_id, Statement.id == statement.id))
    activity.record(
        scope, "statement.deleted", ("bank_account", statement.bank_account_id), lines=len(lines), reason=reason
    )
    return len(lines)


def lines_of(scope: Scope, statement_id: uuid.UUID) -> Sequence[StatementLine]:
    query = select(StatementLine).where(
        StatementLine.tenant_id == scope.tenant_id, StatementLine.statement_id == statement_id
    )
    return scope.session.scalars(query.order_by(StatementLine.position)).all()


def deleted_lines(scope: Scope, bank_account_id: uuid.UUID, limit: int = 200) -> Sequence[DeletedLine]:
    """Of one account, the last that was taken out first."""
    query = select(DeletedLine).where(
        DeletedLine.tenant_id == scope.tenant_id, DeletedLine.bank_account_id == bank_account_id
    )
    return scope.session.scalars(query.order_by(DeletedLine.deleted_at.desc(), DeletedLine.id).limit(limit)).all()


def restore_line(scope: Scope, deleted_id: uuid.UUID | str) -> StatementLine:
    """Put a line back where it was, with its statement when that was taken out too."""
    gone = scope.get(DeletedLine, deleted_id)
    _lock(scope, gone.bank_account_id)
    gone = scope.get(DeletedLine, deleted_id, lock=True)
    if gone.statement is not None:
        _bring_back(scope, gone.statement)
    line = StatementLine(**{name: getattr(gone, name) for name in _COPIED}, entry_id=None)
    scope.session.add(line)
    scope.session.delete(gone)
    activity.record(
        scope, "line.restored", ("bank_account", line.bank_account_id), date=line.date.isoformat(),
        amount=str(line.amount),
    )  # fmt: skip
    scope.session.flush()
    return line


# ------------------------------------------------------------------ steps


def _reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not reason or len(reason) > MAX_REASON:
        raise Invalid("line.reason", field="reason", limit=MAX_REASON)
    return reason


def _lock(scope: Scope, account_id: uuid.UUID) -> None:
    scope.get(BankAccount, account_id, lock=True)


def _take_out(scope: Scope, statement: Statement, lines: Sequence[StatementLine], reason: str, *, whole: bool) -> None:
    if found := hindrance(scope, lines):
        raise Conflict(found.code, **found.values)
    origin = scope.get(Import, statement.import_id).origin
    snapshot = _values(statement) if whole else None
    for line in lines:
        if origin != "hand":
            scope.session.add(
                DeletedLine(
                    **{name: getattr(line, name) for name in _COPIED}, reason=reason,
                    deleted_by=scope.actor.user_id, deleted_name=scope.actor.name, deleted_at=clock.now(),
                    statement=snapshot,
                )
            )  # fmt: skip
    remove(scope, [line.id for line in lines], forget=origin == "hand")


def remove(scope: Scope, ids: Sequence[uuid.UUID], *, forget: bool) -> None:
    """`forget`: also who told the lines, so that the next telling is a new line."""
    line, source, change = StatementLine, LineSource, LineChange
    scope.session.execute(delete(line).where(line.tenant_id == scope.tenant_id, line.id.in_(ids)))
    if forget:
        scope.session.execute(delete(source).where(source.tenant_id == scope.tenant_id, source.line_id.in_(ids)))
        scope.session.execute(delete(change).where(change.tenant_id == scope.tenant_id, change.line_id.in_(ids)))


def forget_statements(scope: Scope, ids: Sequence[uuid.UUID]) -> None:
    """Remove statements without lines, also from what lines remember of their sources."""
    source = LineSource
    told_there = (source.tenant_id == scope.tenant_id, source.statement_id.in_(ids))
    scope.session.execute(delete(source).where(*told_there, source.remote_id == ""))
    scope.session.execute(update(source).where(*told_there).values(statement_id=None))
    scope.session.execute(delete(Statement).where(Statement.tenant_id == scope.tenant_id, Statement.id.in_(ids)))


def _values(statement: Statement) -> dict[str, Any]:
    """Its columns as JSON takes them."""

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.hex()
        return value if value is None or isinstance(value, bool | int) else str(value)

    return {column.key: plain(getattr(statement, column.key)) for column in inspect(Statement).columns}


_READ: dict[type[Any], Callable[[str], Any]] = {
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    uuid.UUID: uuid.UUID,
    Decimal: Decimal,
    bytes: bytes.fromhex,
}


def _bring_back(scope: Scope, values: Mapping[str, Any]) -> None:
    """The statement anew, unless another of its lines brought it back before."""
    there = select(Statement.id).where(Statement.tenant_id == scope.tenant_id, Statement.id == uuid.UUID(values["id"]))
    if scope.session.scalar(there) is not None:
        return
    read: dict[str, Any] = {}
    for column in inspect(Statement).columns:
        kind = Decimal if isinstance(column.type, Amount) else column.type.python_type
        value, how = values[column.key], _READ.get(kind)
        read[column.key] = how(value) if value is not None and how else value
    row = Statement(**read)
    known = select(Statement.id).where(
        Statement.tenant_id == scope.tenant_id,
        Statement.bank_account_id == row.bank_account_id,
        Statement.digest == row.digest,
    )
    if scope.session.scalar(known) is not None:  # offered again meanwhile
        row.digest = uuid7().bytes
    scope.session.add(row)
    scope.session.flush()
