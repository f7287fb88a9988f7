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

from psycopg.types.json import Jsonb
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import flag_dirty

from portal.access import Scope
from portal.connectors.errors import Refused
from portal.ledger.accounts import Number
from portal.ledger.fingerprints import counter_of, fingerprint, key_of
from portal.ledger.gathering import Arrived, Head, array, raw
from portal.ledger.matching import Arriving, Kept, Span, follows, unknown
from portal.ledger.models import Import

SLICE = 20_000  # incoming lines compared at a time, so that memory stays flat
STATEMENTS_A_DAY = 100  # of one account in one file


@dataclass(frozen=True, slots=True)
class Stored:
    """A statement that is there already."""

    span: Span
    digest: bytes
    format: str
    in_order: bool


@dataclass(slots=True)
class Decision:
    """What is stored of one account: its statements, and how many of their lines are known."""

    account_id: uuid.UUID
    heads: list[Head]
    lines: int
    known_lines: Counter[int] = field(default_factory=Counter)  # by ordinal

    @property
    def stored(self) -> int:
        return sum(head.count for head in self.heads) - self.known_lines.total()

    @property
    def known(self) -> int:
        return self.lines - self.stored


def look_up(scope: Scope, heads: Sequence[Head]) -> tuple[dict[Number, uuid.UUID], dict[uuid.UUID, list[Stored]]]:
    """The accounts of these statements, locked, and by account what is stored that touches them.

    The lock puts imports into one account in one order; it is taken in the order of the
    numbers, so that two files with the same accounts do not wait for each other. The second
    question sees what was committed while the first one waited; both go out at once.
    """
    numbers = sorted({head.account for head in heads})
    first = min((head.first for head in heads if head.first), default=None)
    last = max((head.last for head in heads if head.last), default=None)
    connection, digests = raw(scope.session), [head.digest for head in heads]
    with connection.pipeline():
        locked = connection.execute(_LOCK, (scope.tenant_id, numbers), binary=True)
        found = connection.execute(_TOUCHING, (scope.tenant_id, numbers, digests, last, first), binary=True)
    accounts = {(number, currency): identity for identity, number, currency in locked}
    stored: dict[uuid.UUID, list[Stored]] = defaultdict(list)
    for account, *rest in found:
        stored[account].append(Stored(Span(*rest[:7]), *rest[7:]))
    return accounts, stored


_LOCK = """SELECT id, number, currency FROM bank_accounts WHERE tenant_id = %s AND number = ANY(%s)
  ORDER BY number, currency FOR UPDATE"""
# Statements that share a day with the incoming ones, or are one of them.
_TOUCHING = """SELECT s.bank_account_id, s.id, s.opening, s.closing, s.opening_date, s.closing_date, s.first_date,
    s.last_date, s.digest, i.format, s.in_order
  FROM bank_accounts a
  JOIN statements s ON s.tenant_id = a.tenant_id AND s.bank_account_id = a.id
  JOIN imports i ON i.tenant_id = s.tenant_id AND i.id = s.import_id
  WHERE a.tenant_id = %s AND a.number = ANY(%s)
    AND (s.digest = ANY(%s) OR (s.first_date <= %s AND s.last_date >= %s))"""


def decide(
    scope: Scope, account_id: uuid.UUID, heads: Sequence[Head], stored: Sequence[Stored], arrived: Arrived
) -> Decision:
    """Sort out what is new among the statements of one account, which is locked.

    Takes the known lines out of `arrived`; new ones that equal a stored line get a counter of
    their own. Raises Refused for a file with absurdly many statements of one day.
    """
    decision = Decision(account_id, [], sum(head.count for head in heads))
    digests = {told.digest for told in stored}
    for head in heads:
        if head.digest not in digests:
            digests.add(head.digest)
            decision.heads.append(head)
    comparison = _Comparison(scope, decision, stored, arrived)
    for days in _slices(_shared_days(decision.heads, stored), decision.heads):
        comparison.run(days)
    return decision


def store(scope: Scope, row: Import, decisions: Iterable[Decision], arrived: Arrived) -> None:
    """Write the import, its statements and their new lines: one statement, one round trip."""
    columns = [
        (
            head.ordinal, head.id, decision.account_id, head.base, head.sign, head.number,
            head.opening, head.opening_date, head.closing, head.closing_date, head.first, head.last,
            head.in_order, head.count, head.count - decision.known_lines[head.ordinal], head.digest,
        )
        for decision in decisions
        for head in decision.heads
    ]  # fmt: skip
    if not columns:
        scope.session.add(row)
        return
    source, lines = arrived.source()
    parameters = (
        scope.tenant_id, row.id, row.filename, row.size, row.sha256, row.format, row.state, row.code,
        Jsonb(row.values), row.line, row.stored, row.known, Jsonb(row.warnings), row.created_at, row.created_by,
        *(array(column) for column in zip(*columns, strict=True)),
        *lines,
    )  # fmt: skip
    raw(scope.session).execute(f"{_INSERT} {source} {_JOIN}", parameters)
    # Written past the session: from here on it knows the row, and whoever watches imports sees it flushed.
    make_transient_to_detached(row)
    scope.session.add(row)
    flag_dirty(row)


# As many parameters as there are columns, however many statements; psycopg remembers how to send up to fifty.
_INSERT = """
WITH imported AS (
  INSERT INTO imports (tenant_id, id, filename, size, sha256, format, state, code, "values", line, stored, known,
    warnings, created_at, created_by)
  VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
  RETURNING tenant_id, id, created_at
), heads AS MATERIALIZED (
  SELECT * FROM unnest(%s::int[], %s::uuid[], %s::uuid[], %s::bigint[], %s::int[], %s::text[],
    %s::bigint[], %s::date[], %s::bigint[], %s::date[], %s::date[], %s::date[],
    %s::bool[], %s::int[], %s::int[], %s::bytea[])
  AS h (ordinal, id, account, base, sign, number, opening, opening_date, closing, closing_date, first_date, last_date,
    in_order, line_count, new_lines, digest)
), written AS (
  INSERT INTO statements (tenant_id, import_id, created_at, id, bank_account_id, number, opening, opening_date,
    closing, closing_date, first_date, last_date, in_order, line_count, new_lines, digest)
  SELECT i.tenant_id, i.id, i.created_at, h.id, account, number, opening, opening_date, closing, closing_date,
    first_date, last_date, in_order, line_count, new_lines, digest
  FROM heads h, imported i
)
INSERT INTO statement_lines (tenant_id, id, bank_account_id, statement_id, position, date, value_date, amount,
  balance, description, counterparty, counterparty_account, reference, end_to_end_id, bank_reference,
  transaction_code, details, fingerprint)
SELECT i.tenant_id, a.id, h.account, h.id, a.position, a.date, a.value_date, a.amount,
  h.base + h.sign * a.total + CASE WHEN h.sign < 0 THEN a.amount ELSE 0 END,
  a.description, a.counterparty, a.counterparty_account, a.reference, a.end_to_end_id, a.bank_reference,
  a.transaction_code, a.details, a.fingerprint
FROM"""
_JOIN = "JOIN heads h ON h.ordinal = a.ordinal CROSS JOIN imported i"


# ------------------------------------------------------------------ day by day


def _shared_days(heads: Sequence[Head], stored: Sequence[Stored]) -> list[date]:
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


class _Comparison:
    """Compares shared days of the incoming statements of one account, in the order of the file."""

    def __init__(self, scope: Scope, decision: Decision, stored: Sequence[Stored], arrived: Arrived) -> None:
        self._scope = scope
        self._connection = raw(scope.session)
        self._decision = decision
        self._arrived = arrived
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
        for day, rows in groupby(self._arrived.of_days(self._heads, days), key=itemgetter(0)):
            self._day(day, rows, kept[day])
        self._write()

    def _day(self, day: date, rows: Iterable[tuple[Any, ...]], kept: list[tuple[Kept, bytes]]) -> None:
        used = _Used(print_ for _, print_ in kept)
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
                free = used.take(prints[line.id])
                if free != prints[line.id]:
                    self._renumbered[line.id] = free
                lines.append(Kept(line.key, line.amount, line.after, line.sure, head.id, head.format))
            if span.holds_whole(day):
                whole.append(span)

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

    def _kept(self, days: list[date]) -> dict[date, list[tuple[Kept, bytes]]]:
        query = """SELECT date, amount, balance, fingerprint, statement_id FROM statement_lines
            WHERE tenant_id = %s AND bank_account_id = %s AND date = ANY(%s) ORDER BY date, id"""
        found: dict[date, list[tuple[Kept, bytes]]] = defaultdict(list)
        parameters = (self._scope.tenant_id, self._decision.account_id, days)
        for day, amount, balance, print_, statement in self._connection.execute(query, parameters, binary=True):
            sure = balance is not None and statement not in self._unsure
            line = Kept(key_of(print_), amount, balance, sure, statement, self._formats[statement])
            found[day].append((line, print_))
        return found

    def _write(self) -> None:
        self._arrived.drop(self._known)
        self._arrived.renumber(self._renumbered)
        self._known, self._renumbered = [], {}


class _Used:
    """Fingerprints of one day, and for each content the first counter above all of its own."""

    def __init__(self, prints: Iterable[bytes]) -> None:
        self._prints: set[bytes] = set()
        self._next: dict[bytes, int] = {}
        for print_ in prints:
            self._add(print_)

    def take(self, print_: bytes) -> bytes:
        """The fingerprint itself when nobody has it, else one of the same content that is free."""
        free = fingerprint(key_of(print_), self._next[key_of(print_)]) if print_ in self._prints else print_
        self._add(free)
        return free

    def _add(self, print_: bytes) -> None:
        self._prints.add(print_)
        key = key_of(print_)
        self._next[key] = max(self._next.get(key, 0), counter_of(print_) + 1)


def _placed(head: Head, rows: Iterable[tuple[Any, ...]]) -> tuple[list[Arriving], dict[uuid.UUID, bytes]]:
    """The lines of one statement and day, oldest first, with the fingerprints they came with."""
    base, arriving, prints = head.base, [], {}
    sure = base is not None and head.in_order
    for _, _, identity, amount, total, print_ in rows:
        after = None if base is None else base + total if head.sign > 0 else base - total + amount
        arriving.append(Arriving(key_of(print_), amount, after, sure, identity))
        prints[identity] = print_
    return (arriving[::-1] if head.sign < 0 else arriving), prints
