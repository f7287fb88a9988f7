"""An owner who reads English, in the client account of the cast."""

from __future__ import annotations

import pytest

from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.tenants.models import Membership
from tests import factories as make
from tests.connectors.files.invoice_documents import Side
from tests.routes.conftest import Client, SignIn
from tests.world import World


@pytest.fixture
def owner(database: Database, world: World, sign_in: SignIn) -> Client:
    user = make.make_user(database, "Claire Delmotte", locale="en-GB")
    with database.scoped(Setting(tenant=world.client.id)) as session:
        session.add(Membership(tenant_id=world.client.id, user_id=user.id, role="owner", created_at=clock.now()))
    return sign_in(user)


@pytest.fixture
def us(world: World) -> Side:
    """The client as its documents call it."""
    return Side(world.client.name, "BE", f"BE{world.client.enterprise_number}", world.client.enterprise_number)
