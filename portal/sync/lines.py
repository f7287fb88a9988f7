"""Statement lines, and how far each of them is on its way to the books."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date as Day
from decimal import Decimal

from sqlalchemy import select

from portal.access import Scope
from portal.ledger import lists
from portal.ledger.lists import LineFilter, Totals, conditions
from portal.ledger.models import Entry, StatementLine
from portal.sync.models import Posting, PostingState

# waiting: in no entry · drafted: in an entry that may still change · sent: handed over, not
# confirmed yet · booked: confirmed by the package
STATES = ("waiting", "drafted", "sent", "booked")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the entry of a line stands."""

    state: str
    entry_id: uuid.UUID | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class LineView:
    line: StatementLine
    standing: Standing


@dataclass(frozen=True, slots=True)
class Lines:
    rows: Sequence[LineView]
    after: str  # cursor of the next page, "" when this is the last


WAITING = Standing("waiting")


def list_lines(scope: Scope, wanted: LineFilter, state: str = "", *, after: str = "", limit: int = 50) -> Lines:
    """Newest day first, a page after a cursor; `state` is one of STATES or "" for all."""
    found = lists.lines(scope, _narrow(scope, wanted, state), after=after, limit=limit)
    known = standings(scope, {line.entry_id for line in found.rows if line.entry_id})
    return Lines([_view(line, known) for line in found.rows], found.after)


def totals(scope: Scope, wanted: LineFilter, state: str = "") -> Totals:
    """Number, money in and money out of all that match, for one bank account."""
    return lists.totals(scope, _narrow(scope, wanted, state))


def view_line(scope: Scope, line_id: uuid.UUID) -> LineView:
    """One line. Raises NotFound."""
    line = scope.get(StatementLine, line_id)
    return _view(line, standings(scope, {line.entry_id} if line.entry_id else set()))


@dataclass(frozen=True, slots=True)
class PlainLine:
    """A line for a file of many: no object of the session, so that a hundred thousand stay light."""

    date: Day
    value_date: Day | None
    amount: Decimal
    balance: Decimal | None
    counterparty: str
    counterparty_account: str
    reference: str
    description: str
    standing: Standing


def every_line(scope: Scope, wanted: LineFilter, state: str = "") -> Iterator[PlainLine]:
    """All that match, newest day first."""
    known = standings(scope, None)
    line = StatementLine
    query = (
        select(
            line.date, line.value_date, line.amount, line.balance, line.counterparty, line.counterparty_account,
            line.reference, line.description, line.entry_id,
        )
        .where(*conditions(scope, _narrow(scope, wanted, state)))
        .order_by(line.date.desc(), line.id.desc())
    )  # fmt: skip
    for row in scope.session.execute(query.execution_options(yield_per=5000)):
        yield PlainLine(*row[:-1], standing=known.get(row[-1], WAITING))


def _view(line: StatementLine, known: Mapping[uuid.UUID | None, Standing]) -> LineView:
    return LineView(line, known.get(line.entry_id, WAITING))


def _narrow(scope: Scope, wanted: LineFilter, state: str) -> LineFilter:
    """Entries are few and lines are many: which entries are in that state, then the lines in them."""
    if state == "waiting":
        return replace(wanted, entered=False)
    if state not in STATES:
        return wanted
    booked = Posting.state == PostingState.CONFIRMED
    chosen = {
        "drafted": Entry.state == "draft",
        "sent": (Entry.state == "offered") & booked.is_not(True),
        "booked": booked,
    }
    query = (
        select(Entry.id)
        .outerjoin(Posting, (Posting.tenant_id == Entry.tenant_id) & (Posting.entry_id == Entry.id))
        .where(Entry.tenant_id == scope.tenant_id, chosen[state])
    )
    return replace(wanted, entries=scope.session.scalars(query).all())


def standings(scope: Scope, entries: set[uuid.UUID] | None) -> dict[uuid.UUID | None, Standing]:
    """How these entries stand, by id; None: all of the client account."""
    if entries is not None and not entries:
        return {}
    query = (
        select(Entry.id, Entry.reference, Entry.state, Posting.state)
        .outerjoin(Posting, (Posting.tenant_id == Entry.tenant_id) & (Posting.entry_id == Entry.id))
        .where(Entry.tenant_id == scope.tenant_id)
    )
    if entries is not None:
        query = query.where(Entry.id.in_(entries))
    return {
        entry_id: Standing(_state(entry, posting), entry_id, reference)
        for entry_id, reference, entry, posting in scope.session.execute(query)
    }


def _state(entry: str, posting: str | None) -> str:
    if posting == PostingState.CONFIRMED:
        return "booked"
    return "drafted" if entry == "draft" else "sent"
