"""A configuration copied to many clients by a job: whatever dies or runs twice, each client gets it once."""

from __future__ import annotations

import os
import signal
import threading
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from portal.couplings.models import Configuration
from portal.identity.models import User
from portal.kernel import clock, crash, queue
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.vault import Vault
from portal.sync import copies, copying
from portal.sync.models import CopyList, CopyRow
from portal.tenants.models import Grant
from tests import factories as make
from tests.sync.office import Office, open_office
from tests.sync.test_copying import another, configurations, firm

POINTS = ("copies.before_commit", "copies.portion_done")


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    return open_office(database, vault, frequency="daily", delay_days=4, starts_on=date(2024, 3, 1), automatic=False)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "PORTION", 2)


@pytest.fixture(autouse=True)
def silent() -> None:
    queue.connect(None)


def person_of(office: Office) -> User:
    user = make.make_user(office.database)
    make.make_member(office.database, office.firm, user, "staff")
    return user


def ask(office: Office, *clients: Office, by: User | None = None) -> uuid.UUID:
    with firm(office, by or person_of(office)) as scope:
        source, coupling, _ = copying.source_of(scope, office.client.id, office.configuration.id)
        listed = copies.submit(scope, source, coupling.app, {one.client.id for one in clients})
        assert [row.state for row in copies.progress(scope, listed.id).rows] == ["waits"] * len(clients)
        return listed.id


def rows(office: Office, list_id: uuid.UUID) -> dict[uuid.UUID, CopyRow]:
    with firm(office) as scope:
        return {row.client_id: row for row in scope.session.query(CopyRow).filter_by(list_id=list_id)}


def listed(office: Office, list_id: uuid.UUID) -> CopyList:
    with firm(office) as scope:
        return scope.get(CopyList, list_id)


def work(office: Office, list_id: uuid.UUID) -> None:
    copies.work(office.database, office.firm.id, list_id)


def test_each_client_gets_it_with_the_choices_that_were_shown(office: Office) -> None:
    others = [another(office) for _ in range(5)]
    list_id = ask(office, *others)
    with office.scope() as scope:
        scope.get(Configuration, office.configuration.id).frequency = "monthly"  # after it was asked
    work(office, list_id)
    for other in others:
        (made,) = configurations(other)
        assert (made.frequency, made.delay_days, made.starts_on, made.automatic) == (
            "daily",
            4,
            date(2024, 3, 1),
            False,
        )
    assert {(row.state, row.made) for row in rows(office, list_id).values()} == {("made", 1)}
    assert listed(office, list_id).ended_at is not None


def test_run_again_it_does_nothing_and_a_second_list_says_why(office: Office) -> None:
    other = another(office)
    first = ask(office, other)
    work(office, first)
    work(office, first)
    second = ask(office, other)
    work(office, second)
    (row,) = rows(office, second).values()
    assert (row.state, row.reasons[0][0]) == ("refused", "configuration.account_taken")
    assert len(configurations(other)) == 1


def test_a_client_that_cannot_leaves_the_others_as_they_are(office: Office) -> None:
    fine, closed = another(office), another(office)
    list_id = ask(office, fine, closed)
    with office.database.scoped(Setting(tenant=closed.client.id)) as session:
        session.execute(update(Grant).where(Grant.tenant_id == closed.client.id).values(state="ended"))
    work(office, list_id)
    found = rows(office, list_id)
    assert found[fine.client.id].state == "made"
    assert (found[closed.client.id].state, found[closed.client.id].reasons) == ("refused", [["copy.not_let_in", {}]])
    assert configurations(closed) == []


@pytest.mark.parametrize("point", POINTS)
def test_a_death_midway_leaves_whole_clients_and_the_rest_is_done_once(office: Office, point: str) -> None:
    others = [another(office) for _ in range(5)]
    list_id = ask(office, *others)
    pid = os.fork()
    if not pid:
        _die(office, list_id, point)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL, f"{point} was not reached"
    expected = 2 if point == "copies.portion_done" else 0
    for row in rows(office, list_id).values():
        other = next(one for one in others if one.client.id == row.client_id)
        assert len(configurations(other)) == row.made
        expected -= row.made
    assert expected == 0
    work(office, list_id)
    assert [len(configurations(one)) for one in others] == [1] * 5
    assert {row.state for row in rows(office, list_id).values()} == {"made"}


def _die(office: Office, list_id: uuid.UUID, point: str) -> None:
    """The worker, in a process and with connections of its own."""
    try:
        url: Any = office.database.engine.url.render_as_string(hide_password=False)
        crash.arm(point)
        copies.work(Database(url.replace("+psycopg", ""), pool_size=2), office.firm.id, list_id)
    finally:
        os._exit(0)


def test_two_workers_at_once_do_each_client_once(office: Office) -> None:
    others = [another(office) for _ in range(6)]
    list_id = ask(office, *others)
    workers = [threading.Thread(target=work, args=(office, list_id)) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert [len(configurations(one)) for one in others] == [1] * 6
    assert sum(row.made for row in rows(office, list_id).values()) == 6


def test_the_sweeper_rings_for_a_job_that_was_lost_until_it_is_given_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = another(office)
    list_id = ask(office, other)
    rung: list[uuid.UUID] = []
    monkeypatch.setattr(queue, "ring", lambda session, job, tenant, row: rung.append(row))
    real = clock.now
    for turn in range(copies.ATTEMPTS + 1):
        monkeypatch.setattr(clock, "now", lambda turn=turn: real() + (turn + 1) * timedelta(minutes=3))
        copies.ring_due(office.database, 10)
        assert rung.count(list_id) == turn + 1
    work(office, list_id)
    (row,) = rows(office, list_id).values()
    assert (row.state, row.reasons) == ("refused", [["copy.gave_up", {}]])
    assert configurations(other) == []


@pytest.mark.parametrize("role", ["gone", "reader"])
def test_who_may_no_longer_do_this_by_hand_has_it_done_by_no_job(office: Office, role: str) -> None:
    other, user = another(office), person_of(office)
    list_id = ask(office, other, by=user)
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        change = "ended_at = now()" if role == "gone" else "role = 'reader'"
        session.execute(text(f"UPDATE memberships SET {change} WHERE user_id = :user"), {"user": user.id})  # noqa: S608  (constants)
    work(office, list_id)
    (row,) = rows(office, list_id).values()
    assert (row.state, row.reasons[0][0]) == ("refused", "copy.no_right")
    assert configurations(other) == []


@pytest.mark.parametrize("limit", ["accounts", "clients"])
def test_who_sees_some_clients_alone_sees_no_list_of_another(office: Office, limit: str) -> None:
    other, mine = another(office), person_of(office)
    list_id = ask(office, other, by=mine)
    with firm(office, person_of(office)) as scope:
        assert copies.progress(scope, list_id).total == 1
        setattr(scope, limit, frozenset())
        with pytest.raises(NotFound):
            copies.progress(scope, list_id)
    with firm(office, mine) as scope:
        setattr(scope, limit, frozenset())
        assert copies.progress(scope, list_id).total == 1


def test_without_a_client_there_is_no_list(office: Office, database: Database, vault: Vault) -> None:
    stranger = open_office(database, vault)
    with firm(office) as scope:
        source, coupling, _ = copying.source_of(scope, office.client.id, office.configuration.id)
        for ids, code in (
            (set(), "copy.none"), ({stranger.client.id}, "copy.none"),
            ({uuid.uuid4() for _ in range(201)}, "copy.too_many"),
        ):  # fmt: skip
            with pytest.raises(Invalid) as refused:
                copies.submit(scope, source, coupling.app, ids)
            assert refused.value.code == code
