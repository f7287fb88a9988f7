"""Which app may touch which client account: ticked by people, asked by the engine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from portal.access import Actor, Scope
from portal.activity import service as activity
from portal.kernel.db import Database, Setting, set_scope
from portal.kernel.errors import Conflict, NotFound
from portal.store import service as store
from tests import factories as make
from tests.world import World, make_world


@pytest.fixture(scope="module")
def world(database: Database) -> World:
    return make_world(database)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """Rolled back afterwards."""
    with database.session() as session:
        yield session
        session.rollback()


def firm(session: Session, world: World) -> Scope:
    return make.scope_in(session, world.firm, "administrator", world.administrator)


def inside(session: Session, world: World) -> Scope:
    """As the firm's staff in its client's account."""
    set_scope(session, Setting(world.client.id, via=world.firm.id, user=world.staff.id))
    actor = Actor(world.staff.id, world.staff.name, world.firm.id)
    return Scope(session, world.client.id, "client", "editor", actor)


def allowed(scope: Scope, world: World, client: uuid.UUID | None = None, app: str = "exact") -> bool:
    return store.may_use(scope, client or world.client.id, world.firm.id, app)


def test_what_is_not_ticked_may_not_be_used(session: Session, world: World) -> None:
    scope = firm(session, world)
    store.install(scope, "exact")
    assert not allowed(scope, world)
    assert store.set_access(scope, "exact", [world.client.id]) == store.Changed(1, 0)
    assert allowed(scope, world)
    assert not allowed(scope, world, app="odoo")
    assert store.set_access(scope, "exact", [world.client.id]) == store.Changed(0, 0)
    assert store.set_access(scope, "exact", [], [world.client.id]) == store.Changed(0, 1)
    assert not allowed(scope, world)


def test_only_clients_that_let_the_firm_in_are_ticked(session: Session, world: World) -> None:
    scope = firm(session, world)
    store.install(scope, "exact")
    assert store.set_access(scope, "exact", [world.other_client.id, world.shut_client.id]) == store.Changed(0, 0)
    assert store.accesses(scope, "exact") == {}


def test_a_tick_needs_an_installed_app(session: Session, world: World) -> None:
    with pytest.raises(Conflict) as refused:
        store.set_access(firm(session, world), "xero", [world.client.id])
    assert refused.value.code == "app.not_installed"
    with pytest.raises(NotFound):
        store.install(firm(session, world), "nonesuch")


def test_installing_twice_is_installing_once(session: Session, world: World) -> None:
    scope = firm(session, world)
    assert store.install(scope, "odoo").id == store.install(scope, "odoo").id


def test_closing_takes_every_tick_and_a_new_installation_begins_without(session: Session, world: World) -> None:
    scope = firm(session, world)
    store.install(scope, "exact")
    store.set_access(scope, "exact", [world.client.id])
    store.close(scope, "exact")
    assert not allowed(scope, world)
    store.install(scope, "exact")
    assert not allowed(scope, world)
    assert [row.tag for row in activity.timeline(scope, limit=4)] == [
        "app.installed", "app.uninstalled", "app.access_changed", "app.installed",
    ]  # fmt: skip


def test_coupling_ticks_what_nobody_decided_and_nothing_else(session: Session, world: World) -> None:
    store.install(firm(session, world), "exact")
    session.flush()
    store.let_in(inside(session, world), world.firm.id, "exact")
    assert allowed(firm(session, world), world)
    store.set_access(firm(session, world), "exact", [], [world.client.id])
    with pytest.raises(Conflict) as refused:
        store.let_in(inside(session, world), world.firm.id, "exact")
    assert refused.value.code == "app.access_off"


def test_nobody_ticks_for_a_firm_that_does_not_act(session: Session, world: World) -> None:
    scope = make.scope_in(session, world.client, "owner", world.owner)
    with pytest.raises(Conflict):
        store.let_in(scope, world.firm.id, "exact")
    with pytest.raises(Conflict):
        store.let_in(inside(session, world), world.rival.id, "exact")


def test_a_client_uses_its_own_installation_without_a_tick(session: Session, world: World) -> None:
    scope = make.scope_in(session, world.client, "owner", world.owner)
    assert not store.may_use(scope, world.client.id, world.client.id, "exact")
    store.install(scope, "exact")
    session.flush()
    assert store.may_use(scope, world.client.id, world.client.id, "exact")


def test_a_rival_sees_nothing_of_it(session: Session, world: World) -> None:
    scope = firm(session, world)
    store.install(scope, "exact")
    store.set_access(scope, "exact", [world.client.id])
    session.flush()
    rival = make.scope_in(session, world.rival, "staff", world.rival_staff)
    assert store.installations(rival) == {}
    assert store.accesses(rival, "exact") == {}


def test_what_is_on_offer_to_a_client_is_its_own_and_its_firm_s_unless_unticked(session: Session, world: World) -> None:
    store.install(firm(session, world), "exact")
    store.install(firm(session, world), "xero")
    store.set_access(firm(session, world), "xero", [world.client.id])
    store.set_access(firm(session, world), "xero", [], [world.client.id])
    store.install(make.scope_in(session, world.client, "owner", world.owner), "odoo")
    session.flush()
    assert store.on_offer(inside(session, world)) == {"exact", "odoo"}
    assert store.on_offer(make.scope_in(session, world.client, "owner", world.owner)) == {"odoo"}
