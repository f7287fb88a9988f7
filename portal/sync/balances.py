"""The bank's balance before and after an entry, where the statements prove it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select

from portal.access import Scope
from portal.ledger.models import Entry, StatementLine

Balances = tuple[Decimal, Decimal] | tuple[None, None]
UNKNOWN: tuple[None, None] = (None, None)


def around(scope: Scope, entry: Entry) -> Balances:
    """(opening, closing) of an entry, or (None, None) when the statements leave a doubt.

    Known only for the first entry of a period: what came late lies between days that were
    booked already.
    """
    if entry.sequence > 0:
        return UNKNOWN
    line = StatementLine
    rows = scope.session.execute(
        select(line.amount, line.balance)
        .where(line.tenant_id == scope.tenant_id, line.entry_id == entry.id)
        .order_by(line.date, line.statement_id, line.position)
    ).all()
    return chain_ends([(row.amount, row.balance) for row in rows])


def chain_ends(lines: Sequence[tuple[Decimal, Decimal | None]]) -> Balances:
    """First balance before and last balance after lines of (amount, balance after).

    In whatever order they come: each balance that is both before one line and after another
    joins the two, and what is left over are the ends. More than two left over is a gap.
    """
    before: Counter[Decimal] = Counter()
    after: Counter[Decimal] = Counter()
    for amount, balance in lines:
        if balance is None:
            return UNKNOWN
        before[balance - amount] += 1
        after[balance] += 1
    starts, ends = list((before - after).elements()), list((after - before).elements())
    if len(starts) > 1:
        return UNKNOWN
    if not starts and lines:  # ends where it began: the bank's own order says where
        amount, balance = lines[0]
        starts = ends = [(balance or Decimal(0)) - amount]
    return (starts[0], ends[0]) if starts else UNKNOWN
