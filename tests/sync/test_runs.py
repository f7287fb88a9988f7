"""A run drafts what is due and hands over what is automatic; many can be started at once and followed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from portal.access import Actor, Scope
from portal.activity.service import timeline
from portal.connectors.base import Period
from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary
from portal.couplings.models import Books, Configuration
from portal.couplings.periods import last_due
from portal.jobs.schedule import _DUE_CONFIGURATIONS
from portal.kernel import clock, crash
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.sync import batches, dispatch, runs, sending, working
from portal.sync.models import Posting, PostingState, Run, Standing
from portal.sync.watching import view_batch
from portal.tenants import grants
from portal.tenants.models import Membership
from tests import factories as make
from tests.sync import provider
from tests.sync.office import Clock, Office, add_client, open_office, store_books

MARCH = [(date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25")]


def start(office: Office, cause: str = "schedule") -> Run:
    with office.scope() as scope:
        return runs.start_run(scope, office.configuration, cause)[0]


def work(office: Office, run: Run) -> Run:
    runs.run(office.runtime, office.client.id, run.id, office.connect)
    with office.scope() as scope:
        return scope.get(Run, run.id)


def configuration(office: Office) -> Configuration:
    with office.scope() as scope:
        return scope.get(Configuration, office.configuration.id)


def standing(office: Office) -> Standing:
    with office.scope() as scope:
        return scope.session.get_one(Standing, office.client.id)


def test_an_automatic_configuration_is_drafted_and_handed_over(alone: Office) -> None:
    office = alone
    office.bank_says(*MARCH)
    run = work(office, start(office))
    assert (run.state, run.lines, run.drafted, run.offered, run.blocked) == ("done", 2, 1, 1, 0)
    (posting,) = office.all_postings()
    assert posting.approved_by is None
    due = configuration(office).next_due_at
    assert due is not None
    assert due > clock.now()
    assert dispatch.drain(office.runtime, office.connect) >= 1
    assert office.posting(posting.id).state == PostingState.CONFIRMED
    assert standing(office).state == "active"


def test_a_manual_one_is_drafted_and_waits(database: Database, vault: Vault) -> None:
    office = open_office(database, vault, automatic=False)
    office.bank_says(*MARCH)
    run = work(office, start(office))
    assert (run.drafted, run.offered) == (1, 0)
    assert (standing(office).state, standing(office).code) == ("attention", "standing.entries_wait")
    assert standing(office).waiting_entries == 1


def test_running_again_changes_nothing(office: Office) -> None:
    office.bank_says(*MARCH)
    first = work(office, start(office))
    runs.run(office.runtime, office.client.id, first.id, office.connect)
    second = work(office, start(office))
    assert (second.lines, second.drafted, second.offered) == (0, 0, 0)
    assert len(office.all_postings()) == 1


def test_one_open_run_at_a_time(office: Office) -> None:
    with office.scope() as scope:
        first, new = runs.start_run(scope, office.configuration, "person")
        again, newer = runs.start_run(scope, office.configuration, "schedule")
    assert (first.id, new, newer) == (again.id, True, False)


def test_an_inactive_configuration_does_not_run(office: Office) -> None:
    with office.scope() as scope:
        scope.get(Configuration, office.configuration.id).state = "inactive"
    with pytest.raises(Conflict, match=r"configuration\.not_active"):
        start(office)


def test_what_would_be_refused_stays_a_draft_and_is_told(office: Office) -> None:
    closed = [Period(one.year, one.number, one.starts_on, one.ends_on, frozenset({"20"})) for one in provider.PERIODS]
    store_books(office.database, office.coupling, periods=closed)
    office.bank_says(*MARCH)
    run = work(office, start(office))
    assert (run.state, run.offered, run.blocked, run.code) == ("done", 0, 1, "entry.period_closed")
    due = configuration(office).next_due_at
    assert due is not None
    assert due < clock.now() + timedelta(days=1)


def test_books_of_yesterday_are_read_anew(office: Office, moving: Clock) -> None:
    moving.pass_(86_500)
    office.bank_says(*MARCH)
    assert work(office, start(office)).state == "done"
    assert ("ledger_accounts", office.coupling.dossier_code) in office.package.calls


def test_old_books_serve_while_the_provider_is_away(office: Office, moving: Clock) -> None:
    moving.pass_(86_500)
    office.package.reads[:] = [Temporary("pretend.unreachable", sent=False)]
    office.bank_says(*MARCH)
    assert work(office, start(office)).offered == 1


@pytest.mark.parametrize("failure", [AuthorisationExpired("pretend.expired"), Rejected("pretend.user_rights")])
def test_a_failed_run_says_why_and_is_tried_again(office: Office, moving: Clock, failure: Exception) -> None:
    moving.pass_(86_500)
    assert isinstance(failure, (AuthorisationExpired, Rejected))
    office.package.reads[:] = [failure]
    office.bank_says(*MARCH)
    run = work(office, start(office))
    assert (run.state, run.code, run.drafted) == ("failed", failure.code, 1)
    assert (standing(office).state, standing(office).code) == ("stopped", failure.code)
    due = configuration(office).next_due_at
    assert due is not None
    assert due < clock.now() + timedelta(hours=3)


def test_a_run_that_never_read_the_books_waits_for_the_provider(database: Database, vault: Vault) -> None:
    office = open_office(database, vault)
    with office.scope() as scope:
        for row in scope.session.scalars(select(Books)):
            scope.session.delete(row)
    office.package.reads[:] = [Temporary("pretend.busy", retry_after=40)]
    office.bank_says(*MARCH)
    run = work(office, start(office))
    assert (run.state, run.code, run.attempts) == ("running", "pretend.busy", 0)
    assert work(office, run).state == "done"


def test_a_withdrawn_grant_fails_the_run_before_any_call(office: Office, moving: Clock) -> None:
    moving.pass_(86_500)
    with office.scope() as scope:
        for grant in grants.list_grants(scope):
            grants.withdraw_access(scope, grant.id)
    run = work(office, start(office))
    assert (run.state, run.code) == ("failed", "posting.grant_withdrawn")
    assert office.package.calls == []


def test_a_run_that_keeps_dying_is_given_up(office: Office) -> None:
    run = start(office)
    with office.scope() as scope:
        scope.get(Run, run.id).attempts = runs.MAX_ATTEMPTS
    run = work(office, run)
    assert (run.state, run.code) == ("failed", "run.poison")
    due = configuration(office).next_due_at
    assert due is not None
    assert due <= clock.now() + runs.AFTER_FAILURE
    with office.scope() as scope:
        assert "run.failed" in [row.tag for row in timeline(scope, office.configuration.id)]


class Died(BaseException):
    """The process is gone: nothing catches it."""


def test_a_run_that_gets_on_is_not_given_up_however_often_it_dies(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.bank_says(*((date(2024, month, 5), "1.00") for month in range(1, 10)))
    run = start(office)
    seen: list[str] = []

    def die_at_the_second_entry(name: str) -> None:
        seen.append(name)
        if seen.count("offer.locked") > 1:
            raise Died

    monkeypatch.setattr(crash, "point", die_at_the_second_entry)
    for _ in range(8):
        seen.clear()
        with pytest.raises(Died):
            work(office, run)
    seen.clear()
    ended = work(office, run)
    assert (ended.state, ended.offered) == ("done", 9)


def test_statements_that_come_while_a_run_is_busy_are_not_left_for_a_month(office: Office) -> None:
    office.bank_says(*MARCH)
    run = start(office)

    def meanwhile(*_: object, **__: object) -> provider.Client:
        office.bank_says((date(2024, 3, 22), "4.00"))
        return provider.Client(office.package)

    store_books(office.database, office.coupling)
    with office.scope() as scope:
        for row in scope.session.scalars(select(Books)):
            row.fetched_at = clock.now() - timedelta(days=2)
    runs.run(office.runtime, office.client.id, run.id, meanwhile)
    due = configuration(office).next_due_at
    assert due is not None
    assert due <= clock.now()


def due(office: Office) -> bool:
    with office.database.scoped() as session:
        rows = session.execute(_DUE_CONFIGURATIONS, {"now": clock.now(), "room": 10_000}).all()
    return office.configuration.id in {row.id for row in rows}


def test_late_statements_are_due_at_once(office: Office) -> None:
    work(office, start(office))
    assert not due(office)
    office.bank_says((clock.today(), "1.00"))
    assert not due(office), "this month is not over"
    office.bank_says((date(2024, 3, 7), "0.00"), (date(2023, 12, 31), "5.00"))
    assert not due(office), "nothing of it is to be booked"
    office.bank_says(*MARCH)
    assert due(office)
    run = start(office)
    assert not due(office), "it is being done"
    work(office, run)
    assert not due(office)


@pytest.mark.parametrize("frequency", ["daily", "monthly"])
@pytest.mark.parametrize("delay", [0, 3, 14])
def test_what_is_due_is_the_same_in_python_and_in_the_database(
    database: Database, vault: Vault, moving: Clock, frequency: str, delay: int
) -> None:
    office = open_office(database, vault, frequency=frequency, delay_days=delay, starts_on=date(2020, 1, 1))
    until = last_due(frequency, delay, clock.today())
    office.bank_says((until + timedelta(days=1), "1.00"))
    assert not due(office)
    office.bank_says((until, "1.00"))
    assert due(office)


# ---------------------------------------------------------------------------------- batches


@pytest.fixture
def two(alone: Office) -> tuple[Office, Office]:
    office = alone
    other = add_client(office.database, office.vault, office.firm, office.authorisation, office.package)
    for one in (office, other):
        one.bank_says(*MARCH)
    return office, other


def test_a_firm_starts_and_follows_many_at_once(two: tuple[Office, Office], fresh_database: Database) -> None:
    office, other = two
    user = make.make_user(fresh_database)
    setting = Setting(tenant=office.firm.id, portal=office.firm.id, user=user.id)
    with fresh_database.scoped(setting) as session:
        session.add(Membership(tenant_id=office.firm.id, user_id=user.id, role="staff", created_at=clock.now()))
    with fresh_database.scoped(setting) as session:
        scope = Scope(session, office.firm.id, "portal", "staff", Actor(user.id, user.name))
        batch = batches.start_batch(scope, [office.client.id, other.client.id])
        assert batch.total == 2
        assert view_batch(scope, batch.id).count("queued") == 2
        rows = [row for row, _state in view_batch(scope, batch.id).rows]
    for one, run in zip((office, other), sorted(rows, key=lambda row: row.tenant_id != office.client.id), strict=True):
        work(one, run)
    dispatch.drain(office.runtime, office.connect)
    with fresh_database.scoped(setting) as session:
        scope = Scope(session, office.firm.id, "portal", "staff", Actor(user.id, user.name))
        now = view_batch(scope, batch.id)
    assert (now.count("done"), now.count("failed")) == (2, 0)
    assert [now.sum(column) for column in ("lines", "drafted", "offered", "booked")] == [4, 2, 2, 2]
    assert now.finished
    assert now.remaining is None


def test_clients_that_let_nobody_work_are_left_out(two: tuple[Office, Office], fresh_database: Database) -> None:
    office, other = two
    with other.scope() as scope:
        for grant in grants.list_grants(scope):
            grant.role = "reader"
    stranger = make.make_tenant(fresh_database, "client", "Somebody else")
    with fresh_database.scoped(Setting(tenant=office.firm.id, portal=office.firm.id)) as session:
        scope = Scope(session, office.firm.id, "portal", "staff", Actor(None, ""))
        assert batches.start_batch(scope, [office.client.id, other.client.id, stranger.id]).total == 1
        with pytest.raises(Invalid, match=r"batch\.nothing"):
            batches.start_batch(scope, [other.client.id, stranger.id])


def test_another_firm_sees_nothing_of_a_batch(two: tuple[Office, Office], fresh_database: Database) -> None:
    office, _ = two
    rival = make.make_tenant(fresh_database, "portal", "Bakker & Zn")
    with fresh_database.scoped(Setting(tenant=office.firm.id, portal=office.firm.id)) as session:
        scope = Scope(session, office.firm.id, "portal", "staff", Actor(None, ""))
        batch = batches.start_batch(scope, [office.client.id])
    with fresh_database.scoped(Setting(tenant=rival.id, portal=rival.id)) as session, pytest.raises(NotFound):
        view_batch(Scope(session, rival.id, "portal", "staff", Actor(None, "")), batch.id)


def test_only_the_failed_are_retried(two: tuple[Office, Office], fresh_database: Database) -> None:
    office, other = two
    office.package.script[:] = [Rejected("pretend.period_closed")]
    with fresh_database.scoped(Setting(tenant=office.firm.id, portal=office.firm.id)) as session:
        scope = Scope(session, office.firm.id, "portal", "staff", Actor(None, ""))
        batch = batches.start_batch(scope, [office.client.id, other.client.id])
        rows = {row.tenant_id: row for row, _state in view_batch(scope, batch.id).rows}
    for one in two:
        work(one, rows[one.client.id])
        dispatch.drain(office.runtime, office.connect, hands=1)
    with fresh_database.scoped(Setting(tenant=office.firm.id, portal=office.firm.id)) as session:
        scope = Scope(session, office.firm.id, "portal", "staff", Actor(None, ""))
        assert view_batch(scope, batch.id).sum("refused") == 1
        assert batches.retry_failed(scope, batch.id) == 1
    dispatch.drain(office.runtime, office.connect)
    with fresh_database.scoped(Setting(tenant=office.firm.id, portal=office.firm.id)) as session:
        scope = Scope(session, office.firm.id, "portal", "staff", Actor(None, ""))
        assert view_batch(scope, batch.id).sum("booked") == 2


def test_one_bad_dossier_does_not_stand_in_the_way(two: tuple[Office, Office], fresh_database: Database) -> None:
    """Fair: the noisy dossier has one turn, as the quiet one has, and what it does then is a slice."""
    office, other = two
    for entry in office.draft(date(2024, 4, 1)):
        office.offer(entry)
    with office.scope() as scope:
        row = scope.get(Configuration, office.configuration.id)
        row.frequency = "daily"
    office.bank_says(*[(date(2024, 5, 1) + timedelta(days=n), "1.00") for n in range(30)])
    for entry in office.draft(date(2024, 7, 1)):
        office.offer(entry)
    for entry in other.draft(date(2024, 4, 1)):
        other.offer(entry)
    general, lane = dispatch.choose(fresh_database, general=200, lane=50)
    assert [turn.dossier.coupling_id for turn in general] == [other.coupling.id]
    assert [turn.dossier.coupling_id for turn in lane] == [office.coupling.id], "31 entries are 62 calls"
    assert dispatch.choose(fresh_database, general=200, lane=50) == ([], []), "both have their turn"
    assert working.work(sending.Desk(office.runtime, office.connect), lane[0].dossier) == 10
    with office.scope() as scope:
        assert len(scope.session.scalars(select(Entry)).all()) == 31
        assert len(scope.session.scalars(select(Posting)).all()) == 31
