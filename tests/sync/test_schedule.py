"""A tick happens once whatever the number of schedulers, and what is due is rung for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.engine import Connection

from portal import runtime
from portal.couplings.models import Configuration
from portal.jobs import schedule
from portal.jobs import sync as jobs
from portal.jobs.schedule import TASKS, Task, tick
from portal.kernel import clock, queue
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.sync import dispatch, sending
from portal.sync.models import PostingState, Run, Tick
from portal.sync.runs import start_run
from portal.tenants import grants
from portal.tenants.models import Grant
from tests.sync.office import Office, open_office

MARCH = [(date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25")]


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """The bells that went out."""
    bells: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(queue, "ring_now", bells.extend)
    return bells


def test_the_moments_of_a_task_do_not_depend_on_when_it_is_asked() -> None:
    task = Task("t", timedelta(seconds=15), lambda database: None)
    at = datetime(2026, 3, 1, 10, 0, 7, tzinfo=UTC)
    assert task.moment(at) == datetime(2026, 3, 1, 10, 0, 0, tzinfo=UTC)
    assert task.moment(at + timedelta(seconds=8)) == datetime(2026, 3, 1, 10, 0, 15, tzinfo=UTC)


def test_every_task_has_a_name_of_its_own() -> None:
    assert len({task.name for task in TASKS}) == len(TASKS)


def test_a_log_in_that_needs_somebody_is_found_within_a_minute() -> None:
    (task,) = (task for task in TASKS if task.name == "keep_logins_alive")
    assert task.every <= timedelta(seconds=60)


def test_three_schedulers_start_each_tick_once(fresh_database: Database) -> None:
    started: list[datetime] = []
    lock = threading.Lock()

    def note(database: Database) -> None:
        with lock:
            started.append(current)

    task = Task("counted", timedelta(seconds=10), note)
    begin = clock.now()
    with ThreadPoolExecutor(3) as pool:
        for step in range(20):
            current = begin + timedelta(seconds=10 * step)
            list(pool.map(lambda name, now=current: tick(fresh_database, task, now, name), "abc"))
    assert len(started) == 20
    with fresh_database.scoped() as session:
        assert session.scalar(select(func.count()).select_from(Tick)) == 20


def test_a_leader_that_dies_is_followed_by_another(fresh_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two schedulers; the one that leads loses its connection fifty times."""
    started: list[datetime] = []
    task = Task("counted", timedelta(seconds=1), lambda database: started.append(clock.now()))
    monkeypatch.setattr(schedule, "TASKS", (task,))
    monkeypatch.setattr(schedule, "_doze", lambda stopping, seconds: None)
    stopping: list[int] = []
    leads: list[str] = []
    die = threading.Event()

    class Losing:
        """A connection that breaks when it is told to."""

        def __init__(self, connection: Connection, name: str) -> None:
            self.connection, self.name = connection, name

        def execution_options(self, **options: object) -> Losing:
            self.connection = self.connection.execution_options(isolation_level="AUTOCOMMIT")
            return self

        def scalar(self, statement: object) -> object:
            gained = self.connection.scalar(statement)  # type: ignore[call-overload]  # a statement as given
            if gained:
                leads.append(self.name)
            return gained

        def execute(self, statement: object) -> None:
            if die.is_set():
                die.clear()
                raise ConnectionError
            self.connection.execute(statement)  # type: ignore[call-overload]  # a statement as given

        def invalidate(self) -> None:
            self.connection.invalidate()

    def scheduler(name: str) -> None:
        while not stopping:
            try:
                with fresh_database.engine.connect() as connection:
                    schedule._lead(fresh_database, Losing(connection, name), name, stopping)  # type: ignore[arg-type]  # stands for a connection
            except ConnectionError:
                continue

    threads = [threading.Thread(target=scheduler, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    begin = clock.now()
    while len(leads) < 50 and clock.now() - begin < timedelta(seconds=30):
        die.set()
        threading.Event().wait(0.02)
    stopping.append(1)
    for thread in threads:
        thread.join()
    assert len(leads) >= 50
    with fresh_database.scoped() as session:
        ticks = session.scalar(select(func.count()).select_from(Tick))
    assert ticks == len(started) == len({task.moment(at) for at in started})


def test_a_failing_task_does_not_stop_the_others(database: Database) -> None:
    def fail(database: Database) -> None:
        raise ValueError

    schedule._tick_safely(database, Task("failing", timedelta(seconds=1), fail), clock.now(), "x")


def test_due_configurations_get_a_run_each(
    fresh_database: Database, vault: Vault, rung: list[tuple[str, tuple[str, ...]]]
) -> None:
    due = open_office(fresh_database, vault, next_due_at=clock.now() - timedelta(minutes=1))
    later = open_office(fresh_database, vault, next_due_at=clock.now() + timedelta(hours=1))
    schedule.start_due_runs(fresh_database)
    schedule.start_due_runs(fresh_database)
    with due.scope() as scope:
        (run,) = scope.session.scalars(select(Run)).all()
        assert scope.get(Configuration, due.configuration.id).next_due_at is None
    with later.scope() as scope:
        assert scope.session.scalars(select(Run)).all() == []
    assert [bell for bell in rung if bell[0] == "sync.run"] == [("sync.run", (str(due.client.id), str(run.id)))]


def test_a_lost_bell_of_a_run_is_rung_again(
    fresh_database: Database, vault: Vault, rung: list[tuple[str, tuple[str, ...]]]
) -> None:
    open_office(fresh_database, vault, next_due_at=clock.now() - timedelta(minutes=1))
    schedule.start_due_runs(fresh_database)
    first = list(rung)
    rung.clear()
    schedule.sweep_runs(fresh_database)
    assert rung == first
    rung.clear()
    schedule.sweep_runs(fresh_database)
    assert rung == [], "it was rung a moment ago"


def test_nights_are_compared_at_night_only(
    fresh_database: Database, vault: Vault, rung: list[tuple[str, tuple[str, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = open_office(fresh_database, vault)
    office.step(office.offered())
    rung.clear()
    for hour, bells in ((12, 0), (1, 1)):  # UTC in summer: 14:00 and 03:00 in Brussels
        monkeypatch.setattr(clock, "now", lambda hour=hour: datetime(2026, 7, 1, hour, tzinfo=UTC))
        schedule.compare_nightly(fresh_database)
        assert len(rung) == bells


def test_grants_end_on_their_day(fresh_database: Database, vault: Vault) -> None:
    office = open_office(fresh_database, vault)
    with office.scope() as scope:
        scope.session.execute(text("UPDATE grants SET ends_on = '2024-01-01'"))
    schedule.end_grants(fresh_database)
    with office.scope() as scope:
        assert scope.session.scalars(select(Grant.state)).one() == "ended"


def test_old_ticks_are_forgotten(fresh_database: Database) -> None:
    task = Task("t", timedelta(seconds=1), lambda database: None)
    tick(fresh_database, task, clock.now() - timedelta(days=3), "x")
    tick(fresh_database, task, clock.now(), "x")
    schedule.forget_ticks(fresh_database)
    with fresh_database.scoped() as session:
        assert len(session.scalars(select(Tick)).all()) == 1


# ---------------------------------------------------------------------------------- jobs


@pytest.fixture
def at_work(alone: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A worker process whose provider is the package in memory."""
    runtime.set(alone.runtime)
    monkeypatch.setattr(dispatch.drain, "__defaults__", (alone.connect,))
    return alone


def test_each_job_can_run_twice_and_at_the_same_time(at_work: Office) -> None:
    at_work.bank_says(*MARCH)
    with at_work.scope() as scope:
        run = start_run(scope, at_work.configuration, "schedule")[0]
    ids = (str(at_work.client.id), str(run.id))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: jobs.run(*ids), range(4)))
        list(pool.map(lambda _: jobs.drain(), range(4)))
    jobs.run(*ids)
    jobs.drain()
    (posting,) = at_work.all_postings()
    assert posting.state == PostingState.CONFIRMED
    assert (at_work.package.writes, at_work.package.booked(posting.reference)) == (1, 1)


def test_a_job_of_another_tenant_finds_nothing(at_work: Office, fresh_database: Database, vault: Vault) -> None:
    other = open_office(fresh_database, vault)
    posting = at_work.offered()
    sending.post(at_work.runtime, other.client.id, posting.id, at_work.connect)
    assert at_work.posting(posting.id).state == PostingState.INTENT
    assert at_work.package.calls == []
    with at_work.scope() as scope:
        run = start_run(scope, at_work.configuration, "schedule")[0]
    jobs.run(str(other.client.id), str(run.id))
    with at_work.scope() as scope:
        assert scope.get(Run, run.id).state == "queued"


def test_every_job_is_declared_with_a_queue_and_a_time_out() -> None:
    for name in ("sync.run", "sync.drain", "sync.compare"):
        assert queue.JOBS[name].queue in queue.QUEUES
        assert queue.JOBS[name].timeout <= 600


def test_many_queued_and_a_withdrawn_grant(alone: Office) -> None:
    """No call starts more than a second after the withdrawal was committed."""
    office = alone
    with office.scope() as scope:
        scope.get(Configuration, office.configuration.id).frequency = "daily"
    office.bank_says(*[(date(2024, 1, 1) + timedelta(days=n), "1.00") for n in range(120)])
    for entry in office.draft(date(2025, 1, 1)):
        office.offer(entry)
    called: list[datetime] = []
    withdrawn: list[datetime] = []

    def note(dossier: str) -> None:
        called.append(clock.now())
        if len(called) == 20:
            with office.scope() as scope:
                for grant in grants.list_grants(scope):
                    grants.withdraw_access(scope, grant.id)
            withdrawn.append(clock.now())

    office.package.before_post = note
    dispatch.drain(office.runtime, office.connect, hands=8)
    assert withdrawn
    assert [at for at in called if at > withdrawn[0] + timedelta(seconds=1)] == []
    rows = office.all_postings()
    assert {row.state for row in rows} == {PostingState.CONFIRMED, PostingState.PARKED}
    assert sum(row.state == PostingState.CONFIRMED for row in rows) == office.package.writes
