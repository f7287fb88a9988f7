"""Runs: one sync of one configuration, from reading the books to handing over what is automatic."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Select, func, select, text, update
from sqlalchemy.orm import Session, aliased

from portal.access import SYSTEM, Actor, Scope
from portal.activity.service import record
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Temporary
from portal.couplings.books import fetch_books, read_books, read_relations, store_books, wants_relations
from portal.couplings.models import Configuration, Coupling
from portal.couplings.periods import next_due
from portal.kernel import clock, crash, queue
from portal.kernel.db import Setting
from portal.kernel.errors import Conflict, PortalError
from portal.ledger.models import Entry, EntryLine
from portal.runtime import Runtime
from portal.store.service import may_use
from portal.sync import posting
from portal.sync.drafting import anything_due, draft_due
from portal.sync.models import Posting, Run
from portal.sync.preview import preview
from portal.sync.sending import Connect, signed_in

log = structlog.get_logger()

AT_WORK = timedelta(seconds=30)  # how long a run may be silent before it is taken up again
AFTER_FAILURE = timedelta(hours=2)  # when a failed run is tried again by itself
AFTER_REFUSAL = timedelta(hours=20)  # when a draft that would be refused is looked at again
MAX_ATTEMPTS = 5
OPEN = ("queued", "running")
_GRANTED = text("SELECT may_use_authorisation(:client, :holder)")
_MAY_COME_IN = text("SELECT may_come_in(:user, :client)")


class StarterGone(Exception):
    """Who started the run may not come into this client account any more."""


def start_run(
    scope: Scope, configuration: Configuration, cause: str, *, batch_id: uuid.UUID | None = None
) -> tuple[Run, bool]:
    """Queue a run of a configuration; (the run, whether it is new). One that is open already is joined.

    `cause` is "schedule" or "person"; a person's run drafts every period that is over, without
    the delay. Raises Conflict "configuration.not_active".
    """
    configuration = scope.get(Configuration, configuration.id, lock=True)
    if configuration.state != "active":
        raise Conflict("configuration.not_active")
    open_run = scope.session.scalars(
        select(Run).where(
            Run.tenant_id == scope.tenant_id, Run.configuration_id == configuration.id, Run.state.in_(OPEN)
        )
    ).one_or_none()
    if open_run is not None:
        return open_run, False
    now = clock.now()
    run = Run(
        tenant_id=scope.tenant_id, configuration_id=configuration.id, batch_id=batch_id, cause=cause, state="queued",
        started_by=scope.actor.user_id, created_at=now, next_try_at=now,
    )  # fmt: skip
    scope.session.add(run)
    scope.session.flush()
    if cause == "person":
        record(scope, "run.started", ("configuration", configuration.id), context=configuration.coupling_id)
    queue.ring(scope.session, "sync.run", scope.tenant_id, run.id)
    return run, True


@dataclass(slots=True)
class _Running:
    """One run in hand. Each step is a transaction of its own, and each is safe to repeat."""

    runtime: Runtime
    connect: Connect
    tenant_id: uuid.UUID
    run_id: uuid.UUID
    configuration_id: uuid.UUID
    coupling_id: uuid.UUID
    cause: str
    actor: Actor
    poisoned: bool = False  # interrupted too often
    lines: int = 0
    offered: int = 0
    blocked: int = 0
    blocked_by: str = ""

    def scope(self, session: Session) -> Scope:
        return Scope(session, self.tenant_id, "client", "", self.actor)

    def step(self, session: Session) -> Scope:
        """At the start of what it does next. Raises StarterGone: a person's run goes no further than the person."""
        asked = {"user": self.actor.user_id, "client": self.tenant_id}
        if self.cause == "person" and self.actor.user_id and not session.scalar(_MAY_COME_IN, asked):
            raise StarterGone
        return self.scope(session)

    @property
    def setting(self) -> Setting:
        return Setting(tenant=self.tenant_id)


def run(runtime: Runtime, tenant_id: uuid.UUID, run_id: uuid.UUID, connect: Connect = signed_in) -> None:
    """Do a run, or what is left of it. Safe to call twice, and at the same time."""
    running = _take(runtime, tenant_id, run_id, connect)
    if running is None:
        return
    if running.poisoned:
        _end(running, "failed", "run.poison", {})
        return
    crash.point("run.started")
    try:
        _draft(running)
        crash.point("run.drafted")
        _read_books(running)
        crash.point("run.books_read")
        _offer_automatic(running)
        crash.point("run.offered")
    except StarterGone:
        _end(running, "done", "run.starter_gone", {})
    except (Temporary, AuthorisationExpired) as failure:
        _wait_or_fail(running, failure)
    except (ConnectorError, PortalError) as failure:
        _end(running, "failed", failure.code, {"text": getattr(failure, "provider_text", "")})
    else:
        _end(running, "done", running.blocked_by, {})
    crash.point("run.finished")


def _take(runtime: Runtime, tenant_id: uuid.UUID, run_id: uuid.UUID, connect: Connect) -> _Running | None:
    now = clock.now()
    with runtime.database.scoped(Setting(tenant=tenant_id)) as session:
        row = session.scalars(
            update(Run)
            .where(Run.tenant_id == tenant_id, Run.id == run_id, Run.state.in_(OPEN))
            .values(
                state="running", attempts=Run.attempts + 1, next_try_at=now + AT_WORK,
                started_at=now,
            )
            .returning(Run)
        ).one_or_none()  # fmt: skip
        if row is None:
            return None
        configuration = session.get_one(Configuration, (tenant_id, row.configuration_id))
        actor = SYSTEM if row.started_by is None else Actor(row.started_by, "")
        return _Running(
            runtime, connect, tenant_id, run_id, configuration.id, configuration.coupling_id, row.cause, actor,
            poisoned=row.attempts > MAX_ATTEMPTS,
        )  # fmt: skip


def _read_books(running: _Running) -> None:
    """Read the dossier's lists anew when they are a day old; older ones serve while the provider is away."""
    runtime = running.runtime
    with runtime.database.scoped(running.setting) as session:
        coupling = running.step(session).get(Coupling, running.coupling_id)
        if coupling.state != "active":
            raise Conflict("run.coupling_ended")
        known = read_books(running.scope(session), coupling.id)
        wanted = wants_relations(running.scope(session), coupling.id)
        missing = wanted and read_relations(running.scope(session), coupling.id) is None
        if not known.stale and not missing:
            return
        holder, authorisation = coupling.authorisation_tenant_id, coupling.authorisation_id
        if not session.scalar(_GRANTED, {"client": running.tenant_id, "holder": holder}):
            raise Conflict("posting.grant_withdrawn")
        if not may_use(running.scope(session), running.tenant_id, holder, coupling.app):
            raise Conflict("posting.access_off")
    try:
        connection = running.connect(runtime.database, runtime.vault, runtime.settings, holder, authorisation)
        lists = fetch_books(connection, coupling.dossier_code, relations=wanted)
    except Temporary:
        if known.fetched_at is None or missing:
            raise
        return
    with runtime.database.scoped(running.setting) as session:
        store_books(running.step(session), coupling.id, lists)


def _draft(running: _Running) -> None:
    with running.runtime.database.scoped(running.setting) as session:
        scope = running.step(session)
        configuration = scope.get(Configuration, running.configuration_id)
        drafted = draft_due(scope, configuration, clock.today(), delay=running.cause == "schedule")
        running.lines = drafted.lines
        session.execute(
            update(Run)
            .where(Run.tenant_id == running.tenant_id, Run.id == running.run_id)
            .values(lines=Run.lines + drafted.lines, drafted=Run.drafted + len(drafted.entries))
        )


def _offer_automatic(running: _Running) -> None:
    """Hand over each draft that no person has taken in hand; one that would be refused stays a draft."""
    with running.runtime.database.scoped(running.setting) as session:
        scope = running.step(session)
        configuration = scope.get(Configuration, running.configuration_id)
        if not configuration.automatic:
            return
        offered = select(Posting.entry_id).where(Posting.tenant_id == running.tenant_id)
        entries = session.scalars(
            select(Entry.id)
            .where(
                Entry.tenant_id == running.tenant_id,
                Entry.configuration_id == configuration.id,
                Entry.state == "draft",
                Entry.reverses_id.is_(None),
                Entry.id.not_in(offered),
                Entry.id.not_in(_undone_before(running.tenant_id, configuration.id)),
            )
            .order_by(Entry.period_start, Entry.sequence)
        ).all()
    for entry_id in entries:
        _offer(running, entry_id)


def _undone_before(tenant_id: uuid.UUID, configuration_id: uuid.UUID) -> Select[uuid.UUID]:
    """Drafts with something that was booked and undone: a person corrects and sends them."""
    undone = aliased(EntryLine)
    made_of = func.coalesce(EntryLine.statement_line_id, EntryLine.document_id)
    return (
        select(Entry.id)
        .join(EntryLine, (EntryLine.tenant_id == Entry.tenant_id) & (EntryLine.entry_id == Entry.id))
        .join(undone, (undone.tenant_id == EntryLine.tenant_id) & (undone.undone_source_id == made_of))
        .where(Entry.tenant_id == tenant_id, Entry.configuration_id == configuration_id, Entry.state == "draft")
    )


def _offer(running: _Running, entry_id: uuid.UUID) -> None:
    with running.runtime.database.scoped(running.setting) as session:
        # By the configuration, whoever started the run: nobody looked at these bytes.
        scope = Scope(session, running.tenant_id, "client", "", SYSTEM)
        entry = scope.get(Entry, entry_id, lock=True)
        crash.point("offer.locked")
        if entry.state != "draft":
            return
        shown = preview(scope, entry)
        crash.point("offer.previewed")
        if shown.problems:
            running.blocked += 1
            running.blocked_by = running.blocked_by or shown.problems[0].code
            return
        posting.hand_over(scope, shown)
        running.offered += 1
        session.execute(
            update(Run)
            .where(Run.tenant_id == running.tenant_id, Run.id == running.run_id)
            # What gets on is no poison, however often it is interrupted.
            .values(offered=Run.offered + 1, attempts=0, next_try_at=clock.now() + AT_WORK)
        )


def _wait_or_fail(running: _Running, failure: Temporary | AuthorisationExpired) -> None:
    if isinstance(failure, AuthorisationExpired):
        _end(running, "failed", failure.code, {})
        return
    wait = timedelta(seconds=max(failure.retry_after or 30.0, 5.0))
    with running.runtime.database.scoped(running.setting) as session:
        session.execute(
            update(Run)
            .where(Run.tenant_id == running.tenant_id, Run.id == running.run_id, Run.state == "running")
            .values(next_try_at=clock.now() + wait, code=failure.code, attempts=0)
        )


def _end(running: _Running, state: str, code: str, values: dict[str, Any]) -> None:
    now = clock.now()
    with running.runtime.database.scoped(running.setting) as session:
        scope = running.scope(session)
        configuration = scope.get(Configuration, running.configuration_id, lock=True)
        row = scope.get(Run, running.run_id, lock=True)
        if row.state != "running":
            return
        row.state, row.code, row.values, row.finished_at, row.blocked = state, code, values, now, running.blocked
        configuration.last_run_at = now
        configuration.next_due_at = _next(scope, configuration, state, running.blocked)
        if running.offered:
            queue.ring(session, "sync.drain")
        if state == "failed" and code != _last_failure(scope, row):
            subject = ("configuration", configuration.id)
            record(scope, "run.failed", subject, context=configuration.coupling_id, code=code)
    log.info("run.ended", run=str(running.run_id), state=state, code=code, lines=running.lines, offered=running.offered)


def _next(scope: Scope, configuration: Configuration, state: str, blocked: int) -> datetime | None:
    """When the next run starts by itself: with the next period, sooner when something is still to be done.

    Statements that came in while the run was busy are seen here, or else by the scheduler.
    """
    today, now = clock.today(), clock.now()
    regular = next_due(configuration, today)
    if state == "failed":
        return min(filter(None, (regular, now + AFTER_FAILURE)))
    if configuration.state == "active" and anything_due(scope, configuration, today):
        return now
    return min(filter(None, (regular, now + AFTER_REFUSAL))) if blocked else regular


def _last_failure(scope: Scope, row: Run) -> str:
    """The code that the run before this one failed with; "" when it did not fail."""
    query = select(Run.code).where(
        Run.tenant_id == scope.tenant_id,
        Run.configuration_id == row.configuration_id,
        Run.state.in_(("done", "failed")),
        Run.id < row.id,
    )
    return scope.session.scalars(query.order_by(Run.id.desc()).limit(1)).first() or ""
