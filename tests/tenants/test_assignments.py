"""Who looks after which client: several people, until further notice and for a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.access import Scope
from portal.activity.models import Activity
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from portal.tenants import assignments
from portal.tenants import service as tenants
from portal.tenants.models import Assignment, Membership, Tenant
from tests import factories as make
from tests.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


@contextmanager
def office(db: Database, firm: Tenant, user: User, role: str = "administrator") -> Iterator[Scope]:
    with db.scoped(Setting(tenant=firm.id, portal=firm.id, user=user.id)) as session:
        yield make.scope_in(session, firm, role, user)


def limit(db: Database, firm: Tenant, user: User, on: bool = True) -> uuid.UUID:
    with db.scoped(Setting(tenant=firm.id)) as session:
        row = session.scalars(select(Membership).where(Membership.user_id == user.id)).one()
        row.assigned_only = on
        return row.id


def tags(scope: Scope) -> list[str]:
    query = select(Activity.tag).where(Activity.tenant_id == scope.tenant_id).order_by(Activity.seq)
    return list(scope.session.scalars(query))


def test_only_clients_that_let_the_firm_in_are_assigned_and_only_to_its_people(
    database: Database, world: World
) -> None:
    with office(database, world.firm, world.staff, "staff") as scope:
        assert assignments.assign(scope, [world.client.id], world.staff.id) == 1
        assert assignments.assign(scope, [world.client.id], world.staff.id) == 0
        assert assignments.unassign(scope, [world.client.id], None) == 1
        with pytest.raises(NotFound):
            assignments.assign(scope, [world.client.id, world.other_client.id], world.staff.id)
        with pytest.raises(NotFound):
            assignments.assign(scope, [world.client.id], world.rival_staff.id)
        assert tags(scope) == ["clients.assigned", "clients.unassigned"]


def test_several_people_look_after_one_client_and_each_ends_by_itself(database: Database, world: World) -> None:
    with office(database, world.firm, world.administrator) as scope:
        for user in (world.staff, world.reader):
            assignments.assign(scope, [world.client.id], user.id)
        assert [care.person for care in assignments.cared_for(scope)] == ["Jan De Smet", "Karin Wouters"]
        assert assignments.cared_for_by_nobody(scope) == []
    with office(database, world.firm, world.administrator) as scope:
        assert assignments.unassign(scope, [world.client.id], world.reader.id) == 1
    with office(database, world.firm, world.administrator) as scope:
        assert [care.person for care in assignments.cared_for(scope)] == ["Karin Wouters"]
        assert assignments.unassign(scope, [world.client.id], None) == 1
    with office(database, world.firm, world.administrator) as scope:
        assert assignments.cared_for(scope) == []
        assert [name for _, name in assignments.cared_for_by_nobody(scope)] == [world.client.name]


def test_what_somebody_sees_is_said_by_who_looks_after_the_team(database: Database, world: World) -> None:
    limit(database, world.firm, world.reader)
    with office(database, world.firm, world.staff, "staff") as scope:
        with pytest.raises(Forbidden):
            assignments.assign(scope, [world.client.id], world.reader.id)
        with pytest.raises(Forbidden):
            assignments.give_for_a_time(
                scope, [world.client.id], world.reader.id, clock.now() + timedelta(days=1), "Holiday"
            )
    with office(database, world.firm, world.administrator) as scope:
        assert assignments.assign(scope, [world.client.id], world.reader.id) == 1
    with office(database, world.firm, world.staff, "staff") as scope, pytest.raises(Forbidden):
        assignments.unassign(scope, [world.client.id], world.reader.id)


def test_a_reader_of_the_firm_notes_nothing(database: Database, world: World) -> None:
    with office(database, world.firm, world.reader, "reader") as scope, pytest.raises(Forbidden):
        assignments.assign(scope, [world.client.id], world.reader.id)


@pytest.mark.parametrize(
    ("days", "reason", "code"),
    [(1, "  ", "assignment.reason_empty"), (-1, "Holiday", "assignment.end"), (93, "Holiday", "assignment.end")],
)
def test_access_for_a_time_needs_a_reason_and_an_end_soon(
    database: Database, world: World, days: int, reason: str, code: str
) -> None:
    limit(database, world.firm, world.staff)
    ends_at = clock.now() + timedelta(days=days)
    with office(database, world.firm, world.administrator) as scope, pytest.raises(Invalid) as refused:
        assignments.give_for_a_time(scope, [world.client.id], world.staff.id, ends_at, reason)
    assert refused.value.code == code


def test_access_for_a_time_is_for_who_does_not_have_it(database: Database, world: World) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    with office(database, world.firm, world.administrator) as scope, pytest.raises(Conflict) as refused:
        assignments.give_for_a_time(scope, [world.client.id], world.staff.id, tomorrow, "Holiday")
    assert refused.value.code == "assignment.sees_all"
    limit(database, world.firm, world.staff)
    with office(database, world.firm, world.administrator) as scope:
        assignments.assign(scope, [world.client.id], world.staff.id)
        with pytest.raises(Conflict) as refused:
            assignments.give_for_a_time(scope, [world.client.id], world.staff.id, tomorrow, "Holiday")
    assert refused.value.code == "assignment.has_already"


def test_at_its_end_it_is_over_by_itself_and_then_written_down_once(database: Database, world: World) -> None:
    limit(database, world.firm, world.staff)
    with office(database, world.firm, world.administrator) as scope:
        ends_at = clock.now() + timedelta(days=1)
        assert assignments.give_for_a_time(scope, [world.client.id], world.staff.id, ends_at, "Holiday") == 1
        [care] = assignments.cared_for(scope)
        assert (care.reason, care.ends_at) == ("Holiday", ends_at)
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        session.execute(
            text("UPDATE assignment_periods SET starts_at = now() - interval '2 h', ends_at = now() - interval '1 s'")
        )
    with office(database, world.firm, world.administrator) as scope:
        assert assignments.cared_for(scope) == []
        assert scope.session.scalars(text("SELECT id FROM assignments")).all() == []
        assert "assignment.ended" not in tags(scope)
    assert assignments.tell_ended(database) >= 1
    assignments.tell_ended(database)
    with office(database, world.firm, world.administrator) as scope:
        assert tags(scope).count("assignment.ended") == 1
        assert len(scope.session.scalars(select(Assignment)).all()) == 1  # what was, is kept


def test_until_further_notice_takes_the_place_of_a_time(database: Database, world: World) -> None:
    limit(database, world.firm, world.staff)
    with office(database, world.firm, world.administrator) as scope:
        tomorrow = clock.now() + timedelta(days=1)
        assignments.give_for_a_time(scope, [world.client.id], world.staff.id, tomorrow, "Holiday")
        assert assignments.assign(scope, [world.client.id], world.staff.id) == 1
        [care] = assignments.cared_for(scope)
        assert care.ends_at is None


def test_an_administrator_is_never_limited_and_who_becomes_one_no_more(database: Database, world: World) -> None:
    with office(database, world.firm, world.administrator) as scope:
        assert assignments.limit_firm(scope, True) == 2
        by_name = {member.name: member for member in tenants.members(scope)}
        assert {name for name, member in by_name.items() if member.assigned_only} == {"Karin Wouters", "Jan De Smet"}
        with pytest.raises(Conflict) as refused:
            assignments.limit_person(scope, by_name["Nadia El Amrani"].membership_id, True)
        assert refused.value.code == "assignment.administrator"
        tenants.change_role(scope, by_name["Karin Wouters"].membership_id, "administrator")
        added = tenants.add_member(scope, world.stranger.email, "staff")
        assert added.assigned_only
        assert {m.name for m in tenants.members(scope) if m.assigned_only} == {"Jan De Smet", "Iris Vreemd"}
        assert not assignments.limit_person(scope, by_name["Jan De Smet"].membership_id, False).assigned_only
    with office(database, world.firm, world.staff, "staff") as scope, pytest.raises(Forbidden):
        assignments.limit_firm(scope, False)
