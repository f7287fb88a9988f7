"""Counting: what the bank said, what PostgreSQL holds for booked, what stands in the sandbox's ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import aliased

from portal.chaos.stage import Client, Stage
from portal.chaos.stands import Booked
from portal.kernel.db import Setting
from portal.ledger.models import Entry
from portal.sync.models import Posting, PostingState

_second = aliased(Entry)
_UNDONE = (
    select(Entry.reference.label("first"), _second.reference.label("second"))
    .join(
        _second,
        (_second.tenant_id == Entry.tenant_id) & (_second.reverses_id == Entry.id) & (_second.state != "dropped"),
    )
    .where(Entry.reversed_at.is_not(None))
)


@dataclass
class Tally:
    """`lost`: days of a client that stand nowhere in the ledger. `duplicate`: entries too many there.

    `wrong`: anything else that differs, in words.
    """

    days: int = 0
    confirmed: int = 0
    undone: int = 0
    in_ledger: int = 0
    lost: int = 0
    duplicate: int = 0
    bank: Decimal = Decimal(0)
    ledger: Decimal = Decimal(0)
    wrong: list[str] = field(default_factory=list)
    by_app: dict[str, tuple[int, int]] = field(default_factory=dict)

    def told(self) -> Iterator[str]:
        yield from (f"{app}: {days} days, {there} in its ledger" for app, (days, there) in self.by_app.items())
        yield (
            f"the bank told {self.days} days with movements; PostgreSQL holds {self.confirmed} entries for booked;"
            f" the sandbox's ledger has {self.in_ledger} entries"
            f" besides {self.undone} that were undone, and what undoes them"
        )
        yield f"bank accounts moved by {self.bank}, their ledger accounts in the sandbox by {self.ledger}"
        yield (
            "lost: a day of the bank without an entry in the ledger, or an entry held for booked that is not there;"
            " duplicate: ledger entries beyond one for a day or for a reference"
        )
        yield from self.wrong[:20]


def both_sides(stage: Stage) -> Tally:
    """Count over every client; the ledger is read through the sandbox's control API, not through the product."""
    tally = Tally()
    for client in stage.clients:
        _count(stage, client, tally)
    if tally.bank != tally.ledger:
        tally.wrong.append(f"amounts differ by {tally.bank - tally.ledger}")
    return tally


def _count(stage: Stage, client: Client, tally: Tally) -> None:
    entries = client.stand.booked(client.number)
    by_reference = Counter(entry.reference for entry in entries)
    ids = {name for entry in entries for name in entry.names}
    with stage.runtime.database.scoped(Setting(tenant=client.tenant_id)) as session:
        confirmed = session.execute(
            select(Posting.reference, Posting.remote_id).where(Posting.state == PostingState.CONFIRMED)
        ).all()
        undone = session.execute(_UNDONE).all()
    tally.undone += len(undone)
    entries, wrong = without_undone(entries, [(row.first, row.second) for row in undone])
    tally.wrong += [f"{client.name}: {what}" for what in wrong]
    gone = {reference for pair in undone for reference in pair}
    by_day = Counter(entry.day for entry in entries)
    days = {moves[0].date.isoformat() for moves in client.days}
    before = tally.by_app.get(client.stand.app, (0, 0))
    tally.by_app[client.stand.app] = (before[0] + len(days), before[1] + len(entries))
    tally.days += len(days)
    tally.confirmed += len(confirmed)
    tally.in_ledger += len(entries)
    absent = {reference for reference, _ in confirmed} - set(by_reference)
    tally.lost += max(len(days - set(by_day)), len(absent))
    tally.duplicate += max(_beyond_one(by_day), _beyond_one(by_reference))
    tally.bank += client.total
    tally.ledger += sum((entry.moved for entry in entries), Decimal(0))
    for reference, remote_id in confirmed:
        if remote_id not in ids:
            tally.wrong.append(f"{client.name}: {reference} is held for booked as {remote_id}, which is not there")
    if (standing := len(confirmed) - len(gone)) != len(days):
        tally.wrong.append(f"{client.name}: {standing} entries confirmed for {len(days)} days")


def without_undone(entries: Sequence[Booked], pairs: Sequence[tuple[str, str]]) -> tuple[list[Booked], list[str]]:
    """The entries that count, and what is wrong. `pairs`: references of what is undone and of what undoes it.

    Each pair stands there whole, moves the bank's account by nothing, and falls out of the count.
    """
    there = {entry.reference: entry for entry in entries}
    wrong = []
    for first, second in pairs:
        if first not in there or second not in there:
            wrong.append(f"{first} is undone by {second}, and one of them is not there")
        elif left := there[first].moved + there[second].moved:
            wrong.append(f"{first} and {second}, which undoes it, leave {left}")
    gone = {reference for pair in pairs for reference in pair}
    return [entry for entry in entries if entry.reference not in gone], wrong


def _beyond_one(found: Counter[str]) -> int:
    return sum(number - 1 for number in found.values())
