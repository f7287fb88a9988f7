"""People of an account: added, changed, let go."""

from __future__ import annotations

import threading

import pytest

from portal.identity import sessions
from portal.kernel.db import Database
from portal.kernel.errors import Conflict, Invalid
from portal.tenants import service as tenants
from tests import factories as make
from tests.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def test_a_colleague_is_added_by_a_proved_address(database: Database, world: World) -> None:
    with database.scoped() as session:
        scope = make.scope_in(session, world.firm, "administrator", world.administrator)
        tenants.add_member(scope, world.stranger.email, "staff")
        assert world.stranger.id in {m.user_id for m in tenants.members(scope)}
        with pytest.raises(Invalid, match="already"):
            tenants.add_member(scope, world.stranger.email, "staff")
        with pytest.raises(Invalid, match="unknown"):
            tenants.add_member(scope, "nobody-here@example.com", "staff")
        with pytest.raises(Invalid, match="role"):
            tenants.add_member(scope, world.former.email, "owner")


def test_who_is_let_go_is_out_at_the_next_request(database: Database, world: World) -> None:
    with database.scoped() as session:
        token = sessions.start(session, world.staff, second_factor=True)
    with database.scoped() as session:
        scope = make.scope_in(session, world.firm, "administrator", world.administrator)
        mine = next(m for m in tenants.members(scope) if m.user_id == world.staff.id)
        tenants.end_membership(scope, mine.membership_id)
    with database.scoped() as session:
        for tenant in (world.firm, world.client):
            entered = sessions.enter(session, token, tenant.id)
            assert entered is not None
            assert entered.role is None


def test_the_last_administrator_stays_even_when_two_go_at_once(database: Database, world: World) -> None:
    with database.scoped() as session:
        scope = make.scope_in(session, world.firm, "administrator", world.administrator)
        second = tenants.add_member(scope, world.stranger.email, "administrator").id
        first = next(m.membership_id for m in tenants.members(scope) if m.user_id == world.administrator.id)
    results: list[str] = []

    def leave(membership: object) -> None:
        try:
            with database.scoped() as session:
                tenants.end_membership(make.scope_in(session, world.firm, "administrator"), str(membership))
            results.append("gone")
        except Conflict:
            results.append("stays")

    threads = [threading.Thread(target=leave, args=(m,)) for m in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["gone", "stays"]
