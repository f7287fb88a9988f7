"""Incoming statements of one account beside the stored ones, day by day.

Where a statement with balances tells a line that only sources without balances told until then,
it takes the line over: the line moves into that statement and gets its place, so that from then
on it is told apart as exactly as all others.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from portal.access import Scope
from portal.ledger.fingerprints import counter_of, fingerprint, key_of
from portal.ledger.gathering import Arrived, Head, Row, raw
from portal.ledger.known import SHIFT
from portal.ledger.likeness import Telling, telling
from portal.ledger.matching import Arriving, Kept, Met, Span, follows, like, unknown


@dataclass(frozen=True, slots=True)
class Stored:
    """A statement that is there already."""

    span: Span
    digest: bytes
    format: str
    origin: str
    in_order: bool

    @property
    def loose(self) -> bool:
        return self.span.opening is None


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Stored line `id`, from now on line `row` of an incoming statement."""

    id: uuid.UUID
    head: Head
    row: Row
    print_: bytes


@dataclass(slots=True)
class Decision:
    """What is stored of one account: its statements, and how many of their lines are known."""

    account_id: uuid.UUID
    heads: list[Head]
    lines: int
    known_lines: Counter[int] = field(default_factory=Counter)  # by ordinal
    taken_over: list[TakenOver] = field(default_factory=list)

    @property
    def stored(self) -> int:
        return sum(head.count for head in self.heads) - self.known_lines.total()

    @property
    def known(self) -> int:
        return self.lines - self.stored


# Lines that a person took out are known: no file brings them back.
_KEPT = """
SELECT id, date, amount, balance, fingerprint, statement_id, false AS deleted {texts} FROM statement_lines
WHERE tenant_id = %(tenant)s AND bank_account_id = %(account)s AND {days}
UNION ALL
SELECT id, date, amount, balance, fingerprint, statement_id, true {texts} FROM deleted_lines
WHERE tenant_id = %(tenant)s AND bank_account_id = %(account)s AND {days}
ORDER BY date, id"""
_TEXTS = ", value_date, description, counterparty, counterparty_account, reference, end_to_end_id"
_THESE_DAYS = "date = ANY(%(days)s)"
# Of a source that knows the value date only, or told by one that does.
_OTHER_DAYS = """date BETWEEN %(first)s AND %(last)s AND (
  (value_date IS NULL AND date = ANY(%(value_dates)s)) OR (value_date <> date AND value_date = ANY(%(dates)s)))"""


class Comparison:
    """Compares shared days of the incoming statements of one account, in the order of the file."""

    def __init__(self, scope: Scope, decision: Decision, stored: Sequence[Stored], arrived: Arrived) -> None:
        self._scope = scope
        self._connection = raw(scope.session)
        self._decision = decision
        self._arrived = arrived
        self._heads = {head.ordinal: head for head in decision.heads}
        self._stored = {told.span.id: told for told in stored}
        self._spans = {head.ordinal: head.span() for head in decision.heads}
        self._by_balance: dict[tuple[str, int | None], list[Span]] = defaultdict(list)
        for span in (*(told.span for told in stored), *self._spans.values()):
            self._by_balance["opening", span.opening].append(span)
            self._by_balance["closing", span.closing].append(span)
        # Texts are read only where somebody may have to be believed by them.
        sure = all(told.in_order and not told.loose for told in stored)
        self._by_texts = not (sure and all(head.in_order and head.base is not None for head in decision.heads))
        self._met: Met = {}
        self._fresh: dict[int, list[Arriving]] = defaultdict(list)  # by ordinal
        self._known: list[tuple[int, Arriving]] = []
        self._renumbered: dict[uuid.UUID, bytes] = {}
        self._used = _Used(())

    def run(self, days: list[date]) -> None:
        self._used = _Used(())
        kept = self._kept(_THESE_DAYS, days=days)
        for day, rows in groupby(self._arrived.of_days(self._heads, days, self._by_texts), key=itemgetter(0)):
            self._day(day, rows, kept[day])
        if self._by_texts:
            self._other_days()
        self._write()

    def _day(self, day: date, rows: Iterable[tuple[Any, ...]], kept: list[Kept]) -> None:
        lines = list(kept)
        files = (told.span for told in self._stored.values() if told.origin in ("file", "hand"))
        whole = [span for span in files if span.holds_whole(day)]
        for ordinal, some in groupby(rows, key=itemgetter(1)):
            head, span = self._heads[ordinal], self._spans[ordinal]
            arriving, prints = _placed(head, some)
            near = self._neighbours(span)
            apart = [line for line in lines if line.statement not in near]
            is_whole = span.holds_whole(day) or any(other.id not in near for other in whole)
            met: Met = {}
            fresh = unknown(arriving, apart, head.format, met, whole=is_whole)
            new = set(fresh)
            self._known += [(ordinal, line) for line in arriving if line not in new]
            self._fresh[ordinal] += fresh
            for line in fresh:
                free = self._used.take(prints[line.id])
                if free != prints[line.id]:
                    self._renumbered[line.id] = free
                lines.append(
                    Kept(line.key, line.amount, line.after, line.sure, line.telling, None, head.id, head.format,
                         "file", False)
                )  # fmt: skip
            lines = self._taken_over(ordinal, met, lines, prints)
            if span.holds_whole(day):
                whole.append(span)

    def _taken_over(self, ordinal: int, met: Met, lines: list[Kept], prints: dict[uuid.UUID, bytes]) -> list[Kept]:
        """Loose lines that this statement tells are its own from now on; the day's lines after that."""
        self._met |= met
        moved = {kept: line for line, kept in met.items() if kept.loose and line.after is not None}
        if not moved:
            return lines
        head = self._heads[ordinal]
        for line in moved.values():
            self._renumbered[line.id] = self._used.take(prints[line.id])
        return [
            Kept(moved[kept].key, kept.amount, moved[kept].after, moved[kept].sure, kept.telling, kept.id, head.id,
                 head.format, "file", False)
            if kept in moved
            else kept
            for kept in lines
        ]  # fmt: skip

    def _other_days(self) -> None:
        """Lines that are new by their date, yet known by the value date of another."""
        fresh = [line for lines in self._fresh.values() for line in lines if line.telling]
        if not fresh:
            return
        tellings = [line.telling for line in fresh if line.telling]
        dates = {line.date for line in tellings}
        values = {line.value_date for line in tellings if line.value_date and line.value_date != line.date}
        only = {line.date for line in tellings if line.value_date is None}
        kept = self._kept(
            _OTHER_DAYS, first=min(dates) - SHIFT, last=max(dates) + SHIFT, value_dates=list(values), dates=list(only)
        )
        taken = {line.id for line in self._met.values()}
        free = [line for lines in kept.values() for line in lines if line.id not in taken]
        for ordinal, lines in self._fresh.items():
            met: Met = {}
            like(lines, free, self._heads[ordinal].format, met, whole=False)
            free = [line for line in free if line not in set(met.values())]
            self._known += [(ordinal, line) for line in met]

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

    def _kept(self, which: str, **about: object) -> dict[date, list[Kept]]:
        query = _KEPT.format(texts=_TEXTS if self._by_texts else "", days=which)
        found: dict[date, list[Kept]] = defaultdict(list)
        parameters = {"tenant": self._scope.tenant_id, "account": self._decision.account_id, **about}
        for identity, day, amount, balance, print_, statement, deleted, *texts in self._connection.execute(
            query, parameters, binary=True
        ):
            told = self._stored.get(statement)
            line = Kept(
                key_of(print_),
                amount,
                balance,
                balance is not None and told is not None and told.in_order,
                _telling(identity, day, amount, texts) if texts else None,
                identity,
                statement,
                told.format if told else "",
                "deleted" if deleted else told.origin if told else "file",
                not deleted and told is not None and told.loose,
            )
            found[day].append(line)
            self._used.add(print_)
        return found

    def _write(self) -> None:
        for ordinal, _ in self._known:
            self._decision.known_lines[ordinal] += 1
        known = [line.id for _, line in self._known]
        moved = {line.id: kept for line, kept in self._met.items() if kept.loose and line.after is not None}
        rows = {row[1]: row for row in self._arrived.rows(moved)}
        for identity, kept in moved.items():
            if kept.id is not None:
                row = rows[identity]
                print_ = self._renumbered.pop(identity, row[-1])
                self._decision.taken_over.append(TakenOver(kept.id, self._heads[row[0]], row, print_))
        self._arrived.drop(known)
        self._arrived.renumber(self._renumbered)
        self._known, self._renumbered, self._met, self._fresh = [], {}, {}, defaultdict(list)


class _Used:
    """Fingerprints of one day, and for each content the first counter above all of its own."""

    def __init__(self, prints: Iterable[bytes]) -> None:
        self._prints: set[bytes] = set()
        self._next: dict[bytes, int] = {}
        for print_ in prints:
            self.add(print_)

    def take(self, print_: bytes) -> bytes:
        """The fingerprint itself when nobody has it, else one of the same content that is free."""
        free = fingerprint(key_of(print_), self._next[key_of(print_)]) if print_ in self._prints else print_
        self.add(free)
        return free

    def add(self, print_: bytes) -> None:
        self._prints.add(print_)
        key = key_of(print_)
        self._next[key] = max(self._next.get(key, 0), counter_of(print_) + 1)


def _placed(head: Head, rows: Iterable[tuple[Any, ...]]) -> tuple[list[Arriving], dict[uuid.UUID, bytes]]:
    """The lines of one statement and day, oldest first, with the fingerprints they came with."""
    base, arriving, prints = head.base, [], {}
    sure = base is not None and head.in_order
    for day, _, identity, amount, total, print_, *texts in rows:
        after = None if base is None else base + total if head.sign > 0 else base - total + amount
        told = _telling(identity, day, amount, texts) if texts else None
        arriving.append(Arriving(key_of(print_), amount, after, sure, told, identity))
        prints[identity] = print_
    return (arriving[::-1] if head.sign < 0 else arriving), prints


@dataclass(slots=True)
class _Texts:
    date: Any
    value_date: Any
    description: str
    counterparty: str
    counterparty_account: str
    reference: str
    end_to_end_id: str


def _telling(key: uuid.UUID, day: date, amount: int, texts: Sequence[Any]) -> Telling:
    return telling(key, _Texts(day, *texts), amount)
