"""Counting: what the bank said, what PostgreSQL holds for booked, what stands in the sandbox's ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select

from portal.chaos.stage import Client, Stage
from portal.kernel.db import Setting
from portal.sync.models import Posting, PostingState


@dataclass
class Tally:
    """`lost`: days of a client that stand nowhere in the ledger. `duplicate`: entries too many there.

    `wrong`: anything else that differs, in words.
    """

    days: int = 0
    confirmed: int = 0
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
    by_day = Counter(entry.day for entry in entries)
    by_reference = Counter(entry.reference for entry in entries)
    with stage.runtime.database.scoped(Setting(tenant=client.tenant_id)) as session:
        confirmed = session.execute(
            select(Posting.reference, Posting.remote_id).where(Posting.state == PostingState.CONFIRMED)
        ).all()
    days = {moves[0].date.isoformat() for moves in client.days}
    ids = {name for entry in entries for name in entry.names}
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
    if len(confirmed) != len(days):
        tally.wrong.append(f"{client.name}: {len(confirmed)} entries confirmed for {len(days)} days")


def _beyond_one(found: Counter[str]) -> int:
    return sum(number - 1 for number in found.values())
