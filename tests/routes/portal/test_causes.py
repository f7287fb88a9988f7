"""What the firm's board says of a log-in that stopped clients: whose it is, and whether it works again."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import update

from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.sync.models import Standing
from portal.sync.standing import refresh_standing
from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import words


@pytest.fixture
def staff(database: Database) -> User:
    return make.make_user(database, "Karin Wouters", locale="en-GB")


@pytest.fixture
def firm(database: Database, staff: User) -> Tenant:
    return make.make_tenant(database, "portal", "Peeters Lambrechts", members={staff: "staff"})


def stopped(
    database: Database, vault: Vault, firm: Tenant, holder: Tenant | None, code: str
) -> tuple[Tenant, uuid.UUID]:
    """A client whose last run failed with `code`, through a log-in of `holder` (None: its own) that works now."""
    client = make.make_tenant(database, "client", "Drukkerij Ingels")
    make.make_grant(database, client, firm)
    authorisation = make.make_authorisation(database, vault, holder or client)
    make.make_coupling(database, client, authorisation)
    with database.scoped(Setting(tenant=client.id)) as session:
        refresh_standing(session, client.id)
        session.execute(update(Standing).where(Standing.tenant_id == client.id).values(state="stopped", code=code))
    return client, authorisation.id


def test_a_clients_own_log_in_is_the_clients_to_mend(
    sign_in: SignIn, database: Database, vault: Vault, firm: Tenant, staff: User
) -> None:
    client, authorisation = stopped(database, vault, firm, None, "authorisation.needs_consent")
    html = sign_in(staff).get(f"/p/{firm.id}/").text
    assert "The client's own log-in: log-in at the package lapsed." in words(html).replace("&#39;", "'")
    assert "None" not in words(html)
    assert f"/authorisations/{authorisation}" not in html
    assert f'<a class="btn btn-primary" href="/c/{client.id}/">Show</a>' in html


def test_a_log_in_that_works_again_is_not_to_be_connected_again(
    sign_in: SignIn, database: Database, vault: Vault, firm: Tenant, staff: User
) -> None:
    client, authorisation = stopped(database, vault, firm, firm, "authorisation.token_expired")
    html = sign_in(staff).get(f"/p/{firm.id}/").text
    assert "coupling is being tried again" in words(html)
    assert "Reconnect" not in words(html)
    assert f"/authorisations/{authorisation}" not in html
    assert f'<a class="btn btn-primary" href="/c/{client.id}/">Synchronise now</a>' in html
