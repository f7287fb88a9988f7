"""Many runs started together by a firm."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select, tuple_

from portal.access import Scope
from portal.activity.service import record
from portal.couplings.models import Configuration
from portal.kernel import clock, crash
from portal.kernel.db import Setting, set_scope, uuid7
from portal.kernel.errors import Invalid
from portal.ledger.models import Entry
from portal.sync.models import Posting, PostingState, RunBatch
from portal.sync.posting import is_surely_unbooked, retry
from portal.sync.runs import start_run
from portal.sync.watching import view_batch
from portal.tenants.models import Grant


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
    allowed = _writable(scope, {client_id for client_id, _ in (*failed, *unbooked)})
    number = 0
    for client_id, configuration_id in failed:
        if client_id in allowed:
            inside = _inside(scope, client_id)
            configuration = inside.get(Configuration, configuration_id)
            if configuration.state == "active":
                number += start_run(inside, configuration, "person", batch_id=batch_id)[1]
    for client_id, posting_id in unbooked:
        if client_id in allowed:
            retry(_inside(scope, client_id), posting_id)
            number += 1
    _back(scope)
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
    return scope.inside(client_id, "", "editor")


def _back(scope: Scope) -> None:
    setting = Setting(tenant=scope.tenant_id, portal=scope.tenant_id, user=scope.actor.user_id)
    set_scope(scope.session, setting)
