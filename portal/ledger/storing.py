"""From gathered lines to the ledger: each line once.

Whole statements that are known by their digest are left out first. Days that no stored
statement touches are stored as they are; only shared days go through `matching`.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import insert, or_, select

from portal.access import Scope
from portal.connectors.errors import Refused
from portal.kernel import clock
from portal.kernel.money import from_units, to_units
from portal.ledger.fingerprints import counter_of, fingerprint, key_of
from portal.ledger.gathering import Head, raw
from portal.ledger.matching import Arriving, Kept, Span, follows, unknown
from portal.ledger.models import BankAccount, Import, Statement

SLICE = 20_000  # incoming lines compared at a time, so that memory stays flat
STATEMENTS_A_DAY = 100  # of one account in one file


@dataclass(slots=True)
class Decision:
    """What is stored of one account: its statements, and how many of their lines are known."""

    account: BankAccount
    heads: list[Head]
    lines: int
    known_lines: Counter[int] = field(default_factory=Counter)  # by ordinal

    @property
    def stored(self) -> int:
        return sum(head.count for head in self.heads) - self.known_lines.total()

    @property
    def known(self) -> int:
        return self.lines - self.stored


def decide(scope: Scope, account: BankAccount, heads: Sequence[Head]) -> Decision:
    """Sort out what is new among the statements of one account, which is locked.

    Takes the known lines out of `arriving_lines`; new ones that equal a stored line get a
    counter of their own. Raises Refused for a file with absurdly many statements of one day.
    """
    decision = Decision(account, [], sum(head.count for head in heads))
    stored = _stored(scope, account, heads)
    digests = {told.digest for told in stored}
    for head in heads:
        if head.digest not in digests:
            digests.add(head.digest)
            decision.heads.append(head)
    comparison = _Comparison(scope, decision, stored)
    for days in _slices(_shared_days(decision.heads, stored), decision.heads):
        comparison.run(days)
    return decision


def store(scope: Scope, row: Import, decisions: Iterable[Decision]) -> None:
    """Write the statements and their new lines; `row` stands in the database already."""
    placed = [(decision, head) for decision in decisions for head in decision.heads]
    if not placed:
        return
    now = clock.now()
    values = [_statement(scope, row, decision, head) | {"created_at": now} for decision, head in placed]
    scope.session.execute(insert(Statement), values)
    raw(scope.session).execute(
        _INSERT,
        {
            "tenant": scope.tenant_id,
            "ordinals": [head.ordinal for _, head in placed],
            "statements": [head.id for _, head in placed],
            "accounts": [decision.account.id for decision, _ in placed],
            "bases": [head.base for _, head in placed],
            "signs": [head.sign for _, head in placed],
        },
    )


_INSERT = """
INSERT INTO statement_lines (tenant_id, id, bank_account_id, statement_id, position, date, value_date, amount,
  balance, description, counterparty, counterparty_account, reference, end_to_end_id, bank_reference,
  transaction_code, details, fingerprint)
SELECT %(tenant)s, a.id, h.account, h.statement, a.position, a.date, a.value_date, a.amount,
  h.base + h.sign * a.total + CASE WHEN h.sign < 0 THEN a.amount ELSE 0 END,
  a.description, a.counterparty, a.counterparty_account, a.reference, a.end_to_end_id, a.bank_reference,
  a.transaction_code, a.details, a.fingerprint
FROM pg_temp.arriving_lines a
JOIN unnest(%(ordinals)s::int[], %(statements)s::uuid[], %(accounts)s::uuid[], %(bases)s::bigint[], %(signs)s::int[])
  AS h (ordinal, statement, account, base, sign) ON h.ordinal = a.ordinal"""


def _statement(scope: Scope, row: Import, decision: Decision, head: Head) -> dict[str, Any]:
    return {
        "tenant_id": scope.tenant_id,
        "id": head.id,
        "bank_account_id": decision.account.id,
        "import_id": row.id,
        "number": head.number,
        "opening": None if head.opening is None else from_units(head.opening),
        "opening_date": head.opening_date,
        "closing": None if head.closing is None else from_units(head.closing),
        "closing_date": head.closing_date,
        "first_date": head.first,
        "last_date": head.last,
        "in_order": head.in_order,
        "line_count": head.count,
        "new_lines": head.count - decision.known_lines[head.ordinal],
        "digest": head.digest,
    }


# ------------------------------------------------------------------ what is there already


@dataclass(frozen=True, slots=True)
class _Stored:
    span: Span
    digest: bytes
    format: str
    in_order: bool


def _stored(scope: Scope, account: BankAccount, heads: Sequence[Head]) -> list[_Stored]:
    """Stored statements that share a day with the incoming ones, or are one of them."""
    days = [day for head in heads for day in (head.first, head.last) if day is not None]
    known = Statement.digest.in_([head.digest for head in heads])
    touching = (Statement.first_date <= max(days)) & (Statement.last_date >= min(days)) if days else known
    query = (
        select(Statement, Import.format)
        .join(Import, (Import.tenant_id == Statement.tenant_id) & (Import.id == Statement.import_id))
        .where(
            Statement.tenant_id == scope.tenant_id,
            Statement.bank_account_id == account.id,
            or_(known, touching),
        )
    )
    return [_Stored(_span(row), row.digest, format, row.in_order) for row, format in scope.session.execute(query)]


def _span(row: Statement) -> Span:
    opening = None if row.opening is None else to_units(row.opening)
    closing = None if row.closing is None else to_units(row.closing)
    return Span(row.id, opening, closing, row.opening_date, row.closing_date, row.first_date, row.last_date)


def _shared_days(heads: Sequence[Head], stored: Sequence[_Stored]) -> list[date]:
    """Days of the incoming statements that a stored one touches, or two incoming ones."""
    count = Counter(day for head in heads for day in head.days)
    crowded = max(count.values(), default=0)
    if crowded > STATEMENTS_A_DAY:
        raise Refused("file.statements_a_day", limit=str(STATEMENTS_A_DAY))
    ranges = [(told.span.first, told.span.last) for told in stored if told.span.first and told.span.last]
    return sorted(
        day for day, heads_ in count.items() if heads_ > 1 or any(first <= day <= last for first, last in ranges)
    )


def _slices(days: Sequence[date], heads: Sequence[Head]) -> Iterator[list[date]]:
    lines: Counter[date] = Counter()
    for head in heads:
        lines.update(head.days)
    some: list[date] = []
    for day in days:
        some.append(day)
        if sum(lines[d] for d in some) >= SLICE:
            yield some
            some = []
    if some:
        yield some


# ------------------------------------------------------------------ day by day


class _Comparison:
    """Compares shared days of the incoming statements of one account, in the order of the file."""

    def __init__(self, scope: Scope, decision: Decision, stored: Sequence[_Stored]) -> None:
        self._scope = scope
        self._connection = raw(scope.session)
        self._decision = decision
        self._heads = {head.ordinal: head for head in decision.heads}
        self._formats = {told.span.id: told.format for told in stored}
        self._formats |= {head.id: head.format for head in decision.heads}
        self._unsure = {told.span.id for told in stored if not told.in_order}
        self._spans = {head.ordinal: head.span() for head in decision.heads}
        self._stored_spans = [told.span for told in stored]
        self._by_balance: dict[tuple[str, int | None], list[Span]] = defaultdict(list)
        for span in (*self._stored_spans, *self._spans.values()):
            self._by_balance["opening", span.opening].append(span)
            self._by_balance["closing", span.closing].append(span)
        self._known: list[uuid.UUID] = []
        self._renumbered: dict[uuid.UUID, bytes] = {}

    def run(self, days: list[date]) -> None:
        kept = self._kept(days)
        for day, rows in groupby(self._arriving(days), key=itemgetter(0)):
            self._day(day, rows, kept[day])
        self._write()

    def _day(self, day: date, rows: Iterable[tuple[Any, ...]], kept: list[tuple[Kept, bytes]]) -> None:
        used = {print_ for _, print_ in kept}
        lines = [line for line, _ in kept]
        whole = [span for span in self._stored_spans if span.holds_whole(day)]
        for ordinal, some in groupby(rows, key=itemgetter(1)):
            head, span = self._heads[ordinal], self._spans[ordinal]
            arriving, prints = _placed(head, some)
            near = self._neighbours(span)
            apart = [line for line in lines if line.statement not in near]
            is_whole = span.holds_whole(day) or any(other.id not in near for other in whole)
            fresh = unknown(arriving, apart, head.format, whole=is_whole)
            new = {line.id for line in fresh}
            self._known += [line.id for line in arriving if line.id not in new]
            self._decision.known_lines[ordinal] += len(arriving) - len(new)
            for line in fresh:
                used.add(self._number(line, prints[line.id], used))
                lines.append(Kept(line.key, line.amount, line.after, line.sure, head.id, head.format))
            if span.holds_whole(day):
                whole.append(span)

    def _number(self, line: Arriving, print_: bytes, used: set[bytes]) -> bytes:
        """A fingerprint that no other line has: the one it came with, or the next that is free."""
        free = print_
        while free in used:
            free = fingerprint(line.key, counter_of(free) + 1)
        if free != print_:
            self._renumbered[line.id] = free
        return free

    def _neighbours(self, span: Span) -> set[uuid.UUID]:
        """The chain of statements that ends where this one begins, and the one that begins where it ends."""
        found: dict[uuid.UUID, Span] = {}
        for side, ours in (("closing", "opening"), ("opening", "closing")):
            edge = [span]
            while edge:
                here = edge.pop()
                for other in self._by_balance[side, getattr(here, ours)]:
                    pair = (other, here) if side == "closing" else (here, other)
                    if other.id not in found and other is not span and follows(*pair):
                        found[other.id] = other
                        edge.append(other)
        return set(found)

    def _arriving(self, days: list[date]) -> Iterable[tuple[Any, ...]]:
        query = """SELECT date, ordinal, id, amount, total, fingerprint FROM pg_temp.arriving_lines
            WHERE ordinal = ANY(%s) AND date = ANY(%s) ORDER BY date, ordinal, position"""
        return self._connection.execute(query, (list(self._heads), days), binary=True)

    def _kept(self, days: list[date]) -> dict[date, list[tuple[Kept, bytes]]]:
        query = """SELECT date, amount, balance, fingerprint, statement_id FROM statement_lines
            WHERE tenant_id = %s AND bank_account_id = %s AND date = ANY(%s) ORDER BY date, id"""
        found: dict[date, list[tuple[Kept, bytes]]] = defaultdict(list)
        parameters = (self._scope.tenant_id, self._decision.account.id, days)
        for day, amount, balance, print_, statement in self._connection.execute(query, parameters, binary=True):
            sure = balance is not None and statement not in self._unsure
            line = Kept(key_of(print_), amount, balance, sure, statement, self._formats[statement])
            found[day].append((line, print_))
        return found

    def _write(self) -> None:
        if self._known:
            self._connection.execute("DELETE FROM pg_temp.arriving_lines WHERE id = ANY(%s)", (self._known,))
        if self._renumbered:
            self._connection.execute(
                """UPDATE pg_temp.arriving_lines a SET fingerprint = v.print
                FROM unnest(%s::uuid[], %s::bytea[]) AS v (id, print) WHERE a.id = v.id""",
                (list(self._renumbered), list(self._renumbered.values())),
            )
        self._known, self._renumbered = [], {}


def _placed(head: Head, rows: Iterable[tuple[Any, ...]]) -> tuple[list[Arriving], dict[uuid.UUID, bytes]]:
    """The lines of one statement and day, oldest first, with the fingerprints they came with."""
    base, arriving, prints = head.base, [], {}
    sure = base is not None and head.in_order
    for _, _, identity, amount, total, print_ in rows:
        after = None if base is None else base + total if head.sign > 0 else base - total + amount
        arriving.append(Arriving(key_of(print_), amount, after, sure, identity))
        prints[identity] = print_
    return (arriving[::-1] if head.sign < 0 else arriving), prints
