"""What is started when: one table. Any number of schedulers may run it; a tick happens once.

A task only rings bells or makes one short statement; what it does is decided by rows that are
due, so a tick that is missed is made good by the next.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from sqlalchemy import Uuid, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from portal import runtime
from portal.access import Scope
from portal.activity import anchors
from portal.approvals import attending
from portal.archives import retention, telling
from portal.authorisations import service as authorisations
from portal.billing import closing
from portal.feeds import reminders
from portal.kernel import clock, crash, queue
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.mail import Mail
from portal.software import ungrouped
from portal.sync import copies, dispatch
from portal.sync.comparison import NIGHT_BEGINS, night_of
from portal.sync.models import Tick
from portal.team import newcomer_lists
from portal.tenants import assignments, grants

log = structlog.get_logger()

LEADER = 7_031_979  # advisory lock
FULL = 200  # bells in a queue at most
PLANNED = 20_000  # runs that are made in one tick at most
PORTION = 500  # in one transaction
KEEP_TICKS = timedelta(days=2)
NIGHT_ENDS = 6  # o'clock


@dataclass(frozen=True, slots=True)
class Task:
    """`function` is called once for every moment that is a multiple of `every` since 1970."""

    name: str
    every: timedelta
    function: Callable[[Database], None]

    def moment(self, now: datetime) -> datetime:
        step = self.every.total_seconds()
        return datetime.fromtimestamp(now.timestamp() // step * step, UTC)


def sweep_postings(database: Database) -> None:
    dispatch.ring_drain(database)


def sweep_runs(database: Database) -> None:
    _ring(database, "sync", "sync.run", "SELECT tenant_id, id FROM ring_due_runs(:now, :room)")


def sweep_mails(database: Database) -> None:
    room = FULL - dispatch.waiting("mail")
    due = (Mail.sent_at.is_(None), Mail.given_up_at.is_(None), Mail.next_try_at <= clock.now())
    with database.scoped() as session:
        for mail_id in session.scalars(select(Mail.id).where(*due).order_by(Mail.next_try_at).limit(max(room, 0))):
            queue.ring(session, "mail.send", mail_id)


def start_due_runs(database: Database) -> None:
    """A run for each configuration whose next period, with its delay, has passed.

    In portions, each with a handful of statements however many are due. `next_due_at` is set anew
    by the run; the run itself is swept until it ends, so that only as many bells go out as there is room for.
    """
    now, room = clock.now(), FULL - dispatch.waiting("sync")
    with database.scoped() as session:
        due = session.execute(_DUE_CONFIGURATIONS, {"now": now, "room": PLANNED}).all()
    for portion in (due[at : at + PORTION] for at in range(0, len(due), PORTION)):
        asked = {
            "tenants": [row.tenant_id for row in portion],
            "configurations": [row.id for row in portion],
            "ids": [uuid7() for _ in portion],
            "now": now,
        }
        with database.scoped() as session:
            started = session.execute(_START, asked).all()
            session.execute(_STANDINGS, {"tenants": sorted({row.tenant_id for row in started}), "now": now})
            for row in started[: max(room, 0)]:
                queue.ring(session, "sync.run", row.tenant_id, row.id)
        room -= len(started)


def compare_nightly(database: Database) -> None:
    """Between two and six: every coupling that this night has not compared yet."""
    local = clock.now().astimezone(clock.BUSINESS_ZONE)
    if local.time() >= NIGHT_BEGINS and local.hour < NIGHT_ENDS:
        statement = "SELECT tenant_id, id FROM due_comparisons(:night, :room)"
        _ring(database, "sync", "sync.compare", statement, night=night_of(clock.now()))


def keep_logins_alive(database: Database) -> None:
    room = FULL - dispatch.waiting("sync")
    if room > 0:
        authorisations.ring_due(database, room)


def ring_feeds(database: Database) -> None:
    room = FULL - dispatch.waiting("sync")
    reminders.ring_fetches(database, room)
    reminders.ring_ended(database, room)


def remind_of_consents(database: Database) -> None:
    reminders.ring_due(database, FULL - dispatch.waiting("mail"))


def attend_approvals(database: Database) -> None:
    attending.ring_due(database, FULL - dispatch.waiting("mail"))


def tell_ungrouped_accounts(database: Database) -> None:
    """Mail who manages an account about bank accounts that came and are in no group, each once."""
    made = runtime.get()
    with database.scoped() as session:
        due = ungrouped.due(session)
    for tenant_id, kind in due:
        with database.scoped() as session:
            ungrouped.tell(session, made.vault, tenant_id, kind, made.settings.base_url)


def end_grants(database: Database) -> None:
    """Write down as ended what has passed its last day; it was closed from that day on anyway."""
    with database.scoped() as session:
        due = session.execute(text("SELECT tenant_id, id FROM ended_grants(:today)"), {"today": clock.today()}).all()
    for tenant_id, grant_id in due:
        with database.scoped(Setting(tenant=tenant_id)) as session:
            grants.end_grant(Scope.system(session, tenant_id), grant_id)


def tell_ended_assignments(database: Database) -> None:
    """Write down which access for a time is over; it was closed from its end on anyway."""
    assignments.tell_ended(database)


def close_months(database: Database) -> None:
    """Bill each portal for the month that is over, once."""
    room = FULL - dispatch.waiting("mail")
    if room > 0:
        with database.scoped() as session:
            for portal_id in closing.portals_to_bill(session, closing.last_month(), room):
                queue.ring(session, "billing.close", portal_id)


def forget_ticks(database: Database) -> None:
    with database.scoped() as session:
        session.execute(delete(Tick).where(Tick.moment < clock.now() - KEEP_TICKS))


def forget_parked_files(database: Database) -> None:
    """Statement files that waited seven days for an answer."""
    with database.scoped() as session:
        session.execute(text("SELECT forget_parked_files(:now)"), {"now": clock.now()})


def anchor_chains(database: Database) -> None:
    """Copy the heads of the activity log out of the database."""
    anchored = anchors.drop_anchors(database, runtime.get().settings.home)
    log.info("audit.anchored", heads=anchored)


def make_client_accounts(database: Database) -> None:
    newcomer_lists.ring_due(database, FULL - dispatch.waiting("sync"))


def copy_configurations(database: Database) -> None:
    copies.ring_due(database, FULL - dispatch.waiting("sync"))


def make_archives(database: Database) -> None:
    telling.ring_due(runtime.get(), FULL - dispatch.waiting("sync"))


def expire_archives(database: Database) -> None:
    with database.scoped() as session:
        session.execute(text("SELECT expire_archives(:now)"), {"now": clock.now()})


def erase_accounts(database: Database) -> None:
    """Accounts whose thirty days are over."""
    _ring(database, "sync", "archives.erase", "SELECT tenant_id, id FROM due_erasures(:now) LIMIT :room")


SECONDS, MINUTES, HOURS = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
TASKS = (
    Task("sweep_postings", 5 * SECONDS, sweep_postings),
    Task("sweep_runs", 15 * SECONDS, sweep_runs),
    Task("sweep_mails", 15 * SECONDS, sweep_mails),
    Task("start_due_runs", 15 * SECONDS, start_due_runs),
    Task("compare_nightly", 5 * MINUTES, compare_nightly),
    Task("keep_logins_alive", MINUTES, keep_logins_alive),
    Task("ring_feeds", MINUTES, ring_feeds),
    Task("remind_of_consents", 5 * MINUTES, remind_of_consents),
    Task("attend_approvals", MINUTES, attend_approvals),
    Task("tell_ungrouped_accounts", 5 * MINUTES, tell_ungrouped_accounts),
    Task("end_grants", HOURS, end_grants),
    Task("tell_ended_assignments", MINUTES, tell_ended_assignments),
    Task("close_months", 10 * MINUTES, close_months),
    Task("forget_ticks", HOURS, forget_ticks),
    Task("anchor_chains", HOURS, anchor_chains),
    Task("make_client_accounts", MINUTES, make_client_accounts),
    Task("copy_configurations", MINUTES, copy_configurations),
    Task("make_archives", MINUTES, make_archives),
    Task("expire_archives", HOURS, expire_archives),
    Task("erase_accounts", HOURS, erase_accounts),
    Task("remove_old", 24 * HOURS, retention.remove_old),
    Task("forget_parked_files", HOURS, forget_parked_files),
)
_KEYS = [bindparam(name, type_=ARRAY(Uuid())) for name in ("tenants", "configurations", "ids")]
_START = text("SELECT tenant_id, id FROM start_due_runs(:tenants, :configurations, :ids, :now)").bindparams(*_KEYS)
_STANDINGS = text("SELECT refresh_standing(t, :now) FROM unnest(:tenants) t").bindparams(_KEYS[0])
_DUE_CONFIGURATIONS = text("SELECT tenant_id, id FROM due_configurations(:now, :room)")


def tick(database: Database, task: Task, now: datetime, instance: str) -> bool:
    """Start a task for the moment that `now` falls in, unless somebody did; whether it was us."""
    row = {"task": task.name, "moment": task.moment(now), "started_at": now, "instance": instance}
    with database.scoped() as session:
        taken = session.execute(insert(Tick).values(row).on_conflict_do_nothing().returning(Tick.task)).first()
    if taken is None:
        return False
    crash.point("tick.taken")
    task.function(database)
    crash.point("tick.done")
    return True


def run_forever() -> None:
    """Until SIGTERM or SIGINT. The leader ticks; the others wait to become it."""
    here = runtime.get()
    stopping = _stop_on_signals()
    instance = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:6]}"
    while not stopping:
        try:
            with here.database.engine.connect() as connection:
                _lead(here.database, connection, instance, stopping)
        except DBAPIError as failure:
            log.warning("schedule.database_away", error=type(failure.orig).__name__)
        _doze(stopping, 1.0)


def _lead(database: Database, connection: Connection, instance: str, stopping: list[int]) -> None:
    """Tick for as long as this connection holds the lock; a lost connection is a lost lead."""
    connection = connection.execution_options(isolation_level="AUTOCOMMIT")
    if not connection.scalar(select(func.pg_try_advisory_lock(LEADER))):
        return
    log.info("schedule.leading", instance=instance)
    done: dict[str, datetime] = {}
    try:
        while not stopping:
            connection.execute(text("SELECT 1"))
            now = clock.now()
            for task in TASKS:
                if done.get(task.name) != task.moment(now):
                    done[task.name] = task.moment(now)
                    _tick_safely(database, task, now, instance)
            _doze(stopping, 0.5)
    finally:
        connection.invalidate()  # ends the session, and the lock with it


def _tick_safely(database: Database, task: Task, now: datetime, instance: str) -> None:
    try:
        tick(database, task, now, instance)
    except Exception:
        log.exception("schedule.failed", task=task.name)


def _ring(database: Database, name: str, job: str, statement: str, **more: object) -> None:
    """Ring `job` for the rows a statement finds due, as far as there is room in the queue."""
    room = FULL - dispatch.waiting(name)
    if room <= 0:
        return
    with database.scoped() as session:
        parameters = {"room": room, "now": clock.now()} | more
        for tenant_id, row_id in session.execute(text(statement), parameters).all():
            queue.ring(session, job, tenant_id, row_id)


def _stop_on_signals() -> list[int]:
    stopping: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


def _doze(stopping: list[int], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not stopping and time.monotonic() < until:
        time.sleep(0.1)
