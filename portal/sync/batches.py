"""Many runs started together by a firm, and how far they are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from portal.access import Scope
from portal.activity.service import record
from portal.couplings.models import Configuration
from portal.kernel import clock, crash
from portal.kernel.db import Setting, set_scope, uuid7
from portal.kernel.errors import Invalid
from portal.ledger.models import Entry
from portal.sync.models import Posting, PostingState, Run, RunBatch
from portal.sync.posting import is_surely_unbooked, retry
from portal.sync.runs import start_run
from portal.tenants.models import Grant

ENDED = ("done", "failed")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is. Runs: queued + running + done + failed = total. Entries of its configurations since."""

    total: int
    queued: int
    running: int
    done: int
    failed: int
    lines: int
    drafted: int
    offered: int
    blocked: int
    booked: int
    refused: int
    checking: int
    parked: int
    under_way: int
    started_at: datetime
    remaining: timedelta | None  # an estimate; None when there is nothing to judge by, or nothing left

    @property
    def finished(self) -> bool:
        return self.queued + self.running + self.under_way + self.checking == 0


def start_batch(scope: Scope, client_ids: Sequence[uuid.UUID]) -> RunBatch:
    """Start a run of every active configuration of these clients. `scope` is the portal's.

    Clients that did not let this firm in, or let it read only, are left out; a run that is
    open already goes on as it is. Raises Invalid "batch.nothing" when none is left.
    """
    configurations = _configurations(scope, client_ids)
    if not configurations:
        raise Invalid("batch.nothing")
    batch = RunBatch(
        tenant_id=scope.tenant_id, id=uuid7(), started_by=scope.actor.user_id, started_at=clock.now(), total=0
    )
    scope.session.add(batch)
    scope.session.flush()
    crash.point("batch.started")
    batch_id, clients = batch.id, [configuration.tenant_id for configuration in configurations]
    started = 0
    for client_id, configuration in zip(clients, configurations, strict=True):  # each step inside expires all rows
        _, new = start_run(_inside(scope, client_id), configuration, "person", batch_id=batch_id)
        started += new
    _back(scope)
    batch.total = started
    record(scope, "batch.started", ("batch", batch.id), runs=started)
    crash.point("batch.runs_written")
    return batch


def progress(scope: Scope, batch_id: uuid.UUID) -> Progress:
    """Figures of a batch, in two queries; `scope` is the portal's, whose clients' rows it may read."""
    batch = scope.get(RunBatch, batch_id)
    mine = Run.batch_id == batch.id
    runs = {
        state: (number, sums)
        for state, number, *sums in scope.session.execute(
            select(
                Run.state, func.count(), func.sum(Run.lines), func.sum(Run.drafted), func.sum(Run.offered),
                func.sum(Run.blocked),
            ).where(mine).group_by(Run.state)
        )
    }  # fmt: skip
    counted = scope.session.execute(
        select(Posting.state, func.count().label("number"))
        .join(Entry, (Entry.tenant_id == Posting.tenant_id) & (Entry.id == Posting.entry_id))
        .join(Run, (Run.tenant_id == Entry.tenant_id) & (Run.configuration_id == Entry.configuration_id))
        .where(mine, Posting.approved_at >= batch.started_at)
        .group_by(Posting.state)
    )
    postings = {row.state: row.number for row in counted}
    numbers = {state: runs.get(state, (0, ()))[0] for state in ("queued", "running", "done", "failed")}
    lines, drafted, offered, blocked = (sum(sums[n] for _, sums in runs.values()) for n in range(4))
    under_way = postings.get(PostingState.INTENT, 0) + postings.get(PostingState.SENDING, 0)
    left = numbers["queued"] + numbers["running"] + under_way
    return Progress(
        total=sum(numbers.values()),
        **numbers,
        lines=lines,
        drafted=drafted,
        offered=offered,
        blocked=blocked,
        booked=postings.get(PostingState.CONFIRMED, 0),
        refused=postings.get(PostingState.REJECTED, 0),
        checking=postings.get(PostingState.UNCERTAIN, 0),
        parked=postings.get(PostingState.PARKED, 0),
        under_way=under_way,
        started_at=batch.started_at,
        remaining=_estimate(batch, numbers["done"] + numbers["failed"] + sum(postings.values()) - under_way, left),
    )


def runs_of(scope: Scope, batch_id: uuid.UUID) -> Sequence[Run]:
    """Failed ones first, then those under way, then the rest."""
    order = {"failed": 0, "running": 1, "queued": 2, "done": 3}
    rows = scope.session.scalars(select(Run).where(Run.batch_id == scope.get(RunBatch, batch_id).id)).all()
    return sorted(rows, key=lambda run: (order[run.state], run.id))


def retry_failed(scope: Scope, batch_id: uuid.UUID) -> int:
    """Start the failed runs of a batch anew and send again what was definitely refused; how many."""
    batch = scope.get(RunBatch, batch_id)
    failed = scope.session.scalars(select(Run).where(Run.batch_id == batch.id, Run.state == "failed")).all()
    refused = scope.session.scalars(
        select(Posting)
        .join(Entry, (Entry.tenant_id == Posting.tenant_id) & (Entry.id == Posting.entry_id))
        .join(Run, (Run.tenant_id == Entry.tenant_id) & (Run.configuration_id == Entry.configuration_id))
        .where(Run.batch_id == batch.id, Entry.state == "offered", Posting.approved_at >= batch.started_at)
        .where(Posting.state.in_((PostingState.REJECTED, PostingState.PARKED)))
        .distinct()
    ).all()
    again = [posting for posting in refused if is_surely_unbooked(posting)]
    allowed = _writable(scope, {run.tenant_id for run in failed} | {posting.tenant_id for posting in again})
    runs = [(run.tenant_id, run.configuration_id) for run in failed if run.tenant_id in allowed]
    postings = [(posting.tenant_id, posting.id) for posting in again if posting.tenant_id in allowed]
    number = 0
    for client_id, configuration_id in runs:  # ids: each step inside expires all rows
        inside = _inside(scope, client_id)
        configuration = inside.get(Configuration, configuration_id)
        if configuration.state == "active":
            number += start_run(inside, configuration, "person", batch_id=batch_id)[1]
    for client_id, posting_id in postings:
        retry(_inside(scope, client_id), posting_id)
        number += 1
    _back(scope)
    return number


def _configurations(scope: Scope, client_ids: Sequence[uuid.UUID]) -> Sequence[Configuration]:
    query = select(Configuration).where(
        Configuration.tenant_id.in_(_writable(scope, set(client_ids))), Configuration.state == "active"
    )
    return scope.session.scalars(query.order_by(Configuration.tenant_id, Configuration.id)).all()


def _writable(scope: Scope, client_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Those who let this firm in to do more than read, today."""
    living = select(Grant.tenant_id).where(
        Grant.portal_id == scope.tenant_id,
        Grant.tenant_id.in_(client_ids),
        Grant.state == "active",
        Grant.role != "reader",
        func.coalesce(Grant.ends_on, clock.today()) >= clock.today(),
    )
    return set(scope.session.scalars(living))


def _inside(scope: Scope, client_id: uuid.UUID) -> Scope:
    """The same person in a client account, in the same transaction."""
    set_scope(scope.session, Setting(tenant=client_id, via=scope.tenant_id, user=scope.actor.user_id))
    return Scope(
        scope.session, client_id, "client", "editor", type(scope.actor)(scope.actor.user_id, scope.actor.name,
        scope.tenant_id),
    )  # fmt: skip


def _back(scope: Scope) -> None:
    setting = Setting(tenant=scope.tenant_id, portal=scope.tenant_id, user=scope.actor.user_id)
    set_scope(scope.session, setting)


def _estimate(batch: RunBatch, done: int, left: int) -> timedelta | None:
    if not left or not done:
        return None
    return (clock.now() - batch.started_at) / done * left
