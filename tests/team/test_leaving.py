"""A colleague leaves: everything that hangs on this person is told, handed over, and then it ends at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.access import Scope
from portal.apikeys.models import ApiKey
from portal.authorisations.models import Authorisation, Credential
from portal.feeds.models import CalendarLink
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from portal.kernel.vault import Vault
from portal.team import leaving
from portal.tenants import assignments
from portal.tenants.models import Membership, Tenant
from tests import factories as make
from tests.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


@contextmanager
def office(db: Database, firm: Tenant, user: User, role: str = "administrator") -> Iterator[Scope]:
    with db.scoped(Setting(tenant=firm.id, portal=firm.id, user=user.id)) as session:
        yield make.scope_in(session, firm, role, user)


def place_of(db: Database, firm: Tenant, user: User) -> uuid.UUID:
    with db.scoped(Setting(tenant=firm.id)) as session:
        return session.scalars(
            select(Membership.id).where(Membership.user_id == user.id, Membership.ended_at.is_(None))
        ).one()


@pytest.fixture
def logins(database: Database, vault: Vault, world: World) -> dict[str, Authorisation]:
    staff, head = world.staff, world.administrator
    return {
        name: make.make_authorisation(database, vault, world.firm, access="a", refresh="r", name=name, **more)
        for name, more in {
            "owned": {"owner_id": staff.id, "deputy_id": world.reader.id, "remote_email": staff.email.upper()},
            "helped": {"owner_id": head.id, "deputy_id": staff.id, "remote_email": "office@example.com"},
            "other": {"owner_id": head.id, "remote_user_name": staff.name},
        }.items()
    }


def test_all_that_hangs_on_a_person_is_told(database: Database, world: World, logins: dict[str, Authorisation]) -> None:
    make.make_coupling(database, world.client, logins["owned"])
    now = clock.now()
    with database.scoped(Setting(tenant=world.client.id)) as session:
        for name, revoked in (("till", None), ("old till", now)):
            session.add(ApiKey(tenant_id=world.client.id, name=name, prefix="kp", key_hash=uuid.uuid4().bytes,
                               created_at=now, created_by=world.staff.id, revoked_at=revoked))  # fmt: skip
    with database.scoped(Setting(tenant=world.other_client.id)) as session:
        session.add(ApiKey(tenant_id=world.other_client.id, name="elsewhere", prefix="kp", created_at=now,
                           key_hash=uuid.uuid4().bytes, created_by=world.staff.id))  # fmt: skip
    with database.scoped() as session:
        sessions.start(session, world.staff)
    with office(database, world.firm, world.administrator) as scope:
        assignments.assign(scope, [world.client.id], world.staff.id)
        found = leaving.look(scope, place_of(database, world.firm, world.staff))
        assert [(one.authorisation.name, one.is_owner, one.own_login, one.couplings) for one in found.held] == [
            ("helped", False, False, 0), ("owned", True, True, 1),
        ]  # fmt: skip
        assert [key.name for key in found.keys] == ["till"]
        assert [care.client_id for care in found.clients] == [world.client.id]
        assert (found.sessions, found.tasks, found.has_calendar) == (1, 0, False)


def test_the_next_heartbeat_is_at_half_of_what_the_provider_allows(
    database: Database, world: World, logins: dict[str, Authorisation]
) -> None:
    with office(database, world.firm, world.administrator) as scope:
        row = scope.session.get_one(Credential, (world.firm.id, logins["owned"].id))
        row.received_at = clock.now()
        row.refresh_expires_at = row.received_at + timedelta(days=30)
        found = leaving.look(scope, place_of(database, world.firm, world.staff))
        assert found.owned[0].next_use == row.received_at + timedelta(days=15)
        row.not_before = row.received_at + timedelta(days=16)
        assert leaving.look(scope, found.person.membership_id).owned[0].next_use == row.not_before


def test_it_is_handed_over_and_then_it_ends_at_once(
    database: Database, world: World, logins: dict[str, Authorisation]
) -> None:
    place = place_of(database, world.firm, world.staff)
    with database.scoped() as session:
        token = sessions.start(session, world.staff, second_factor=True)
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        session.add(CalendarLink(tenant_id=world.firm.id, user_id=world.staff.id, token_hash=b"x" * 32,
                                 created_at=clock.now()))  # fmt: skip
    with office(database, world.firm, world.administrator) as scope:
        assignments.assign(scope, [world.client.id], world.staff.id)
        owners = {logins["owned"].id: world.reader.id}
        left = leaving.leave(scope, place, owners, world.administrator.id)
        assert (left.name, left.authorisations, left.clients) == ("Karin Wouters", 1, 1)
    with database.scoped() as session:
        assert sessions.enter(session, token, world.firm.id) is None
    with office(database, world.firm, world.administrator) as scope:
        people = {row.name: (row.owner_id, row.deputy_id) for row in scope.session.scalars(select(Authorisation))}
        assert people["owned"] == (world.reader.id, None)
        assert people["helped"] == (world.administrator.id, None)
        assert [care.user_id for care in assignments.cared_for(scope)] == [world.administrator.id]
        assert scope.session.scalars(select(CalendarLink)).one().revoked_at is not None
        with pytest.raises(NotFound):
            leaving.look(scope, place)


def test_without_a_new_owner_for_each_log_in_nothing_happens(
    database: Database, world: World, logins: dict[str, Authorisation]
) -> None:
    place = place_of(database, world.firm, world.staff)
    for successor in (None, world.staff.id, world.rival_staff.id):
        owners = {logins["owned"].id: successor} if successor else {}
        with office(database, world.firm, world.administrator) as scope:
            with pytest.raises(Invalid):
                leaving.leave(scope, place, owners, None)
            scope.session.rollback()
    assert place_of(database, world.firm, world.staff) == place


def test_neither_oneself_nor_without_the_right(database: Database, world: World) -> None:
    with office(database, world.firm, world.administrator) as scope:
        with pytest.raises(Conflict) as refused:
            leaving.leave(scope, place_of(database, world.firm, world.administrator), {}, None)
        assert refused.value.code == "leaving.self"
    with office(database, world.firm, world.staff, "staff") as scope, pytest.raises(Forbidden):
        leaving.look(scope, place_of(database, world.firm, world.reader))
