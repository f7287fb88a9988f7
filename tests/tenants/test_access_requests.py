"""A firm asks; only the person who was asked sees it and decides."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.identity import sessions
from portal.identity.models import User
from portal.kernel.db import Database, Setting, set_scope
from portal.kernel.errors import NotFound
from portal.kernel.vault import Vault
from portal.tenants import grants
from portal.tenants.models import AccessRequest, Tenant
from tests import factories as make
from tests.world import World, make_world

BASE = "http://portal.test"


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def ask(database: Database, vault: Vault, firm: Tenant, by: User, email: str) -> AccessRequest:
    with database.scoped() as session:
        scope = make.scope_in(session, firm, "staff", by)
        return grants.request_access(
            scope, vault, email=email, role="editor", message="", locale="nl-BE", base_url=BASE
        )


def seen_by(database: Database, user: User) -> set[object]:
    with database.scoped(Setting(user=user.id)) as session:
        return {row.id for row in grants.requests_for(session, session.get_one(User, user.id))}


def test_only_the_asked_person_sees_it(database: Database, vault: Vault, world: World) -> None:
    row = ask(database, vault, world.rival, world.rival_staff, world.owner.email)
    assert row.id in seen_by(database, world.owner)
    assert row.id not in seen_by(database, world.editor)
    assert row.id not in seen_by(database, world.staff)
    with database.scoped(Setting(user=world.stranger.id)) as session:
        assert session.scalars(select(AccessRequest).where(AccessRequest.id == row.id)).all() == []


def test_an_unproved_address_sees_nothing(database: Database, vault: Vault, world: World) -> None:
    pretender = make.make_user(database, "Nep", verified=False)
    row = ask(database, vault, world.rival, world.rival_staff, pretender.email)
    assert row.id not in seen_by(database, pretender)


def decide(database: Database, vault: Vault, client: Tenant, user: User, row: AccessRequest, yes: bool) -> None:
    with database.scoped() as session:
        scope = make.scope_in(session, client, "owner", user)
        set_scope(session, Setting(tenant=client.id, user=user.id))
        grants.decide_request(scope, vault, row.id, grant=yes, base_url=BASE)


def test_yes_gives_the_grant_and_no_gives_nothing(database: Database, vault: Vault, world: World) -> None:
    token = _token(database, world.rival_staff)
    first = ask(database, vault, world.rival, world.rival_staff, world.owner.email)
    decide(database, vault, world.client, world.owner, first, False)
    assert not _enters(database, token, world.client)
    second = ask(database, vault, world.rival, world.rival_staff, world.owner.email)
    decide(database, vault, world.client, world.owner, second, True)
    assert _enters(database, token, world.client)
    assert seen_by(database, world.owner) == set()


def test_nobody_else_decides(database: Database, vault: Vault, world: World) -> None:
    row = ask(database, vault, world.rival, world.rival_staff, world.owner.email)
    with pytest.raises(NotFound):
        decide(database, vault, world.other_client, world.editor, row, True)


def _token(database: Database, user: User) -> str:
    with database.scoped() as session:
        return sessions.start(session, user, second_factor=True)


def _enters(database: Database, token: str, tenant: Tenant) -> bool:
    with database.scoped() as session:
        entered = sessions.enter(session, token, tenant.id)
        return entered is not None and entered.role is not None
