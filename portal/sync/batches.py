"""Many runs started together by a firm."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select, tuple_

from portal.access import Scope
from portal.activity.service import record
from portal.couplings.models import Configuration
from portal.kernel import clock, crash
from portal.kernel.db import uuid7
from portal.kernel.errors import Invalid
from portal.ledger.models import Entry
from portal.sync.models import Posting, PostingState, RunBatch
from portal.sync.posting import is_surely_unbooked, retry
from portal.sync.runs import start_run
from portal.sync.watching import view_batch
from portal.tenants.entering import inside, writable_clients


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
        with inside(scope, client_id) as client:
            started += start_run(client, configuration, "person", batch_id=batch_id)[1]
    batch.total = started
    record(scope, "batch.started", ("batch", batch.id), runs=started)
    crash.point("batch.runs_written")
    return batch


def retry_failed(scope: Scope, batch_id: uuid.UUID, cause: str = "") -> int:
    """Start the failed runs of a batch anew and send again what was definitely refused; how many.

    What counts is how each configuration stands now, as on the page of the batch; with `cause`,
    a code, only what that holds up.
    """
    rows = [row for row, _state in view_batch(scope, batch_id).rows]
    failed = [
        (row.tenant_id, row.configuration_id) for row in rows if row.state == "failed" and cause in ("", row.code)
    ]
    refused = [
        (row.tenant_id, uuid.UUID(refusal["entry"]))
        for row in rows
        for refusal in row.refusals
        if cause in ("", refusal["code"])
    ]
    unbooked = _unbooked(scope, refused)
    allowed = writable_clients(scope, {client_id for client_id, _ in (*failed, *unbooked)})
    number = 0
    for client_id, configuration_id in failed:
        if client_id in allowed:
            with inside(scope, client_id) as client:
                configuration = client.get(Configuration, configuration_id)
                if configuration.state == "active":
                    number += start_run(client, configuration, "person", batch_id=batch_id)[1]
    for client_id, posting_id in unbooked:
        if client_id in allowed:
            with inside(scope, client_id) as client:
                retry(client, posting_id)
            number += 1
    return number


def _unbooked(scope: Scope, entries: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(client, posting) of those of these (client, entry) that surely do not stand in the package."""
    query = (
        select(Posting)
        .join(Entry, (Entry.tenant_id == Posting.tenant_id) & (Entry.id == Posting.entry_id))
        .where(tuple_(Posting.tenant_id, Posting.entry_id).in_(entries), Entry.state == "offered")
        .where(Posting.state.in_((PostingState.REJECTED, PostingState.PARKED)))
    )
    return [(row.tenant_id, row.id) for row in scope.session.scalars(query) if is_surely_unbooked(row)]


def _configurations(scope: Scope, client_ids: Sequence[uuid.UUID]) -> Sequence[Configuration]:
    query = select(Configuration).where(
        Configuration.tenant_id.in_(writable_clients(scope, client_ids)), Configuration.state == "active"
    )
    return scope.session.scalars(query.order_by(Configuration.tenant_id, Configuration.id)).all()
