from __future__ import annotations

import pytest

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.tenants.models import Membership
from tests import factories as make
from tests.reconciliation.conftest import Desk, open_desk
from tests.routes.conftest import Client, SignIn


@pytest.fixture
def desk(database: Database, vault: Vault) -> Desk:
    return open_desk(database, vault)


def member(database: Database, desk: Desk, role: str) -> User:
    user = make.make_user(database, "Claire Delmotte", locale="en-GB")
    tenant = desk.office.client.id
    with database.scoped(Setting(tenant=tenant)) as session:
        session.add(Membership(tenant_id=tenant, user_id=user.id, role=role, created_at=clock.now()))
    return user


@pytest.fixture
def client(database: Database, desk: Desk, sign_in: SignIn) -> Client:
    return sign_in(member(database, desk, "owner"))


@pytest.fixture
def reader(database: Database, desk: Desk, sign_in: SignIn) -> Client:
    return sign_in(member(database, desk, "reader"))


@pytest.fixture
def address(desk: Desk) -> str:
    return f"/c/{desk.office.client.id}/reconcile"
