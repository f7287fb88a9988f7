"""Twenty thousand entries of one client hold up nobody: the dispatcher itself, on a virtual clock."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from bench.virtual import VirtualSlots
from portal.authorisations.limits import BudgetGate
from portal.connectors.base import EntryKind, RemoteEntry
from portal.connectors.errors import Temporary
from portal.connectors.manifest import Limits
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.sync import dispatch
from portal.sync.models import Posting, PostingState
from tests.sync import provider
from tests.sync.office import Office, add_client, open_office

LATENCY = 0.25
QUIET, ENTRIES, MINUTES = 100, 1, 3
NOISE = 20_000
_COPY = text("""
WITH made AS (
  INSERT INTO entries SELECT (jsonb_populate_record(e, jsonb_build_object(
    'id', gen_random_uuid(), 'reference', 'N-' || n, 'sequence', 100 + n))).*
  FROM entries e, generate_series(1, :number) n WHERE e.id = :entry RETURNING id, reference)
INSERT INTO postings SELECT (jsonb_populate_record(p, jsonb_build_object(
  'id', gen_random_uuid(), 'entry_id', m.id, 'reference', m.reference, 'payload', c.payload,
  'payload_hash', sha256(c.payload)))).*
FROM made m, postings p, LATERAL (SELECT convert_to(replace(convert_from(p.payload, 'UTF8'), p.reference,
  m.reference), 'UTF8') AS payload) c WHERE p.id = :posting
""")


@dataclass
class Meter:
    """The provider's count: sixty calls in any minute of one dossier."""

    calls: dict[str, deque[datetime]] = field(default_factory=dict)
    refused: int = 0

    def call(self, dossier: str, now: datetime) -> int:
        seen = self.calls.setdefault(dossier, deque())
        while seen and seen[0] <= now - timedelta(minutes=1):
            seen.popleft()
        if len(seen) >= 60:
            self.refused += 1
            return 429
        seen.append(now)
        return 201


class Slow(provider.Client):
    """The package in memory, behind the product's own limits, each call taking virtual time."""

    def __init__(self, office: Office, slots: VirtualSlots, meter: Meter, limits: Limits) -> None:
        super().__init__(office.package)
        self.slots, self.meter = slots, meter
        self.gate = BudgetGate(
            office.database, office.authorisation.tenant_id, office.authorisation.id, limits, person=False
        )

    def _call(self, dossier: str, *, write: bool) -> None:
        self.gate.before(dossier, "entries", write=write)
        status = self.meter.call(dossier, self.slots.now)
        self.slots.pass_(LATENCY)
        self.gate.after(dossier, "entries", status, {})
        if status == 429:
            raise Temporary("pretend.rate_limited", sent=False)

    def post(self, dossier: str, kind: EntryKind, payload: bytes) -> RemoteEntry:
        self._call(dossier, write=True)
        return super().post(dossier, kind, payload)

    def find(self, dossier: str, kind: EntryKind, reference: str, journal: str, on: date) -> Sequence[RemoteEntry]:
        self._call(dossier, write=False)
        return super().find(dossier, kind, reference, journal, on)


def copies(office: Office, template: Posting, number: int) -> None:
    with office.scope() as scope:
        scope.session.execute(_COPY, {"number": number, "entry": template.entry_id, "posting": template.id})


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(per_minute=60, per_day=5000, reserve_per_day=500), id="limited"),
        pytest.param(Limits(), id="unlimited", marks=pytest.mark.slow),
    ],
)
def test_a_hundred_quiet_clients_beside_twenty_thousand_waiting_entries(
    fresh_database: Database, vault: Vault, limits: Limits
) -> None:
    noisy = open_office(fresh_database, vault)
    copies(noisy, noisy.offered(), NOISE - 1)
    rng = random.Random(7)
    slots, meter = VirtualSlots(datetime.now(UTC) + timedelta(hours=1)), Meter()
    if limits.per_minute is None:
        meter.call = lambda dossier, now: 201  # type: ignore[method-assign]  # a package without limits
    arrivals: dict[Any, datetime] = {}
    offices = []
    for _ in range(QUIET):
        office = add_client(fresh_database, vault, noisy.firm, noisy.authorisation, noisy.package)
        offices.append(office)
        template = office.offered()
        copies(office, template, ENTRIES - 1)
        for row in office.all_postings():
            at = slots.now + timedelta(seconds=rng.uniform(0, (MINUTES - 1) * 60))
            office.set(row, next_try_at=at)
            arrivals[row.id] = at

    def connect(*_: Any, **__: Any) -> Slow:
        return Slow(noisy, slots, meter, limits)

    with slots.clocked():
        dispatch.drain(noisy.runtime, connect, seconds=MINUTES * 60, linger=MINUTES * 60, slots=slots)
    waits = []
    for office in offices:
        for row in office.all_postings():
            assert row.state == PostingState.CONFIRMED, row.code
            assert row.confirmed_at is not None
            waits.append((row.confirmed_at - arrivals[row.id]).total_seconds())
    assert len(waits) == QUIET * ENTRIES
    assert sorted(waits)[int(0.95 * len(waits))] <= 60
    assert meter.refused == 0
    booked = len(noisy.package.entries[noisy.coupling.dossier_code])
    most = MINUTES * 60 / (2 * LATENCY) if limits.per_minute is None else 30 * MINUTES
    assert booked >= 0.95 * most, "nor do the quiet hold up the noisy one"
