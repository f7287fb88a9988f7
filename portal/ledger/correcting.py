"""Corrections of a line by a person; what it said before is kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.statement import StatementLine as ToldLine
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.money import to_units
from portal.ledger.fingerprints import content_key, counter_of, fingerprint, key_of
from portal.ledger.models import BankAccount, Entry, Import, LineChange, Statement, StatementLine

TEXTS = ("description", "counterparty", "reference")
TYPED = (*TEXTS, "counterparty_account", "date", "amount")
MAX_TEXT = 500


def may_change(scope: Scope, line: StatementLine) -> tuple[str, ...]:
    """Fields that a person may correct: all of a line typed by hand, the texts of one that a bank told."""
    statement = scope.get(Statement, line.statement_id)
    return TYPED if scope.get(Import, statement.import_id).origin == "hand" else TEXTS


def correct_line(scope: Scope, line_id: uuid.UUID | str, wanted: Mapping[str, Any]) -> StatementLine:
    """Take over `wanted`: texts, and for a line typed by hand also `date` and `amount`.

    The closing balance of a typed statement moves along with an amount. Raises
    Conflict("line.entered") for a line in an entry, Invalid("line.field") for a field that the
    bank told, Invalid("line.text") and Invalid("hand.nothing") for what cannot be.
    """
    first = scope.get(StatementLine, line_id)
    scope.get(BankAccount, first.bank_account_id, lock=True)
    line = scope.get(StatementLine, line_id, lock=True)
    if line.entry_id is not None:
        raise Conflict("line.entered", reference=scope.get(Entry, line.entry_id).reference)
    allowed = may_change(scope, line)
    after = {name: _clean(name, value) for name, value in wanted.items()}
    for name in after:
        if name not in allowed:
            raise Invalid("line.field", field=name)
    before = {name: getattr(line, name) for name in after}
    changed = [name for name in after if before[name] != after[name]]
    if not changed:
        return line
    for name in changed:
        setattr(line, name, after[name])
    _note(scope, line, {name: before[name] for name in changed}, {name: after[name] for name in changed})
    if {"amount", "date"} & set(changed):
        _reckon(scope, line)
    return line


def changes(scope: Scope, line_id: uuid.UUID) -> Sequence[LineChange]:
    """Newest first."""
    query = select(LineChange).where(LineChange.tenant_id == scope.tenant_id, LineChange.line_id == line_id)
    return scope.session.scalars(query.order_by(LineChange.changed_at.desc(), LineChange.id.desc())).all()


def _clean(name: str, value: Any) -> Any:
    if name == "date":
        if not isinstance(value, date):
            raise Invalid("line.text", field=name, limit=MAX_TEXT)
        return value
    if name == "amount":
        if not value:
            raise Invalid("hand.nothing", field=name)
        to_units(Decimal(value))
        return Decimal(value)
    text = " ".join(str(value).split())
    if len(text) > MAX_TEXT:
        raise Invalid("line.text", field=name, limit=MAX_TEXT)
    return text.replace(" ", "").upper() if name == "counterparty_account" else text


def _note(scope: Scope, line: StatementLine, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    scope.session.add(
        LineChange(
            tenant_id=scope.tenant_id, id=uuid7(), bank_account_id=line.bank_account_id, line_id=line.id,
            source="person", changed_by=scope.actor.user_id, changed_name=scope.actor.name, changed_at=clock.now(),
            before={name: str(value) for name, value in before.items()},
            after={name: str(value) for name, value in after.items()}, applied=True,
        )
    )  # fmt: skip
    activity.record(
        scope, "line.corrected", ("statement_line", line.id), context=line.bank_account_id,
        date=line.date.isoformat(), amount=str(line.amount),
    )  # fmt: skip


def _reckon(scope: Scope, line: StatementLine) -> None:
    """A typed statement after a change: identity of the line, balances, closing balance and days."""
    scope.session.flush()
    line.fingerprint = _free_print(scope, line)
    statement = scope.get(Statement, line.statement_id, lock=True)
    query = select(StatementLine).where(
        StatementLine.tenant_id == scope.tenant_id, StatementLine.statement_id == statement.id
    )
    rows = scope.session.scalars(query.order_by(StatementLine.date, StatementLine.position)).all()
    balance = statement.opening
    for row in rows:
        if balance is not None:
            balance += row.amount
        row.balance = balance
    statement.closing = balance
    statement.first_date, statement.last_date = rows[0].date, rows[-1].date
    statement.opening_date, statement.closing_date = rows[0].date, rows[-1].date
    statement.in_order = True
    statement.digest = uuid7().bytes  # no file says the same any more


def _free_print(scope: Scope, line: StatementLine) -> bytes:
    told = ToldLine(
        line.date, line.value_date, line.amount, line.description, line.counterparty, line.counterparty_account,
        reference=line.reference, end_to_end_id=line.end_to_end_id,
    )  # fmt: skip
    key = content_key(told, to_units(line.amount))
    if key == key_of(line.fingerprint):
        return line.fingerprint
    query = select(StatementLine.fingerprint).where(
        StatementLine.tenant_id == scope.tenant_id,
        StatementLine.bank_account_id == line.bank_account_id,
        StatementLine.date == line.date,
        StatementLine.id != line.id,
    )
    used = [counter_of(print_) for print_ in scope.session.scalars(query) if key_of(print_) == key]
    return fingerprint(key, max(used, default=-1) + 1)
