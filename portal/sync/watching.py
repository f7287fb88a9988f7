"""Runs, batches and nights as pages show them, from the rows alone: closing the page loses nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from portal.access import Scope
from portal.identity.models import User
from portal.kernel import clock
from portal.sync.models import Comparison, RunBatch

# What a reader calls a run, in the order of a list: what asks for a person first.
STATES = ("failed", "attention", "running", "checking", "queued", "draft", "booked")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "failed": ("failed", "attention"),
    "running": ("running", "checking"),
    "queued": ("queued",),
    "done": ("draft", "booked"),
}
# Entries count for the run in whose time they were handed over; drafts are those that wait now.
_RUNS = """
SELECT r.tenant_id, r.id, r.configuration_id, r.batch_id, r.cause, r.state, r.code, r.values, r.lines, r.drafted,
  r.offered, r.blocked, r.attempts, r.next_try_at, r.created_at, r.started_at, r.finished_at, r.started_by,
  t.name AS client, c.id AS coupling_id, c.app, c.dossier_number, b.name AS bank, f.entry_kind, u.name AS starter,
  x.*, (SELECT count(*) FROM entries d WHERE d.tenant_id = r.tenant_id AND d.configuration_id = r.configuration_id
    AND d.state = 'draft') AS drafts
FROM ({chosen}) r
JOIN configurations f ON f.tenant_id = r.tenant_id AND f.id = r.configuration_id
JOIN couplings c ON c.tenant_id = f.tenant_id AND c.id = f.coupling_id
LEFT JOIN bank_accounts b ON b.tenant_id = f.tenant_id AND b.id = f.bank_account_id
JOIN tenants t ON t.id = r.tenant_id
LEFT JOIN users u ON u.id = r.started_by
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE p.state = 'confirmed') AS booked,
    count(*) FILTER (WHERE p.state = 'rejected') AS refused, count(*) FILTER (WHERE p.state = 'parked') AS parked,
    count(*) FILTER (WHERE p.state = 'uncertain') AS checking,
    count(*) FILTER (WHERE p.state IN ('intent', 'sending')) AS under_way,
    (array_agg(e.id ORDER BY p.confirmed_at) FILTER (WHERE p.state = 'confirmed'))[1] AS receipt_id,
    (array_agg(p.remote_number ORDER BY p.confirmed_at) FILTER (WHERE p.state = 'confirmed'))[1] AS receipt,
    coalesce(jsonb_agg(jsonb_build_object('code', p.code, 'state', p.state, 'text', p.provider_text,
      'entry', e.id, 'reference', p.reference, 'at', p.changed_at))
      FILTER (WHERE p.state IN ('rejected', 'parked')), '[]') AS refusals,
    coalesce(jsonb_agg(jsonb_build_object('code', p.code, 'text', p.provider_text, 'at', p.next_try_at))
      FILTER (WHERE p.state = 'intent' AND p.code <> ''), '[]') AS waits
  FROM entries e JOIN postings p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id
  WHERE e.tenant_id = r.tenant_id AND e.configuration_id = r.configuration_id
    AND p.approved_at BETWEEN {since} AND coalesce(r.finished_at, 'infinity')
) x
"""
# A retry is a new run in the same batch; the latest of each configuration speaks for it.
_OF_BATCH = """
SELECT DISTINCT ON (tenant_id, configuration_id) * FROM runs
WHERE batch_id = :batch AND tenant_id IN (SELECT app_clients()) ORDER BY tenant_id, configuration_id, created_at DESC
"""
_LATEST = "SELECT * FROM runs WHERE {mine} AND (:state = '' OR state = :state) ORDER BY created_at DESC LIMIT :limit"
_MINE = {"client": "tenant_id = :tenant", "portal": "tenant_id IN (SELECT app_clients())"}
_CONFIGURATIONS = text("""
SELECT f.id, f.frequency, f.automatic, f.journal, f.state, f.next_due_at, f.last_run_at, b.name AS bank, b.number,
  f.entry_kind,
  c.app, c.dossier_number, c.state AS coupling_state, r.state AS run_state
FROM configurations f
JOIN couplings c ON c.tenant_id = f.tenant_id AND c.id = f.coupling_id
LEFT JOIN bank_accounts b ON b.tenant_id = f.tenant_id AND b.id = f.bank_account_id
LEFT JOIN runs r ON r.tenant_id = f.tenant_id AND r.configuration_id = f.id AND r.state IN ('queued', 'running')
WHERE f.tenant_id = :tenant AND f.state <> 'deleted' ORDER BY f.state, b.name, f.id
""")
_BATCHES = text("""
SELECT b.id, b.started_at, u.name AS starter, count(r.id) AS runs,
  count(r.id) FILTER (WHERE r.state = 'done') AS done, count(r.id) FILTER (WHERE r.state = 'failed') AS failed,
  count(r.id) FILTER (WHERE r.state IN ('queued', 'running')) AS open
FROM run_batches b LEFT JOIN users u ON u.id = b.started_by
LEFT JOIN (SELECT DISTINCT ON (batch_id, tenant_id, configuration_id) id, batch_id, state FROM runs
  WHERE tenant_id IN (SELECT app_clients()) AND batch_id IS NOT NULL
  ORDER BY batch_id, tenant_id, configuration_id, created_at DESC) r ON r.batch_id = b.id
WHERE b.tenant_id = :tenant GROUP BY b.id, b.started_at, u.name ORDER BY b.started_at DESC LIMIT :limit
""")
_NIGHT = text("""
SELECT n.tenant_id, n.id, n.coupling_id, n.compared_at, n.offered, n.booked, n.found, n.missing, n.doubled, n.altered,
  n.findings, t.name AS client, c.app, c.dossier_number
FROM comparisons n
JOIN couplings c ON c.tenant_id = n.tenant_id AND c.id = n.coupling_id
JOIN tenants t ON t.id = n.tenant_id
WHERE n.tenant_id IN (SELECT app_clients()) AND n.night = :night
ORDER BY jsonb_array_length(n.findings) = 0, lower(t.name), n.coupling_id
""")


def state_of(row: Any) -> str:
    """One of STATES: the run's own, and once it is done, that of the entries it handed over."""
    if row.state != "done":
        return str(row.state)
    if row.refused:
        return "failed"
    if row.parked or row.code:
        return "attention"
    if row.under_way:
        return "running"
    if row.checking:
        return "checking"
    return "draft" if row.drafts and not row.booked else "booked"


@dataclass(frozen=True, slots=True)
class BatchView:
    """`rows`: the latest run of each configuration, with `state_of` it, worst first."""

    id: uuid.UUID
    started_at: datetime
    starter: str
    rows: Sequence[tuple[Any, str]]

    @property
    def total(self) -> int:
        return len(self.rows)

    def count(self, group: str) -> int:
        return sum(state in GROUPS[group] for _, state in self.rows)

    def sum(self, column: str) -> int:
        return sum(getattr(row, column) for row, _ in self.rows)

    @property
    def ended(self) -> int:
        return self.count("done") + self.count("failed")

    @property
    def finished(self) -> bool:
        return self.ended == self.total

    @property
    def remaining(self) -> timedelta | None:
        """An estimate; None when there is nothing to judge by, or nothing left."""
        if self.finished or not self.ended:
            return None
        return (clock.now() - self.started_at) / self.ended * (self.total - self.ended)


def view_batch(scope: Scope, batch_id: uuid.UUID) -> BatchView:
    batch = scope.get(RunBatch, batch_id)
    query = _RUNS.format(chosen=_OF_BATCH, since="CAST(:since AS timestamptz)")
    found = scope.session.execute(text(query), {"batch": batch_id, "since": batch.started_at}).all()
    rows = sorted(((row, state_of(row)) for row in found), key=lambda r: (STATES.index(r[1]), r[0].client.casefold()))
    starter = scope.session.scalar(select(User.name).where(User.id == batch.started_by))
    return BatchView(batch.id, batch.started_at, starter or "", rows)


def latest_runs(scope: Scope, state: str = "", limit: int = 50) -> list[tuple[Any, str]]:
    """Of this client account, or of all clients of a portal, newest first, each with `state_of` it."""
    query = _RUNS.format(chosen=_LATEST.format(mine=_MINE[scope.kind]), since="r.created_at")
    parameters = {"tenant": scope.tenant_id, "state": state, "limit": limit}
    found = scope.session.execute(text(query + " ORDER BY r.created_at DESC"), parameters).all()
    return [(row, state_of(row)) for row in found]


def configurations(scope: Scope) -> Sequence[Any]:
    """What this client account synchronises, with the state of the run that is open (None: none is)."""
    return scope.session.execute(_CONFIGURATIONS, {"tenant": scope.tenant_id}).all()


def batches(scope: Scope, limit: int = 10) -> Sequence[Any]:
    """The last batches of a portal, newest first, with their runs counted by state."""
    return scope.session.execute(_BATCHES, {"tenant": scope.tenant_id, "limit": limit}).all()


@dataclass(frozen=True, slots=True)
class NightView:
    """One night of a portal. `before` and `after`: the nights next to it on which something was compared."""

    night: date
    rows: Sequence[Any]
    before: date | None
    after: date | None

    def sum(self, column: str) -> int:
        return sum(getattr(row, column) for row in self.rows)

    @property
    def findings(self) -> int:
        return sum(len(row.findings) for row in self.rows)

    @property
    def unseen(self) -> int:
        return sum("seen_at" not in finding for row in self.rows for finding in row.findings)


def view_night(scope: Scope, night: date | None = None) -> NightView | None:
    """This night, or the last one; None when nothing was ever compared."""
    known = sorted(
        scope.session.scalars(
            select(Comparison.night).where(Comparison.tenant_id.in_(select(func.app_clients()))).distinct()
        )
    )
    if not known:
        return None
    chosen = night or known[-1]
    rows = scope.session.execute(_NIGHT, {"night": chosen}).all()
    before = max((other for other in known if other < chosen), default=None)
    after = min((other for other in known if other > chosen), default=None)
    return NightView(chosen, rows, before, after)
