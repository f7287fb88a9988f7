"""Statement lines, and how far each of them is on its way to the books."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, select, tuple_

from portal.access import Scope
from portal.ledger.lists import LineFilter, Totals, conditions
from portal.ledger.models import Entry, StatementLine
from portal.sync.models import Posting, PostingState

# waiting: in no entry · drafted: in an entry that may still change · sent: handed over, not
# confirmed yet · booked: confirmed by the package
STATES = ("waiting", "drafted", "sent", "booked")


@dataclass(frozen=True, slots=True)
class LineView:
    line: StatementLine
    state: str
    entry_id: uuid.UUID | None
    reference: str  # of the entry, "" when there is none


@dataclass(frozen=True, slots=True)
class Lines:
    rows: Sequence[LineView]
    after: str  # cursor of the next page, "" when this is the last


def list_lines(scope: Scope, wanted: LineFilter, state: str = "", *, after: str = "", limit: int = 50) -> Lines:
    """Newest day first, a page after a cursor; `state` is one of STATES or "" for all."""
    query = _lines().where(*_conditions(scope, wanted, state))
    if key := _cursor(after):
        query = query.where(tuple_(StatementLine.date, StatementLine.id) < key)
    query = query.order_by(StatementLine.date.desc(), StatementLine.id.desc()).limit(limit + 1)
    found = [_view(row) for row in scope.session.execute(query)]
    last = found[limit - 1].line if len(found) > limit else None
    return Lines(found[:limit], f"{last.date.isoformat()}~{last.id}" if last else "")


def view_line(scope: Scope, line_id: uuid.UUID) -> LineView:
    """One line. Raises NotFound."""
    line = scope.get(StatementLine, line_id)
    query = _lines().where(StatementLine.tenant_id == scope.tenant_id, StatementLine.id == line.id)
    return _view(scope.session.execute(query).one())


def _lines() -> Select[Any]:
    entry = (Entry.tenant_id == StatementLine.tenant_id) & (Entry.id == StatementLine.entry_id)
    posting = (Posting.tenant_id == Entry.tenant_id) & (Posting.entry_id == Entry.id)
    return (
        select(StatementLine, Entry.id, Entry.reference, Entry.state, Posting.state)
        .outerjoin(Entry, entry)
        .outerjoin(Posting, posting)
    )


def _view(row: Any) -> LineView:
    line, entry_id, reference, entry_state, posting_state = row
    return LineView(line, _state(entry_state, posting_state), entry_id, reference or "")


def totals(scope: Scope, wanted: LineFilter, state: str = "") -> Totals:
    """Number, money in and money out of all that match, for one bank account."""
    amount, zero = StatementLine.amount, Decimal(0)
    count, money_in, money_out = scope.session.execute(
        select(func.count(), func.sum(amount).filter(amount > zero), func.sum(amount).filter(amount < zero)).where(
            *_conditions(scope, wanted, state)
        )
    ).one()
    return Totals(count, money_in or zero, -(money_out or zero))


def _conditions(scope: Scope, wanted: LineFilter, state: str) -> list[Any]:
    if state == "waiting":
        return conditions(scope, replace(wanted, entered=False))
    found = conditions(scope, wanted)
    if state in STATES:
        # Entries are few, lines are many: from the entries to their lines by index.
        entries = select(Entry.id).where(Entry.tenant_id == scope.tenant_id)
        booked = select(Posting.entry_id).where(
            Posting.tenant_id == scope.tenant_id, Posting.state == PostingState.CONFIRMED
        )
        chosen = {
            "drafted": entries.where(Entry.state == "draft"),
            "sent": entries.where(Entry.state == "offered", Entry.id.not_in(booked)),
            "booked": booked,
        }[state]
        found.append(StatementLine.entry_id.in_(chosen))
    return found


def _state(entry: str | None, posting: str | None) -> str:
    if entry is None:
        return "waiting"
    if posting == PostingState.CONFIRMED:
        return "booked"
    return "drafted" if entry == "draft" else "sent"


def _cursor(after: str) -> tuple[date, uuid.UUID] | None:
    """A cursor that nobody gave out begins at the beginning."""
    day, _, identity = after.partition("~")
    try:
        return (date.fromisoformat(day), uuid.UUID(identity)) if identity else None
    except ValueError:
        return None
