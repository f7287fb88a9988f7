"""Which lines of an incoming statement the ledger has already. Pure: no database.

Statements overlap, come twice, in another format, or cut a day in two; a bank gives no
identity that can be relied on. What tells a line's place in the account's history is the
balance after it. So, for one day of one incoming statement, in this order:

1. Same content, same balance after it: the same line. With this alone, overlapping files of
   one bank and format are told apart exactly, wherever they were cut and in whatever order
   they are imported, equal lines included.
2. Same content where one side is not sure of its places (a file without balances, or whose
   lines are in no order of date, or of one day and perhaps newest first): the same line, as
   often as both sides have it. Content knows no names, so those of the same name go first, and
   after them what is the likest (rule 5), before any others of the same content.
3. Where stored lines of that day lead from the balance before a stretch of incoming lines to
   the balance after it, both tell the same stretch: equal content is the same line however it
   is ordered, and when the stored lines came in another format, all of it is known, whatever
   the words and even when one format books a batch as a total and the other line by line.
4. Where either side holds the day whole (its statement goes on before and after that day),
   equal content is the same line.
5. Where one side is not sure of its places, and another source told the other: what says less is
   the line that says more, the likest first (see `likeness`).
6. Where either side holds the day whole, equal amounts in files of two formats are the same line.

Lines of neighbours – the chain of statements that ends at the balance and day where the incoming
one begins, and the chain that begins where it ends – are left out of all this: equal lines on
both sides of such a boundary are two.

What cannot be told apart: a day on which the balance comes back to the same value, cut there,
may be read as continued or as overlapping (continued is chosen, unless the neighbour's net
movement is nil); two statements of one day with equal lines and equal balances are one; equal
lines of one day in files without balances are as many as the file that has most of them.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from portal.ledger.likeness import Telling, pair


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """`amount` and `after` (the balance after it, None when not known) in units of 0.00001.

    `telling`: None where all sides are sure of their places, so that nobody asks.
    """

    key: bytes
    amount: int
    after: int | None
    sure: bool  # whether `after` can be relied on
    telling: Telling | None

    @property
    def before(self) -> int | None:
        return None if self.after is None else self.after - self.amount


@dataclass(frozen=True, slots=True, eq=False)
class Arriving(Placed):
    """One incoming line."""

    id: uuid.UUID


@dataclass(frozen=True, slots=True, eq=False)
class Kept(Placed):
    """One stored line of the same account and day; `id` None while it is only about to be stored.

    `loose`: its statement knows no balances, so that one that does may take the line over.
    """

    id: uuid.UUID | None
    statement: uuid.UUID
    format: str
    origin: str  # "file", "feed" or "hand"; "deleted" for a line that a person took out
    loose: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Where a statement stands in the account's history; balances in units of 0.00001."""

    id: uuid.UUID
    opening: int | None
    closing: int | None
    opening_date: date | None
    closing_date: date | None
    first: date | None  # of its oldest line
    last: date | None

    @property
    def begins(self) -> date | None:
        return self.opening_date or self.first

    @property
    def ends(self) -> date | None:
        return self.closing_date or self.last

    def holds_whole(self, day: date) -> bool:
        return self.first is not None and self.last is not None and self.first < day < self.last


def follows(earlier: Span, later: Span) -> bool:
    """Whether `later` begins where `earlier` ends, and neither can be a part of the other."""
    if earlier.closing is None or earlier.closing != later.opening or earlier.opening == earlier.closing:
        return False
    return _not_after(earlier.ends, later.begins) or _not_after(earlier.last, later.first)


def _not_after(one: date | None, other: date | None) -> bool:
    return one is not None and other is not None and one <= other


Met = dict[Arriving, Kept]


def unknown(
    arriving: Sequence[Arriving], kept: Sequence[Kept], format: str, met: Met, *, whole: bool
) -> list[Arriving]:
    """The lines of one statement and day, oldest first, that are not among `kept`.

    `kept` are the stored lines of that day without the neighbours'; `whole`: either side holds
    the day whole. `met` is told which stored line each of the others is, as far as that is known.
    """
    rest, left = _pair(arriving, kept, _place, _place, met)
    rest, left = _pair(rest, left, _named(_unsure), _named(_key), met)
    rest, left = _pair(rest, left, _named(_key), _named(_unsure), met)
    if rest and left:
        rest, left = like(rest, left, format, met, whole=False)
    rest, left = _pair(rest, left, _unsure, _key, met)
    rest, left = _pair(rest, left, _key, _unsure, met)
    if rest and left:
        rest, left = _spanned(arriving, rest, left, kept, format)
    if whole:
        rest, left = _pair(rest, left, _named(_key), _named(_key), met)
        rest, left = _pair(rest, left, _key, _key, met)
    if rest and left:
        rest, left = like(rest, left, format, met, whole=whole)
    if whole:
        rest, left = _pair(rest, left, _amount, lambda line: _other_file(line, format), met)
    return rest


def like(
    rest: Sequence[Arriving], left: Sequence[Kept], format: str, met: Met, *, whole: bool
) -> tuple[list[Arriving], list[Kept]]:
    """Rule 5: first what others told without places, then, for lines without places, all that others told."""
    told = [line for line in left if line.format != format or line.origin != "file"]
    rest, left = list(rest), list(left)
    for ours, theirs in (
        (rest, [line for line in told if not line.sure]),
        ([line for line in rest if not line.sure], [line for line in told if line.sure]),
    ):
        mine = {line.telling: line for line in ours if line.telling and line not in met}
        kept = {line.telling: line for line in theirs if line.telling}
        for come, there in pair(list(mine), list(kept), lambda day: whole):
            met[mine[come]] = kept[there]
    gone = {id(met[line]) for line in rest if line in met}
    return [line for line in rest if line not in met], [line for line in left if id(line) not in gone]


# ------------------------------------------------------------------ pairing

Told = Callable[[Arriving], Hashable]
ToldKept = Callable[[Kept], Hashable]


def _pair(
    arriving: Iterable[Arriving], kept: Iterable[Kept], told: Told, told_kept: ToldKept, met: Met
) -> tuple[list[Arriving], list[Kept]]:
    """Cross out, one for one, what both sides tell alike; None is told by nobody. Returns what is left."""
    waiting: dict[Hashable, list[Kept]] = defaultdict(list)
    left = []
    for line in kept:
        sign = told_kept(line)
        if sign is None:
            left.append(line)
        else:
            waiting[sign].append(line)
    rest = []
    for one in arriving:
        sign = told(one)
        if sign is not None and waiting.get(sign):
            met[one] = waiting[sign].pop()
        else:
            rest.append(one)
    left.extend(line for lines in waiting.values() for line in lines)
    return rest, left


def _place(line: Placed) -> Hashable:
    return None if line.after is None else (line.key, line.after)


def _key(line: Placed) -> Hashable:
    return line.key


def _named(told: Callable[[Placed], Hashable]) -> Callable[[Placed], Hashable]:
    """The same, told together with the name on the other side; by nobody where no texts were read."""

    def sign(line: Placed) -> Hashable:
        own = told(line)
        return None if own is None or line.telling is None else (own, line.telling.name)

    return sign


def _unsure(line: Placed) -> Hashable:
    return None if line.sure else line.key


def _amount(line: Placed) -> Hashable:
    return line.amount


def _other_file(line: Kept, format: str) -> Hashable:
    return line.amount if line.origin == "file" and line.format != format else None


# ------------------------------------------------------------------ stretches


def _spanned(
    arriving: Sequence[Arriving], rest: list[Arriving], left: list[Kept], kept: Sequence[Kept], format: str
) -> tuple[list[Arriving], list[Kept]]:
    """Rule 3. A day whose lines follow each other by balance is one stretch; else it is none."""
    if any(line.after != next_.before for line, next_ in pairwise(arriving)):
        return rest, left
    path = _path(arriving[0].before, arriving[-1].after, kept)
    if path is None:
        return rest, left
    along = set(path)
    free = [line for line in left if line in along]
    rest, free = _pair(rest, free, _key, _key, {})
    if any(line.format != format for line in free) and _tell_the_same(arriving, path):
        rest, free = [], [line for line in free if line.format == format]
    unmet = set(free)
    return rest, [line for line in left if line not in along or line in unmet]


def _tell_the_same(arriving: Sequence[Arriving], path: Sequence[Kept]) -> bool:
    """A movement from one balance to another is one; back to the same, only with the same amounts."""
    if arriving[0].before != arriving[-1].after:
        return True
    return Counter(line.amount for line in arriving) == Counter(line.amount for line in path)


def _path(start: int | None, end: int | None, kept: Sequence[Kept]) -> list[Kept] | None:
    """Stored lines that lead from one balance to the other; the shortest way."""
    if start is None or end is None:
        return None
    steps: dict[int, list[Kept]] = defaultdict(list)
    for line in kept:
        if line.before is not None and line.amount:
            steps[line.before].append(line)
    came: dict[int, Kept] = {}
    edge = deque([start])
    while edge:
        for line in steps.get(edge.popleft(), ()):
            if line.after is not None and line.after not in came:
                came[line.after] = line
                edge.append(line.after)
        if end in came:
            return _walk_back(came, start, end)
    return None


def _walk_back(came: dict[int, Kept], start: int, end: int) -> list[Kept]:
    path = [came[end]]
    while (before := path[-1].before) != start and before is not None:
        path.append(came[before])
    return path[::-1]
