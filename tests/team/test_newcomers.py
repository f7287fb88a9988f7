"""Client accounts that a firm makes: checked, made once, and seen by who made them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from portal.access import Scope
from portal.activity.models import Activity
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid
from portal.team import newcomer_lists, newcomers
from portal.tenants import assignments
from portal.tenants.models import Grant, Management, Membership, Tenant
from portal.tenants.service import Details
from tests import factories as make
from tests.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


@contextmanager
def office(db: Database, firm: Tenant, user: User, role: str = "staff") -> Iterator[Scope]:
    with db.scoped(Setting(tenant=firm.id, portal=firm.id, user=user.id)) as session:
        yield make.scope_in(session, firm, role, user)


def numbers(count: int) -> list[str]:
    """Belgian enterprise numbers that nobody else in the tests has."""
    start = uuid.uuid4().int % 80_000
    return [make.kbo(start + 500_000 + n) for n in range(count)]


def test_each_row_tells_what_is_wrong_with_it(database: Database, world: World) -> None:
    one, two = numbers(2)
    rows = [
        (2, Details("Good", "kbo", one)),
        (3, Details("", "kbo", two)),
        (4, Details("Twice", "kbo", one)),
        (5, Details("Wrong", "kbo", one[:-1] + str((int(one[-1]) + 1) % 10))),
        (6, Details("Nowhere", "", "123")),
        (7, Details("Mail", "siren", "732829320", billing_email="no mail")),
        (8, Details("Known", "kbo", world.client.enterprise_number)),
    ]
    with office(database, world.firm, world.staff) as scope:
        found = newcomers.checked(scope, rows)
        assert [[problem.code for problem in one.problems] for one in found] == [
            [], ["name.empty"], ["newcomer.twice"], ["enterprise_number.check"], ["enterprise_number.scheme"],
            ["email.invalid"], [],
        ]  # fmt: skip
        assert found[2].problems[0].values == {"row": 2}
        assert (found[6].known, found[6].is_new) == (world.client.name, False)
        with pytest.raises(Invalid) as refused:
            newcomer_lists.submit(scope, found)
        assert (refused.value.code, refused.value.values) == ("newcomers.wrong", {"count": 5})


def test_the_client_of_another_firm_is_not_told(database: Database, world: World) -> None:
    with office(database, world.firm, world.staff) as scope:
        [found] = newcomers.checked(scope, [(1, Details("Same", "kbo", world.other_client.enterprise_number))])
        assert found.is_new


def test_what_is_made_is_managed_by_the_firm_and_open_to_it(database: Database, world: World) -> None:
    [number] = numbers(1)
    with office(database, world.firm, world.staff) as scope:
        details = Details(" Bakkerij ", "kbo", number, "Markt 1", "2800", "Mechelen")
        made = newcomers.make_one(scope, details)
        assert scope.session.info["setting"].tenant == world.firm.id
    with database.scoped(Setting(tenant=made)) as session:
        tenant = session.get_one(Tenant, made)
        assert (tenant.name, tenant.country, tenant.vat_number, tenant.city) == (
            "Bakkerij", "BE", f"BE{number}", "Mechelen",
        )  # fmt: skip
        [grant] = session.scalars(select(Grant)).all()
        assert (grant.portal_id, grant.role, grant.state) == (world.firm.id, "editor", "active")
        [managed] = session.scalars(select(Management)).all()
        assert (managed.portal_id, managed.stops_on) == (world.firm.id, None)
        assert session.scalars(select(Membership)).all() == []
        tags = session.scalars(select(Activity.tag).order_by(Activity.seq)).all()
        assert tags == ["client.made"]
    with office(database, world.firm, world.administrator, "administrator") as scope:
        assert made in {client_id for client_id, _ in assignments.cared_for_by_nobody(scope)}


def test_who_sees_assigned_clients_alone_sees_what_they_made(database: Database, world: World) -> None:
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        row = session.scalars(select(Membership).where(Membership.user_id == world.staff.id)).one()
        row.assigned_only = True
    with office(database, world.firm, world.staff) as scope:
        made = newcomers.make_one(scope, Details("Mine", "kbo", numbers(1)[0]))
    with office(database, world.firm, world.staff) as scope:
        assert [care.client_id for care in assignments.cared_for(scope)] == [made]


def test_a_firm_without_a_proved_address_makes_none(database: Database, world: World) -> None:
    firm = make.make_tenant(
        database, "portal", "Unproved", members={world.staff: "staff"}, email_verified_at=None,
        email=f"{uuid.uuid4().hex}@example.com",
    )  # fmt: skip
    one = Details("X", "kbo", numbers(1)[0])
    with office(database, firm, world.staff) as scope:
        with pytest.raises(Conflict, match=r"portal\.email_unverified"):
            newcomers.make_one(scope, one)
        with pytest.raises(Conflict, match=r"portal\.email_unverified"):
            newcomer_lists.submit(scope, newcomers.checked(scope, [(1, one)]))
