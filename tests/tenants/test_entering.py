"""Going from a firm into its client accounts and back."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.access import Permission, Right, Scope
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Forbidden
from portal.permissions.deciding import JobRole
from portal.tenants.entering import inside, writable_clients
from portal.tenants.models import Grant, Tenant
from tests import factories as make
from tests.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


@pytest.fixture
def setting(world: World) -> Setting:
    return Setting(tenant=world.firm.id, portal=world.firm.id, user=world.staff.id)


def test_what_limits_a_person_in_the_portal_limits_them_inside(
    database: Database, world: World, setting: Setting
) -> None:
    drafts = JobRole({Permission.ENTRIES: frozenset({Right.VIEW})})
    with database.scoped(setting) as session:
        plain = make.scope_in(session, world.firm, "", world.staff)
        limited = replace(plain, role="custom", job_roles=(drafts,), accounts=frozenset({uuid.uuid4()}))
        with inside(limited, world.client.id) as client:
            assert (client.kind, client.tenant_id, client.portal_id) == ("client", world.client.id, world.firm.id)
            assert client.may(Permission.ENTRIES, Right.VIEW)
            assert not client.may(Permission.ENTRIES, Right.APPROVE)
            with pytest.raises(Forbidden):
                client.require_every_account()


def test_what_was_begun_before_is_kept_and_the_session_comes_back_also_after_a_failure(
    database: Database, world: World, setting: Setting
) -> None:
    with database.scoped(setting) as session:
        scope = make.scope_in(session, world.firm, "staff", world.staff)
        firm = session.scalars(select(Tenant).where(Tenant.id == world.firm.id)).one()
        firm.city = "Lier"
        before, seen = session.info["setting"], []

        def fail() -> None:
            with inside(scope, world.client.id):
                seen.append(session.info["setting"])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert seen == [Setting(world.client.id, via=world.firm.id, user=world.staff.id)]
        assert (session.info["setting"], firm.city) == (before, "Lier")


@pytest.mark.parametrize(("changes", "writable"), [
    ({}, True), ({"role": "reader"}, False), ({"state": "withdrawn"}, False),
    ({"ends_on": clock.today()}, True), ({"ends_on": clock.today() - timedelta(1)}, False),
])  # fmt: skip
def test_only_who_lets_the_firm_do_more_than_read_today_is_writable(
    database: Database, world: World, setting: Setting, changes: dict[str, object], writable: bool
) -> None:
    with database.scoped(Setting(tenant=world.client.id)) as session:
        grant = session.scalars(select(Grant).where(Grant.portal_id == world.firm.id)).one()
        for name, value in changes.items():
            setattr(grant, name, value)
    with database.scoped(setting) as session:
        scope: Scope = make.scope_in(session, world.firm, "staff", world.staff)
        asked = {world.client.id, world.other_client.id}
        assert writable_clients(scope, asked) == ({world.client.id} if writable else set())
