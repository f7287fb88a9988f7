"""A client account moves from one firm to another: what ends, what stays, and that nothing is sent twice."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select, text

from portal.access import Scope
from portal.couplings.models import Configuration, Coupling
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.sync.models import Posting
from portal.team import moves
from portal.tenants.models import Grant
from tests import factories as make
from tests.furnish import furnish_client
from tests.world import World, make_world

BASE = "https://portal.example"


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    made = make_world(database)
    furnish_client(database, vault, made.client, made.firm, make.make_user(database))
    return made


@contextmanager
def account(db: Database, world: World, user: User) -> Iterator[Scope]:
    with db.scoped(Setting(tenant=world.client.id, user=user.id)) as session:
        yield make.scope_in(session, world.client, "owner", user)


def grant_of(scope: Scope, world: World) -> uuid.UUID:
    return scope.session.scalars(select(Grant.id).where(Grant.portal_id == world.firm.id)).one()


def rival_email(world: World) -> str:
    assert world.rival.email is not None
    return world.rival.email


def test_what_would_change_is_told_and_nothing_changes(database: Database, world: World) -> None:
    with account(database, world, world.owner) as scope:
        planned = moves.plan(scope, grant_of(scope, world), rival_email(world).upper())
        assert (planned.old_name, planned.in_already, len(planned.couplings)) == (world.firm.name, False, 1)
        assert planned.email == rival_email(world)
        assert scope.session.scalars(select(Coupling.state)).all() == ["active"]


def test_the_old_firm_is_out_the_new_one_in_and_history_stays(database: Database, vault: Vault, world: World) -> None:
    with account(database, world, world.owner) as scope:
        before = {row.id: row.state for row in scope.session.scalars(select(Posting))}
        entries = len(scope.session.scalars(select(Entry)).all())
        done = moves.carry_out(scope, vault, grant_of(scope, world), rival_email(world), BASE)
        assert len(done.couplings) == 1
    with account(database, world, world.owner) as scope:
        states = {row.portal_id: row.state for row in scope.session.scalars(select(Grant)) if row.portal_id}
        assert (states[world.firm.id], states[world.rival.id]) == ("withdrawn", "active")
        assert scope.session.scalars(select(Coupling.state)).all() == ["ended"]
        assert "active" not in set(scope.session.scalars(select(Configuration.state)))
        assert {row.id: row.state for row in scope.session.scalars(select(Posting))} == before
        assert len(scope.session.scalars(select(Entry)).all()) == entries
        may = text("SELECT may_use_authorisation(:client, :firm)")
        asked = {"client": world.client.id, "firm": world.firm.id}
        assert scope.session.scalar(may, asked) is False
    with database.scoped(Setting(tenant=world.firm.id, portal=world.firm.id)) as session:
        assert session.scalars(text("SELECT app_clients()")).all() == []
    with database.scoped(Setting(tenant=world.rival.id, portal=world.rival.id)) as session:
        assert world.client.id in session.scalars(text("SELECT app_clients()")).all()


def test_a_firm_that_is_in_already_keeps_the_access_it_has(database: Database, vault: Vault, world: World) -> None:
    make.make_grant(database, world.client, world.rival, "reader")
    with account(database, world, world.owner) as scope:
        moves.carry_out(scope, vault, grant_of(scope, world), rival_email(world), BASE)
        living = scope.session.scalars(select(Grant).where(Grant.portal_id == world.rival.id)).all()
        assert [(row.role, row.state) for row in living] == [("reader", "active")]


def test_what_cannot_be_is_refused_with_its_reason(database: Database, vault: Vault, world: World) -> None:
    with account(database, world, world.owner) as scope:
        grant_id = grant_of(scope, world)
        for email, code in (("nobody@example.com", "move.unknown_firm"), (world.firm.email, "move.same_firm")):
            with pytest.raises(Invalid) as refused:
                moves.plan(scope, grant_id, email or "")
            assert refused.value.code == code
        moves.carry_out(scope, vault, grant_id, rival_email(world), BASE)
        with pytest.raises(Conflict) as gone:
            moves.carry_out(scope, vault, grant_id, rival_email(world), BASE)
        assert gone.value.code == "grant.not_living"
        with pytest.raises(NotFound):
            moves.plan(scope, uuid.uuid4(), rival_email(world))
