"""Five hundred dossiers with more to do than their limits allow, for a day: what is allowed is used, and no more.

The dispatcher's loop and choosing, and the gate on PostgreSQL, on a virtual clock; the provider counts for
itself, by its own clock. The limits are a fraction of real ones, as each call is a statement here too.
"""

from __future__ import annotations

import uuid
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bench.virtual import BEGIN, VirtualSlots
from portal.authorisations.limits import BudgetGate
from portal.connectors.errors import Temporary
from portal.connectors.manifest import Limits, Told
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.sync import turns
from portal.sync.dispatch import Round, Turn
from portal.sync.turns import Waiting
from portal.sync.working import Dossier
from tests import factories as make

DOSSIERS, LOG_INS = 500, 5
HOURS = 24
DAILY, KEPT = 20, 1
EXACT = Limits(
    per_minute=6, per_day=DAILY, reserve_per_day=KEPT, errors_per_hour=5,
    window_told=Told("Minutely-Remaining"), day_told=Told("Remaining", "Reset"),
)  # fmt: skip


@dataclass
class Provider:
    """Counts six calls in any minute and 20 in a day of its own clock, `ahead` of ours; and refusals by the hour."""

    ahead: timedelta = timedelta(seconds=40)
    minutes: dict[str, deque[datetime]] = field(default_factory=dict)
    days: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: int = 0

    def call(self, dossier: str, now: datetime, *, bad: bool) -> tuple[int, dict[str, str]]:
        theirs = now + self.ahead
        day, seen = (dossier, theirs.date().isoformat()), self.minutes.setdefault(dossier, deque())
        while seen and seen[0] <= theirs - timedelta(minutes=1):
            seen.popleft()
        if len(seen) >= 6 or self.days[day] >= DAILY:
            self.refused += 1
            return 429, {}
        seen.append(theirs)
        self.days[day] += 1
        left = 86_400 - (theirs - theirs.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
        told = {"Minutely-Remaining": str(6 - len(seen)), "Remaining": str(DAILY - self.days[day]), "Reset": str(left)}
        if bad:
            self.errors[dossier, theirs.strftime("%d %H")] += 1
        return (400 if bad else 201), told


@dataclass
class Day:
    """Dossiers that always have more to send; every fiftieth is refused whatever it sends."""

    slots: VirtualSlots
    gates: list[BudgetGate]
    provider: Provider
    held: dict[int, datetime] = field(default_factory=dict)
    served: dict[int, float] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    made: Counter[int] = field(default_factory=Counter)

    def choose(self, general: int, lane: int) -> tuple[Sequence[Turn], Sequence[Turn]]:
        now = self.slots.now
        waiting = (
            Waiting(key, key % LOG_INS, "firm", 1000, self.served.get(key, turns.NEVER))
            for key in range(DOSSIERS)
            if key not in self.taken and self.held.get(key, now) <= now
        )
        chosen = turns.choose(waiting, (), general=general, lane=lane)
        return self._take(chosen.general, lane=False), self._take(chosen.lane, lane=True)

    def work(self, turn: Turn) -> int:
        key, made = turn.dossier.coupling_id.int, 0
        gate, dossier = self.gates[key % LOG_INS], str(key)
        while made < turns.SLICE:
            try:
                gate.before(dossier, "entries", write=True)
            except Temporary as limited:
                self.held[key] = self.slots.now + timedelta(seconds=limited.retry_after or 0)
                break
            self.slots.pass_(0.25)
            status, told = self.provider.call(dossier, self.slots.now, bad=key % 50 == 0)
            gate.after(dossier, "entries", status, told)
            made += 1
        self.made[key] += made
        return made

    def give_back(self, turn: Turn) -> None:
        self.taken.discard(turn.dossier.coupling_id.int)

    def _take(self, chosen: Sequence[Waiting], *, lane: bool) -> list[Turn]:
        keys = [one.key for one in chosen if isinstance(one.key, int)]
        self.taken.update(keys)
        self.served.update(dict.fromkeys(keys, self.slots.now.timestamp()))
        return [Turn(Dossier(uuid.UUID(int=0), uuid.UUID(int=key), ""), lane, self.slots.now) for key in keys]


def test_a_day_of_five_hundred_dossiers(fresh_database: Database, vault: Vault) -> None:
    firm = make.make_tenant(fresh_database, "portal", "Peeters Lambrechts")
    logins = [make.make_authorisation(fresh_database, vault, firm) for _ in range(LOG_INS)]
    gates = [BudgetGate(fresh_database, row.tenant_id, row.id, EXACT, person=False) for row in logins]
    slots, provider = VirtualSlots(BEGIN), Provider()
    day = Day(slots, gates, provider)
    with slots.clocked():
        Round(
            choose=day.choose, work=day.work, give_back=day.give_back, slots=slots, size=16,
            until=BEGIN + timedelta(hours=HOURS) - replace(provider).ahead,
        ).run(linger=timedelta(hours=HOURS))  # fmt: skip
    assert provider.refused == 0
    assert max(provider.errors.values()) <= 5, "at ten an hour the provider shuts us out"
    good = [day.made[key] for key in range(DOSSIERS) if key % 50]
    assert min(good) >= 0.95 * (DAILY - KEPT)
    assert max(good) <= DAILY
