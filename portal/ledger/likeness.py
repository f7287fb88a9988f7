"""Whether two tellings of a movement by different sources can be one, and how like they are. Pure.

Sources say more or less: a CSV file has no end-to-end id, OFX and QIF no counterparty's account,
some know the value date only, and each words its texts in its own way. So:

- the amount is the same to the last decimal, and so is the date; or the date of a source that
  gives one date only is the other's value date, and then an id or the whole text must agree as well:
  the same shop may take the same amount on the day after;
- accounts, structured references and end-to-end ids that both sides give must agree;
- all else is a matter of degree. `pair` gives each line at most one partner, the likest first, so
  that equal lines of a day are as many as the source that tells most of them.

A pair without any sign in common (two different names, one side silent) is made only where
the caller knows that one of the sides tells that day whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from portal.connectors.files.references import belgian_iban
from portal.ledger.fingerprints import NOTHING, plain

Day = date  # for fields that stand after a field named `date`
SHORT = 6  # an id of fewer characters found inside a text proves nothing
SAME_DAY = 1_000


class Line(Protocol):
    """What the comparison reads of a line, come or stored."""

    date: date
    value_date: Day | None
    description: str
    counterparty: str
    counterparty_account: str
    reference: str
    end_to_end_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Telling:
    """One line as one source tells it; `amount` in units of 0.00001, texts as letters and digits only."""

    key: Hashable  # the caller's own name of it
    date: date
    value_date: Day | None
    amount: int
    account: str
    reference: str
    end_to_end: str
    name: str
    text: str
    names: frozenset[str] = field(repr=False)  # words of the counterparty's name
    words: frozenset[str] = field(repr=False)  # of name and description

    @property
    def said(self) -> tuple[Hashable, ...]:
        return (self.date, self.account, self.reference, self.end_to_end, self.name, self.text)

    @property
    def blob(self) -> str:
        return " ".join((self.account, self.reference, self.end_to_end, self.name, self.text))


def telling(key: Hashable, line: Line, amount: int) -> Telling:
    account = plain(line.counterparty_account)
    if len(account) == 12 and account.isdigit():
        account = belgian_iban(account)
    end_to_end = plain(line.end_to_end_id)
    reference = plain(line.reference)
    names = _words(line.counterparty)
    return Telling(
        key,
        line.date,
        line.value_date,
        amount,
        "" if "XXX" in account else account,  # masked
        reference,
        "" if end_to_end in NOTHING else end_to_end,
        plain(line.counterparty),
        plain(line.description),
        names,
        names | _words(line.description),
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in map(plain, text.split()) if len(word) > 2)


def contradict(one: Telling, other: Telling) -> bool:
    """Whether both give an account, a reference or an end-to-end id, and not the same."""
    pairs = ((one.reference, other.reference), (one.end_to_end, other.end_to_end))
    return any(a and b and a != b for a, b in pairs) or not _same_account(one.account, other.account)


def _same_account(one: str, other: str) -> bool:
    return not one or not other or one == other or one.endswith(other) or other.endswith(one)


def likeness(one: Telling, other: Telling) -> int | None:
    """Higher is liker; None when they cannot be one. A multiple of SAME_DAY exactly means: no sign in common."""
    if one.amount != other.amount or contradict(one, other):
        return None
    points = _signs(one, other)
    if one.date == other.date:
        return SAME_DAY + points
    shifted = _by_value_date(one, other) or _by_value_date(other, one)
    return points if shifted and _sure_sign(one, other) else None


def moved(one: Telling, other: Telling) -> bool:
    """Whether `one` is `other` with its value date for a date: for two tellings under one id."""
    alike = one.amount == other.amount and one.date == other.value_date and not contradict(one, other)
    return alike and _signs(one, other) > 0


def _by_value_date(meagre: Telling, full: Telling) -> bool:
    return meagre.value_date is None and full.value_date is not None and meagre.date == full.value_date


def _signs(one: Telling, other: Telling) -> int:
    points = 0
    for mine, theirs, worth in (
        (one.end_to_end, other.end_to_end, 200),
        (one.reference, other.reference, 200),
        (one.account, other.account, 100),
    ):
        if mine and theirs:
            points += worth
        elif _within(mine, other) or _within(theirs, one):
            points += worth // 2
    if _unheard_of(one, other) or _unheard_of(other, one):
        return points
    points += _alike(one.name, other.name, 40) + _alike(one.text, other.text, 40)
    common = len(one.words & other.words)
    if common:
        points += 40 * common // min(len(one.words), len(other.words))
    return points


def _sure_sign(one: Telling, other: Telling) -> bool:
    """An id in common, or one text within the other; where one side has no text, the name."""
    for mine, theirs in (
        (one.end_to_end, other.end_to_end), (one.reference, other.reference), (one.account, other.account),
    ):  # fmt: skip
        if (mine and theirs) or _within(mine, other) or _within(theirs, one):
            return True
    if one.text and other.text:
        return _alike(one.text, other.text, 2) > 0
    return _alike(one.name, other.name, 2) > 0


def _unheard_of(one: Telling, other: Telling) -> bool:
    """A name of which the other side, that does say something, has no word: all card payments of a day
    share the words around the shop."""
    return bool(one.names and other.words) and not one.names & other.words and one.name not in other.blob


def _within(id_: str, other: Telling) -> bool:
    return len(id_) >= SHORT and id_ in other.blob


def _alike(one: str, other: str, worth: int) -> int:
    if not one or not other:
        return 0
    if one == other:
        return worth
    return worth // 2 if len(min(one, other, key=len)) > 2 and (one in other or other in one) else 0


def reworded(one: Telling, other: Telling) -> bool:
    """Whether one source may have told the same line twice: what both say is equal."""
    if one.date != other.date or one.amount != other.amount:
        return False
    fields = ("account", "reference", "end_to_end", "name", "text")
    return all(a == b or not a or not b for a, b in ((getattr(one, name), getattr(other, name)) for name in fields))


def may_be(one: Telling, other: Telling) -> bool:
    return likeness(one, other) is not None


Whole = Callable[[date], bool]


def pair(come: Sequence[Telling], kept: Sequence[Telling], whole: Whole) -> list[tuple[Telling, Telling]]:
    """Partners among `come` and `kept`, the likest first; equal likeness in the order given.

    Lines that say exactly the same are crossed out first, then groups of equal ones are compared,
    so that thousands of equal lines of a day cost no more than one.
    """
    found: list[tuple[Telling, Telling]] = []
    ours, theirs = _by_amount(come), _by_amount(kept)
    for amount, some in ours.items():
        if amount in theirs:
            found += _pair_alike(_groups(some), _groups(theirs[amount]), whole)
    return found


def _by_amount(lines: Iterable[Telling]) -> dict[int, list[Telling]]:
    found: dict[int, list[Telling]] = defaultdict(list)
    for line in lines:
        found[line.amount].append(line)
    return found


Groups = dict[tuple[Hashable, ...], list[Telling]]


def _groups(lines: Iterable[Telling]) -> Groups:
    """Lines that say the same, in reverse, so that they are taken from the end."""
    found: Groups = defaultdict(list)
    for line in lines:
        found[line.said].append(line)
    return {said: same[::-1] for said, same in found.items()}


def _pair_alike(ours: Groups, theirs: Groups, whole: Whole) -> list[tuple[Telling, Telling]]:
    found = [match for said in ours if said in theirs for match in _take(ours[said], theirs[said])]
    left = [same for same in ours.values() if same]
    rest = _by_day(same for same in theirs.values() if same)
    ranked = []
    for place, mine in enumerate(left):
        days = {mine[-1].date, mine[-1].value_date}
        for order, other in ((order, other) for day in days for order, other in rest.get(day, ())):
            points = likeness(mine[-1], other[-1])
            if points is not None and (points != SAME_DAY or whole(mine[-1].date)):
                ranked.append((-points, place, order, mine, other))
    ranked.sort(key=lambda rank: rank[:3])
    for _, _, _, mine, other in ranked:
        found += _take(mine, other)
    return found


def _by_day(groups: Iterable[list[Telling]]) -> dict[date | None, list[tuple[int, list[Telling]]]]:
    """Groups with their order, under their date and under the value date of another day."""
    found: dict[date | None, list[tuple[int, list[Telling]]]] = defaultdict(list)
    for order, same in enumerate(groups):
        line = same[-1]
        found[line.date].append((order, same))
        if line.value_date is not None and line.value_date != line.date:
            found[line.value_date].append((order, same))
    return found


def _take(mine: list[Telling], theirs: list[Telling]) -> list[tuple[Telling, Telling]]:
    return [(mine.pop(), theirs.pop()) for _ in range(min(len(mine), len(theirs)))]
