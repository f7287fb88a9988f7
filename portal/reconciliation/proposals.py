"""Which documents a bank line may pay, the likeliest first, each with the reasons for it.

Pure and indexed: a line costs some look-ups, however many documents are open.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from portal.kernel.money import to_units
from portal.reconciliation.combining import sums_to
from portal.reconciliation.documents import OpenDocuments
from portal.reconciliation.evidence import Confidence, Evidence, OpenDocument, OpenLine, clues_of, weigh

MOST = 5  # proposals a line
EARLY = -5  # days: who pays before the invoice was written, has ordered already
LATE = 120
# What each piece of evidence adds; only their order matters.
_WEIGHTS = {"reference": 100, "number": 60, "account": 40, "name": 30, "name_part": 10, "exact": 50, "foreign": -60}


@dataclass(frozen=True, slots=True)
class Part:
    """What of a line settles which document. `amount` has the bank's sign."""

    document: OpenDocument
    amount: Decimal

    @property
    def rest(self) -> Decimal:
        """What stays open of the document."""
        return self.document.amount - self.amount


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is worded at the edge with `values`."""

    code: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    parts: tuple[Part, ...]
    confidence: Confidence
    reasons: tuple[Reason, ...]
    score: int
    days: int  # from the oldest document to the line
    whole: bool  # nothing of the line is left

    @property
    def amount(self) -> Decimal:
        return sum((part.amount for part in self.parts), Decimal(0))

    @property
    def order(self) -> tuple[object, ...]:
        first = self.parts[0].document
        return (-self.confidence, not self.whole, -self.score, abs(self.days), first.date, len(self.parts), first.id)


@dataclass(frozen=True, slots=True)
class Suggestions:
    """`proposals`: the best first; none when nothing fits."""

    line: OpenLine
    proposals: tuple[Proposal, ...]

    @property
    def best(self) -> Proposal | None:
        return self.proposals[0] if self.proposals else None


def propose(lines: Iterable[OpenLine], documents: OpenDocuments) -> Iterator[Suggestions]:
    """For each line by itself; two lines may claim the same document."""
    for line in lines:
        yield propose_for(line, documents)


def propose_for(line: OpenLine, documents: OpenDocuments) -> Suggestions:
    clues = clues_of(line)
    named = [row for row in documents.named(line, clues) if row.amount]
    like = documents.like(line, clues)
    parties = documents.parties_of(line.account)
    singles = {row.id: row for row in (*named, *like)}
    weighed = [(row, weigh(line, clues, row, parties)) for row in singles.values()]
    found = [_single(line, row, told, weighed, documents.count(line)) for row, told in weighed if _same_way(line, row)]
    if len(named) > 1:
        found += _together(line, named, "numbers", Confidence.CERTAIN)
    if not any(told.exact and (told.account or told.name or told.number or told.reference) for _, told in weighed):
        others = documents.of_counterparty(line, clues)
        why = "account" if parties else "name"
        found += _together(line, others, why, Confidence.PROBABLE) or _oldest_first(line, others, why, singles)
    found.sort(key=lambda proposal: proposal.order)
    return Suggestions(line, tuple(found[:MOST]))


def share_out(suggestions: Sequence[Suggestions]) -> list[Suggestions]:
    """Let each document be the best proposal only as far as it is open; the surest and then the oldest line goes first.

    What it was claimed by another line for comes last and says so. In the order given.
    """
    left: dict[uuid.UUID, Decimal] = {}
    shared: dict[uuid.UUID, Suggestions] = {}
    for found in sorted((row for row in suggestions if row.best), key=_turn):
        free: list[Proposal] = []
        taken: list[Proposal] = []
        for proposal in found.proposals:
            (free if _fits(proposal, left) else taken).append(proposal)
        for part in free[0].parts if free else ():
            left[part.document.id] = left.get(part.document.id, part.document.amount) - part.amount
        claimed = [
            replace(proposal, confidence=Confidence.UNLIKELY, reasons=(Reason("claimed"), *proposal.reasons))
            for proposal in taken
        ]
        shared[found.line.id] = replace(found, proposals=(*free, *claimed))
    return [shared.get(row.line.id, row) for row in suggestions]


def _turn(found: Suggestions) -> tuple[object, ...]:
    best = found.proposals[0]
    return (-best.confidence, -best.score, found.line.date, found.line.id)


def _fits(proposal: Proposal, left: dict[uuid.UUID, Decimal]) -> bool:
    return all(
        abs(left.get(part.document.id, part.document.amount)) >= abs(part.amount) for part in proposal.parts
    )  # fmt: skip


# ------------------------------------------------------------------ one document


def _same_way(line: OpenLine, document: OpenDocument) -> bool:
    return (line.amount > 0) == (document.amount > 0)


def _single(
    line: OpenLine,
    document: OpenDocument,
    told: Evidence,
    weighed: Sequence[tuple[OpenDocument, Evidence]],
    alike: int,
) -> Proposal:
    days = (line.date - document.date).days
    rivals = sum(_as_good(other, told) for row, other in weighed if row is not document)
    if told.exact and not (told.reference or told.number or told.account or told.name or told.name_part):
        rivals = alike - 1
    part = line.amount if abs(line.amount) <= abs(document.amount) else document.amount
    score = sum(weight for name, weight in _WEIGHTS.items() if getattr(told, name))
    return Proposal(
        parts=(Part(document, part),),
        confidence=_confidence(told, rivals, days),
        reasons=tuple(_reasons(told, rivals, days, line, document)),
        score=score - (20 if days < EARLY or days > LATE else 0),
        days=days,
        whole=part == line.amount,
    )


def _as_good(other: Evidence, one: Evidence) -> bool:
    """Whether it speaks for another document at least as strongly."""
    names = ("reference", "number", "account", "name", "name_part", "exact")
    return all(getattr(other, name) >= getattr(one, name) for name in names) and other.foreign <= one.foreign


def _confidence(told: Evidence, rivals: int, days: int) -> Confidence:
    """Certain needs the amount and a sign of who or what; the amount alone never is."""
    timely = EARLY <= days <= LATE
    if not told.exact:
        return Confidence.PROBABLE if told.reference or told.sure_number else Confidence.UNLIKELY
    if rivals:
        return Confidence.PROBABLE if told.reference or told.number or told.account else Confidence.UNLIKELY
    if told.reference or told.sure_number or (told.number and (told.account or told.name)):
        return Confidence.CERTAIN
    if told.foreign:
        return Confidence.PROBABLE if told.number else Confidence.UNLIKELY
    if told.account and timely:
        return Confidence.CERTAIN
    return Confidence.PROBABLE if timely or told.account or told.name or told.number else Confidence.UNLIKELY


def _reasons(told: Evidence, rivals: int, days: int, line: OpenLine, document: OpenDocument) -> Iterator[Reason]:
    if told.reference:
        yield Reason("reference")
    if told.number:
        yield Reason("number", document.number)
    if told.exact:
        yield Reason("amount")
    if told.account:
        yield Reason("account")
    if told.name or told.name_part:
        yield Reason("name" if told.name else "name_part")
    if rivals:
        yield Reason("rivals", str(rivals))
    if not told.exact:
        yield Reason("part" if abs(line.amount) < abs(document.amount) else "over")
    if told.foreign:
        yield Reason("foreign")
    if days < EARLY:
        yield Reason("before")
    elif days > LATE:
        yield Reason("late", str(days))


# ------------------------------------------------------------------ several documents


def _together(
    line: OpenLine, documents: Sequence[OpenDocument], why: str, confidence: Confidence
) -> list[Proposal]:  # fmt: skip
    """Documents that make up the line to the cent, credit notes set off; two ways to do so are both shown."""
    amounts = [to_units(document.amount) for document in documents]
    ways = sums_to(amounts, to_units(line.amount))
    return [
        _of_several(
            line,
            [Part(documents[at], documents[at].amount) for at in way],
            confidence if len(ways) == 1 else Confidence.UNLIKELY,
            (Reason(why), Reason("sum", str(len(way)))) + ((Reason("rivals", "1"),) if len(ways) > 1 else ()),
            90 if why == "numbers" else 70,
        )
        for way in ways
    ]


def _oldest_first(
    line: OpenLine, documents: Sequence[OpenDocument], why: str, known: dict[uuid.UUID, OpenDocument]
) -> list[Proposal]:
    """A known party paid an amount that is none of what is open: on the oldest, as far as it goes."""
    left, parts = line.amount, list[Part]()
    for document in documents:
        if left and _same_way(line, document):
            part = left if abs(left) <= abs(document.amount) else document.amount
            parts.append(Part(document, part))
            left -= part
    if not parts or (len(parts) == 1 and parts[0].document.id in known):
        return []
    last = Reason("over") if left else Reason("part") if parts[-1].rest else Reason("sum", str(len(parts)))
    return [_of_several(line, parts, Confidence.UNLIKELY, (Reason(why), Reason("oldest"), last), 20)]


def _of_several(
    line: OpenLine, parts: Sequence[Part], confidence: Confidence, reasons: tuple[Reason, ...], score: int
) -> Proposal:
    days = (line.date - min(part.document.date for part in parts)).days
    credit = (Reason("credit"),) if any(not _same_way(line, part.document) for part in parts) else ()
    whole = sum((part.amount for part in parts), Decimal(0)) == line.amount
    return Proposal(tuple(parts), confidence, reasons + credit, score, days, whole)
