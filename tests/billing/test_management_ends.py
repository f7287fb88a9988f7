"""Every way in which a firm loses a client account that it manages ends its bill on the right day."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text, update

from portal.access import Scope
from portal.activity.models import Activity
from portal.archives import erasing
from portal.billing import facts
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.team import moves, takeovers
from portal.tenants import grants
from portal.tenants.models import Grant, Management, Takeover, Tenant
from tests import factories as make
from tests.billing.office import Office
from tests.conftest import Urls

BASE = "https://portal.example"
BEGAN = timedelta(days=40)


@pytest.fixture
def firm(office: Office) -> Tenant:
    return office.firm()


@pytest.fixture
def client(office: Office, firm: Tenant) -> Tenant:
    return office.client(firm, "Bakkerij", clock.today() - BEGAN)


def billed_until(office: Office, firm: Tenant) -> date | None:
    """The first day on which the client account counts no longer; None while it goes on."""
    tomorrow = clock.today() + timedelta(days=30)
    with office.inside(firm) as scope:
        found = facts.facts_until(scope, clock.today() - timedelta(days=90), tomorrow)
    assert len(found) == 1
    return None if found[0].stops_on == tomorrow else found[0].stops_on


def grant_of(db: Database, client: Tenant, firm: Tenant) -> uuid.UUID:
    with db.scoped(Setting(tenant=client.id)) as session:
        return session.scalars(select(Grant.id).where(Grant.portal_id == firm.id)).one()


def tags(db: Database, client: Tenant) -> list[str]:
    with db.scoped(Setting(tenant=client.id)) as session:
        return list(
            session.scalars(select(Activity.tag).where(Activity.tag.like("management.%")).order_by(Activity.seq))
        )


def test_a_withdrawn_grant_ends_it_today(office: Office, database: Database, firm: Tenant, client: Tenant) -> None:
    assert billed_until(office, firm) is None
    with database.scoped(Setting(tenant=client.id)) as session:
        grants.withdraw_access(Scope.system(session, client.id), grant_of(database, client, firm))
    assert billed_until(office, firm) == clock.today()
    assert tags(database, client) == ["management.begun", "management.ended"]


def test_a_grant_with_a_last_day_ends_it_on_the_day_after_whenever_that_is_noticed(
    office: Office, database: Database, firm: Tenant, client: Tenant
) -> None:
    grant_id, last = grant_of(database, client, firm), clock.today() - timedelta(days=3)
    with database.scoped(Setting(tenant=client.id)) as session:
        session.execute(update(Grant).where(Grant.id == grant_id).values(ends_on=last))
        grants.end_grant(Scope.system(session, client.id), grant_id)
    assert billed_until(office, firm) == last + timedelta(days=1)
    assert tags(database, client) == ["management.begun", "management.ended"]


def test_a_move_ends_it_today(office: Office, database: Database, vault: Vault, firm: Tenant, client: Tenant) -> None:
    other = office.firm("Other firm")
    assert other.email
    with database.scoped(Setting(tenant=client.id)) as session:
        moves.carry_out(Scope.system(session, client.id), vault, grant_of(database, client, firm), other.email, BASE)
    assert billed_until(office, firm) == clock.today()
    assert tags(database, client) == ["management.begun", "management.ended"]


def test_the_owner_who_takes_over_ends_it_today_and_the_firm_stays(
    office: Office, database: Database, firm: Tenant, client: Tenant
) -> None:
    owner, now = make.make_user(database, "Claire Delmotte"), clock.now()
    with database.scoped(Setting(tenant=client.id)) as session:
        asked = Takeover(
            tenant_id=client.id, email=owner.email, client_name=client.name, firm_name=firm.name, state="asked",
            asked_at=now, ends_at=now + timedelta(days=30),
        )  # fmt: skip
        session.add(asked)
    with database.scoped(Setting(user=owner.id)) as session:
        takeovers.decide(session, owner, asked.id, yes=True)
    assert billed_until(office, firm) == clock.today()
    with database.scoped(Setting(tenant=firm.id, portal=firm.id)) as session:
        assert session.scalars(text("SELECT app_clients()")).all() == [client.id]


def erase(db: Database, urls: Urls, home: Path, tenant: Tenant) -> None:
    """As when its thirty days are over."""
    with db.scoped() as session:
        scope = Scope.system(session, tenant.id, tenant.kind)
        scope.tenant_name = tenant.name
        row = erasing.ask(scope, tenant.name)
    with psycopg.connect(urls.admin, autocommit=True) as admin:
        admin.execute("UPDATE erasures SET due_at = now() - interval '1 minute' WHERE id = %s", (row.id,))
    assert erasing.erase(db, home, tenant.id, row.id)


def test_a_firm_that_is_deleted_manages_nothing_and_is_billed_no_more(
    office: Office, database: Database, database_urls: Urls, tmp_path: Path, firm: Tenant, client: Tenant
) -> None:
    month = clock.today().replace(day=1)
    bill = text("SELECT portals_to_bill(:month, 100000)")
    with database.scoped() as session:
        assert firm.id in session.scalars(bill, {"month": month}).all()
    erase(database, database_urls, tmp_path, firm)
    with database.scoped(Setting(tenant=client.id)) as session:
        assert session.scalars(select(Management.stops_on)).all() == [clock.today()]
    assert tags(database, client) == ["management.begun", "management.ended"]
    with database.scoped() as session:
        assert firm.id not in session.scalars(bill, {"month": month}).all()


def test_a_client_account_that_is_deleted_is_billed_no_more(
    office: Office, database: Database, database_urls: Urls, tmp_path: Path, firm: Tenant, client: Tenant
) -> None:
    erase(database, database_urls, tmp_path, client)
    with office.inside(firm) as scope:
        assert facts.facts_until(scope, clock.today() - BEGAN, clock.today() + BEGAN) == []


def test_a_firm_that_is_let_in_by_another_grant_goes_on(
    office: Office, database: Database, firm: Tenant, client: Tenant
) -> None:
    grant_id = grant_of(database, client, firm)
    with database.scoped(Setting(tenant=client.id)) as session:
        session.add(
            Grant(tenant_id=client.id, email="second@example.com", role="reader", state="active", portal_id=firm.id,
                  created_at=clock.now(), activated_at=clock.now())
        )  # fmt: skip
    with database.scoped(Setting(tenant=client.id)) as session:
        grants.withdraw_access(Scope.system(session, client.id), grant_id)
    assert billed_until(office, firm) is None


@pytest.mark.parametrize("change", ["state = 'withdrawn'", "state = 'ended', portal_id = NULL"])
def test_the_database_ends_it_for_whatever_else_ends_a_grant(
    office: Office, database: Database, firm: Tenant, client: Tenant, change: str
) -> None:
    grant_id = grant_of(database, client, firm)
    with database.scoped(Setting(tenant=client.id)) as session:
        session.execute(text(f"UPDATE grants SET {change} WHERE id = :id"), {"id": grant_id})  # noqa: S608 - from above
    assert billed_until(office, firm) == clock.today()


def test_the_database_knows_the_last_day_of_a_grant(
    office: Office, database: Database, firm: Tenant, client: Tenant
) -> None:
    last = clock.today() - timedelta(days=5)
    with database.scoped(Setting(tenant=client.id)) as session:
        session.execute(text("UPDATE grants SET ends_on = :last"), {"last": last})
    with database.scoped(Setting(tenant=client.id)) as session:
        session.execute(text("UPDATE grants SET state = 'ended'"))
    assert billed_until(office, firm) == last + timedelta(days=1)
