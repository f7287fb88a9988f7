"""Access management: letting in, and putting out, and what that does at the same moment elsewhere."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.identity import sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.mail import Mail
from portal.kernel.vault import Vault
from portal.tenants import grants
from portal.tenants import service as tenants
from portal.tenants.models import Grant, Tenant
from portal.tenants.service import Details
from tests import factories as make
from tests.world import World, make_world

BASE = "http://portal.test"


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def token_of(database: Database, user: User) -> str:
    with database.scoped() as session:
        return sessions.start(session, user, second_factor=True)


def role_in(database: Database, token: str, tenant: Tenant) -> str | None:
    with database.scoped() as session:
        entered = sessions.enter(session, token, tenant.id)
        assert entered is not None
        return entered.role


def give(database: Database, vault: Vault, client: Tenant, owner: User, email: str, **more: object) -> Grant:
    with database.scoped() as session:
        scope = make.scope_in(session, client, "owner", owner)
        values = {"role": "editor", "ends_on": None, "base_url": BASE} | more
        return grants.grant_access(scope, vault, email=email, **values)  # type: ignore[arg-type]  # as listed above


def test_naming_a_portal_lets_its_people_in_at_once(database: Database, vault: Vault, world: World) -> None:
    token = token_of(database, world.rival_staff)
    assert role_in(database, token, world.client) is None
    assert world.rival.email
    grant = give(database, vault, world.client, world.owner, world.rival.email.upper())
    assert (grant.state, grant.portal_id) == ("active", world.rival.id)
    assert role_in(database, token, world.client) == "staff"


def test_withdrawing_cuts_at_the_next_look(database: Database, vault: Vault, world: World) -> None:
    token = token_of(database, world.staff)
    assert role_in(database, token, world.client) == "staff"
    with database.scoped() as session:
        scope = make.scope_in(session, world.client, "owner", world.owner)
        grant = session.scalars(select(Grant).where(Grant.portal_id == world.firm.id)).one()
        grants.withdraw_access(scope, grant.id)
    assert role_in(database, token, world.client) is None
    with database.scoped(Setting(tenant=world.firm.id, portal=world.firm.id)) as session:
        assert world.client.id not in session.scalars(select(Tenant.id)).all()


def test_a_withdrawn_grant_cannot_be_withdrawn_again_and_can_be_given_anew(
    database: Database, vault: Vault, world: World
) -> None:
    assert world.rival.email
    grant = give(database, vault, world.client, world.owner, world.rival.email)
    with database.scoped() as session:
        grants.withdraw_access(make.scope_in(session, world.client, "owner", world.owner), grant.id)
    with pytest.raises(Conflict), database.scoped() as session:
        grants.withdraw_access(make.scope_in(session, world.client, "owner", world.owner), grant.id)
    assert give(database, vault, world.client, world.owner, world.rival.email).state == "active"


def test_an_unknown_address_waits_until_it_is_proved(database: Database, vault: Vault, world: World) -> None:
    email = f"new{secrets.token_hex(4)}@example.com"
    assert give(database, vault, world.client, world.owner, email).state == "pending"
    newcomer = make.make_user(database, "Nieuw", email=email, verified=False)
    token = token_of(database, newcomer)
    assert role_in(database, token, world.client) is None
    with database.scoped() as session:
        session.get_one(User, newcomer.id).email_verified_at = clock.now()
        session.flush()
        assert grants.activate_waiting(session, user_id=newcomer.id) == [world.client.id]
    assert role_in(database, token, world.client) == "editor"


def test_a_new_portal_finds_the_clients_that_waited_for_it(database: Database, vault: Vault, world: World) -> None:
    email = f"firm{secrets.token_hex(4)}@example.com"
    give(database, vault, world.client, world.owner, email)
    boss = make.make_user(database, "Baas", email=email)
    with database.scoped() as session:
        details = Details("Nieuw kantoor", "kbo", make.kbo(7))
        scope = tenants.create_portal(session, vault, boss, details, email, BASE)
    with database.scoped(Setting(tenant=scope.tenant_id, portal=scope.tenant_id)) as session:
        assert set(session.scalars(select(Tenant.id))) == {scope.tenant_id, world.client.id}


def test_an_address_proved_by_another_portal_is_refused(database: Database, vault: Vault, world: World) -> None:
    assert world.rival.email
    thief = make.make_user(database, "Dief", email=world.rival.email)
    details = Details("Kaper", "kbo", make.kbo(8))
    with pytest.raises(Conflict, match=r"portal\.email_taken"), database.scoped() as session:
        tenants.create_portal(session, vault, thief, details, world.rival.email, BASE)


def test_access_ends_after_its_last_day(database: Database, vault: Vault, world: World) -> None:
    token = token_of(database, world.rival_staff)
    assert world.rival.email
    grant = give(database, vault, world.client, world.owner, world.rival.email, ends_on=clock.today())
    assert role_in(database, token, world.client) == "staff"
    with database.scoped(Setting(tenant=world.client.id)) as session:
        session.get_one(Grant, (world.client.id, grant.id)).ends_on = clock.today() - timedelta(days=1)
    assert role_in(database, token, world.client) is None
    with database.scoped() as session:
        scope = make.scope_in(session, world.client)
        grants.end_grant(scope, grant.id)
        assert scope.get(Grant, grant.id).state == "ended"


def test_a_last_day_in_the_past_and_a_second_grant_are_refused(database: Database, vault: Vault, world: World) -> None:
    email = f"x{secrets.token_hex(4)}@example.com"
    with pytest.raises(Invalid, match="past"):
        give(database, vault, world.client, world.owner, email, ends_on=clock.today() - timedelta(days=1))
    give(database, vault, world.client, world.owner, email)
    with pytest.raises(Invalid, match="already"):
        give(database, vault, world.client, world.owner, email)


def test_a_grant_of_another_client_is_not_there(database: Database, world: World) -> None:
    with database.scoped(Setting(tenant=world.other_client.id)) as session:
        other = session.scalars(select(Grant)).one()
    with pytest.raises(NotFound), database.scoped() as session:
        grants.withdraw_access(make.scope_in(session, world.client, "owner", world.owner), other.id)


def test_a_weak_grant_or_a_weak_role_makes_a_reader(database: Database, vault: Vault, world: World) -> None:
    from portal.access import role_in_client

    assert role_in_client("staff", "editor") == "editor"
    assert role_in_client("administrator", "reader") == role_in_client("reader", "editor") == "reader"


def test_both_sides_hear_of_a_grant_by_mail(database: Database, vault: Vault, world: World) -> None:
    email = f"hear{secrets.token_hex(4)}@example.com"
    give(database, vault, world.client, world.owner, email)
    with database.scoped() as session:
        assert session.scalars(select(Mail.template).where(Mail.to_email == email)).all() == ["grant_waiting"]


def test_a_closed_session_and_a_disabled_user_are_nobody(database: Database, world: World) -> None:
    token = token_of(database, world.staff)
    with database.scoped() as session:
        session.get_one(User, world.staff.id).disabled_at = clock.now()
    with database.scoped() as session:
        assert sessions.enter(session, token, world.client.id) is None
