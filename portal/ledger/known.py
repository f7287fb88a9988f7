"""Stored lines beside a fetch: what they say, who told them before, and which days are told whole."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from portal.access import Scope
from portal.ledger.fingerprints import counter_of, key_of
from portal.ledger.likeness import SAME_DAY, Telling, likeness, moved, telling

SHIFT = timedelta(days=15)  # a value date is no further from the entry date than this

# Lines that a person took out stay known.
_LINES = text("""
SELECT id, date, value_date, amount, description, counterparty, counterparty_account, reference, end_to_end_id,
  fingerprint, statement_id, entry_id IS NOT NULL AS entered, false AS deleted
FROM statement_lines
WHERE tenant_id = :tenant AND bank_account_id = :account AND date BETWEEN :first AND :last
  AND (date = ANY(:days) OR value_date = ANY(:days))
UNION ALL
SELECT id, date, value_date, amount, description, counterparty, counterparty_account, reference, end_to_end_id,
  fingerprint, statement_id, false, true
FROM deleted_lines
WHERE tenant_id = :tenant AND bank_account_id = :account AND date BETWEEN :first AND :last
  AND (date = ANY(:days) OR value_date = ANY(:days))
ORDER BY date, id
""")
# Asked apart from the lines: there are many of those, and few statements.
_STATEMENTS = text("""
SELECT s.id, s.first_date, s.last_date, i.origin, i.format FROM statements s
JOIN imports i ON i.tenant_id = s.tenant_id AND i.id = s.import_id
WHERE s.tenant_id = :tenant AND s.bank_account_id = :account AND s.first_date <= :last AND s.last_date >= :first
""")
_SOURCES = text("""
SELECT line_id, remote_id FROM line_sources
WHERE tenant_id = :tenant AND line_id = ANY(:lines) AND provider = :provider
""")
# What the bank told before a person corrected it: the oldest correction of each line.
_CORRECTED = text("""
SELECT line_id, before FROM line_changes
WHERE tenant_id = :tenant AND line_id = ANY(:lines) AND source = 'person' ORDER BY changed_at DESC
""")


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A stored line, or one that a person took out (`deleted`); `remote_ids` are this provider's."""

    id: uuid.UUID
    telling: Telling  # as the bank told it, before any correction by a person
    words: Mapping[str, str]  # as they stand now
    corrected: bool
    entered: bool
    provider: str  # of the feed that brought it, "" when a file or a person did
    deleted: bool
    remote_ids: frozenset[str]


@dataclass(slots=True)
class Known:
    lines: list[Kept] = field(default_factory=list)
    spans: list[tuple[date, date]] = field(default_factory=list)
    _ids: dict[str, list[Kept]] = field(default_factory=lambda: defaultdict(list))
    _next: dict[bytes, int] = field(default_factory=dict)

    def add(self, kept: Kept, print_: bytes) -> None:
        self.lines.append(kept)
        for remote in kept.remote_ids:
            self._ids[remote].append(kept)
        key = key_of(print_)
        self._next[key] = max(self._next.get(key, 0), counter_of(print_) + 1)

    def by_id(self, remote: str, told: Telling, taken: Collection[Kept], *, alike: bool) -> Kept | None:
        """The line told under this id before, when it may still be the same movement.

        `alike`: only if something that both say agrees. Banks use ids again, also on the day after,
        where one line's date is another's value date: so a moved date is believed by such a sign only.
        """
        for kept in self._ids.get(remote, ()):
            if kept in taken:
                continue
            points = likeness(told, kept.telling)
            if (points is None and moved(told, kept.telling)) or (points is not None and points != SAME_DAY):
                return kept
            if points is not None and not alike:
                return kept
        return None

    def of(self, line: Telling) -> Kept:
        kept = line.key
        assert isinstance(kept, _Place)  # noqa: S101 (tellings of stored lines carry their place)
        return self.lines[kept.index]

    def holds_whole(self, day: date) -> bool:
        return any(first < day < last for first, last in self.spans)

    def counter(self, key: bytes) -> int:
        """The first free counter of a content."""
        free = self._next.get(key, 0)
        self._next[key] = free + 1
        return free


@dataclass(frozen=True, slots=True)
class _Place:
    index: int


def known_lines(scope: Scope, account_id: uuid.UUID, provider: str, told: Sequence[Telling]) -> Known:
    """What is stored of the days that `told` speaks of, or has their value dates."""
    found = Known()
    days = {line.date for line in told} | {line.value_date for line in told if line.value_date}
    if not days:
        return found
    span: dict[str, Any] = {
        "tenant": scope.tenant_id, "account": account_id, "first": min(days) - SHIFT, "last": max(days) + SHIFT,
    }  # fmt: skip
    rows = scope.session.execute(_LINES, span | {"days": sorted(days)}).all()
    where = {"tenant": scope.tenant_id, "lines": [row.id for row in rows], "provider": provider}
    ids: dict[uuid.UUID, set[str]] = defaultdict(set)
    for line_id, remote in scope.session.execute(_SOURCES, where):
        ids[line_id].add(remote)
    corrected = {row.line_id: row.before for row in scope.session.execute(_CORRECTED, where)}
    told_in = {row.id: row for row in scope.session.execute(_STATEMENTS, span)}
    for row in rows:
        remote_ids = frozenset(ids.get(row.id, ()))
        kept = _kept(row, told_in.get(row.statement_id), len(found.lines), corrected.get(row.id), remote_ids)
        found.add(kept, row.fingerprint)
    found.spans = [(row.first_date, row.last_date) for row in told_in.values() if row.origin != "feed"]
    return found


WORDS = ("description", "counterparty", "counterparty_account", "reference", "end_to_end_id")


@dataclass(slots=True)
class _AsTold:
    date: Any
    value_date: Any
    description: str
    counterparty: str
    counterparty_account: str
    reference: str
    end_to_end_id: str


def _kept(row: Any, told_in: Any, place: int, before: Mapping[str, Any] | None, remote_ids: frozenset[str]) -> Kept:
    """`told_in`: the row of its statement; None for a line taken out with it."""
    by_hand = told_in is not None and told_in.origin == "hand"
    words = {name: getattr(row, name) for name in WORDS}
    told = words | {name: before[name] for name in WORDS if before and name in before and not by_hand}
    return Kept(
        row.id,
        telling(_Place(place), _AsTold(row.date, row.value_date, **told), row.amount),
        words,
        before is not None,
        row.entered,
        told_in.format if told_in is not None and told_in.origin == "feed" else "",
        row.deleted,
        remote_ids,
    )
