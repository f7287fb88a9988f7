"""Many client accounts at once: kept as a list, made by a job, each business once whatever happens to the job."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from portal.activity.models import Activity
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Invalid, NotFound
from portal.team import lists, newcomer_lists, newcomers
from portal.team.models import NewcomerList, NewcomerRow
from portal.team.newcomer_lists import PORTION
from portal.tenants import assignments
from portal.tenants.models import Management, Membership, Tenant
from portal.tenants.service import Details
from tests import factories as make
from tests.conftest import Urls
from tests.team import victim
from tests.team.test_newcomers import numbers, office
from tests.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def submit(db: Database, world: World, wanted: list[str]) -> uuid.UUID:
    with office(db, world.firm, world.staff) as scope:
        rows = [(row, Details(f"Zaak {row}", "kbo", number)) for row, number in enumerate(wanted, 2)]
        listed = newcomer_lists.submit(scope, newcomers.checked(scope, rows))
        assert listed is not None
        return listed.id


def rows_of(db: Database, firm: Tenant, list_id: uuid.UUID) -> list[NewcomerRow]:
    with db.scoped(Setting(tenant=firm.id)) as session:
        return list(
            session.scalars(select(NewcomerRow).where(NewcomerRow.list_id == list_id).order_by(NewcomerRow.row))
        )


def made_for(db: Database, firm: Tenant, wanted: list[str]) -> Counter[str]:
    """How many accounts each number has, among the clients that the firm manages."""
    with db.scoped(Setting(tenant=firm.id, portal=firm.id)) as session:
        query = select(Tenant.enterprise_number).join(Management, Management.tenant_id == Tenant.id)
        found = session.scalars(query.where(Management.portal_id == firm.id, Tenant.enterprise_number.in_(wanted)))
        return Counter(found)


def test_a_thousand_of_a_file_wait_and_are_made_by_the_job(database: Database, world: World) -> None:
    wanted = numbers(1000)
    csv = "\n".join(["Naam;Ondernemingsnummer", *(f"Zaak {n};{number}" for n, number in enumerate(wanted))])
    with office(database, world.firm, world.staff) as scope:
        listed = newcomer_lists.submit(scope, newcomers.checked(scope, lists.read(csv.encode(), "BE")))
        assert listed is not None
    assert made_for(database, world.firm, wanted) == {}
    assert newcomer_lists.work(database, world.firm.id, listed.id) == 1000
    assert made_for(database, world.firm, wanted) == dict.fromkeys(wanted, 1)
    with office(database, world.firm, world.staff) as scope:
        found = newcomer_lists.progress(scope, listed.id, 5)
        assert (found.total, found.made, found.refused, len(found.rows)) == (1000, 1000, 0, 5)
        assert newcomer_lists.under_way(scope) == []
        told = scope.session.scalars(select(Activity).where(Activity.tag == "clients.made")).one()
        assert (told.data["count"], told.actor_name) == (1000, world.staff.name)
        again = newcomers.checked(scope, lists.read(csv.encode(), "BE"))
        assert newcomer_lists.submit(scope, again) is None


@pytest.mark.parametrize("point", ["newcomers.before_commit", "newcomers.portion_made"])
def test_a_job_that_is_killed_midway_leaves_each_client_once(
    database: Database, database_urls: Urls, world: World, point: str
) -> None:
    wanted = numbers(PORTION * 2 + 5)
    list_id = submit(database, world, wanted)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.team.victim"])
    process = context.Process(target=victim.work, args=(victim.Place(database_urls.app, world.firm.id, list_id), point))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
    states = Counter(row.state for row in rows_of(database, world.firm, list_id))
    whole = PORTION if point == "newcomers.portion_made" else 0
    assert states == Counter({"made": whole, "waits": len(wanted) - whole})
    assert made_for(database, world.firm, wanted).total() == whole
    assert newcomer_lists.work(database, world.firm.id, list_id) == len(wanted) - whole
    assert newcomer_lists.work(database, world.firm.id, list_id) == 0
    assert made_for(database, world.firm, wanted) == dict.fromkeys(wanted, 1)


def test_twice_at_once_and_in_two_lists_makes_each_client_once(database: Database, world: World) -> None:
    wanted = numbers(PORTION * 2)
    first, second = submit(database, world, wanted), submit(database, world, wanted)
    threads = [
        threading.Thread(target=newcomer_lists.work, args=(database, world.firm.id, list_id))
        for list_id in (first, second, first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made_for(database, world.firm, wanted) == dict.fromkeys(wanted, 1)
    rows = [*rows_of(database, world.firm, first), *rows_of(database, world.firm, second)]
    assert Counter((row.state, row.code) for row in rows) == {("made", ""): 40, ("refused", "newcomer.known"): 40}


def test_who_lost_the_right_meanwhile_makes_nothing(database: Database, world: World) -> None:
    wanted = numbers(2)
    list_id = submit(database, world, wanted)
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        theirs = (Membership.tenant_id == world.firm.id, Membership.user_id == world.staff.id)
        session.execute(update(Membership).where(*theirs).values(ended_at=clock.now()))
    assert newcomer_lists.work(database, world.firm.id, list_id) == 0
    assert {(row.state, row.code) for row in rows_of(database, world.firm, list_id)} == {
        ("refused", "newcomers.no_right")
    }
    assert made_for(database, world.firm, wanted) == {}


def test_who_sees_assigned_clients_alone_sees_what_the_job_made_and_no_list_of_others(
    database: Database, world: World
) -> None:
    other = make.make_user(database, "Other")
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        session.add(
            Membership(tenant_id=world.firm.id, user_id=other.id, role="staff", created_at=clock.now(),
                       assigned_only=True)
        )  # fmt: skip
        theirs = (Membership.tenant_id == world.firm.id, Membership.user_id == world.staff.id)
        session.execute(update(Membership).where(*theirs).values(assigned_only=True))
    list_id = submit(database, world, numbers(3))
    with office(database, world.firm, other) as scope:
        assert newcomer_lists.under_way(scope) == []
        with pytest.raises(NotFound):
            newcomer_lists.progress(scope, list_id, 5)
    newcomer_lists.work(database, world.firm.id, list_id)
    made = {row.client_id for row in rows_of(database, world.firm, list_id)}
    with office(database, world.firm, world.staff) as scope:
        assert {care.client_id for care in assignments.cared_for(scope)} == made
        assert newcomer_lists.progress(scope, list_id, 5).made == 3


def test_a_list_whose_job_was_lost_is_rung_for_and_given_up_in_the_end(fresh_database: Database) -> None:
    world = make_world(fresh_database)
    list_id, now = submit(fresh_database, world, numbers(1)), clock.now()
    rings = []
    for minutes in (0, 3, 4, 6, 9, 12, 15, 18):
        with fresh_database.scoped() as session:
            due = {"now": now + timedelta(minutes=minutes), "room": 10}
            rings.append(len(session.execute(text("SELECT * FROM ring_due_newcomers(:now, :room)"), due).all()))
    assert rings == [0, 1, 0, 1, 1, 1, 1, 1]
    assert newcomer_lists.work(fresh_database, world.firm.id, list_id) == 0
    [row] = rows_of(fresh_database, world.firm, list_id)
    assert (row.state, row.code) == ("refused", "newcomers.gave_up")
    with fresh_database.scoped(Setting(tenant=world.firm.id)) as session:
        assert session.get_one(NewcomerList, (world.firm.id, list_id)).ended_at is not None


def test_a_list_is_not_longer_than_it_may_be(database: Database, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomer_lists, "MOST", 2)
    with pytest.raises(Invalid, match=r"newcomers\.too_many"):
        submit(database, world, numbers(3))
