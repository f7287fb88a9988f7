"""What the code should have refused, the database refuses: roles that do not exist, and other tenants' people."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError

from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.tenants.models import Grant, Membership
from tests import factories as make


@pytest.mark.parametrize("role", ["", "superuser", "Administrator"])
def test_a_role_that_nothing_is_said_of_cannot_be_given(database: Database, role: str) -> None:
    firm, person = make.make_tenant(database, "portal", "Firm"), make.make_user(database)
    row = Membership(tenant_id=firm.id, user_id=person.id, role=role, created_at=clock.now())
    with (
        pytest.raises(IntegrityError, match="ck_memberships_role"),
        database.scoped(Setting(tenant=firm.id)) as session,
    ):
        session.add(row)


def test_a_grant_never_makes_an_owner(database: Database) -> None:
    account = make.make_tenant(database, "client", "Account")
    row = Grant(tenant_id=account.id, email="x@example.com", role="owner", state="pending", created_at=clock.now())
    with pytest.raises(IntegrityError, match="ck_grants_role"), database.scoped(Setting(tenant=account.id)) as session:
        session.add(row)


def test_nobody_joins_a_firm_from_another_one(database: Database) -> None:
    firm, other = (make.make_tenant(database, "portal", name) for name in ("Firm", "Other"))
    row = Membership(tenant_id=firm.id, user_id=make.make_user(database).id, role="reader", created_at=clock.now())
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        database.scoped(Setting(tenant=other.id)) as session,
    ):
        session.add(row)
