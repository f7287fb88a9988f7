"""From rehearsal to real: only once nothing goes to a stand-in any more."""

from __future__ import annotations

import html

from sqlalchemy import update

from portal.approvals.models import Policy
from portal.authorisations.models import Authorisation
from portal.feeds.models import Feed
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn

END = "This account is real from now on."


def rehearsing(database: Database, sign_in: SignIn) -> tuple[Tenant, Client]:
    owner, other = make.make_user(database, "Owner", locale="en-GB"), make.make_user(database, "Other")
    members = {owner: "owner", other: "owner"}
    return make.make_tenant(database, "client", "Bakery", members=members, rehearsal=True), sign_in(owner)


def switch(browser: Client, tenant: Tenant) -> str:
    answer = browser.post(f"/c/{tenant.id}/approvals/live")
    assert answer.status_code == 303
    return html.unescape(browser.get(answer.location).text)


def test_an_account_without_stand_ins_is_switched(database: Database, sign_in: SignIn) -> None:
    tenant, browser = rehearsing(database, sign_in)
    assert "Rehearsal: a simulated" in browser.get(f"/c/{tenant.id}/approvals").text
    page = switch(browser, tenant)
    assert END in page
    assert "Rehearsal: a simulated" not in page
    assert "it is real already" in switch(browser, tenant)


def test_a_bank_that_is_made_up_ends_first(database: Database, sign_in: SignIn) -> None:
    tenant, browser = rehearsing(database, sign_in)
    now = clock.now()
    with database.scoped(Setting(tenant=tenant.id)) as session:
        session.add(
            Feed(tenant_id=tenant.id, id=uuid7(), provider="saltedge", environment="live", sandbox=True,
                 institution="fake", institution_name="Fake Bank", country="BE", state="connected", state_since=now,
                 created_at=now)
        )  # fmt: skip
    assert "Fake Bank is linked at a made-up bank." in switch(browser, tenant)
    with database.scoped(Setting(tenant=tenant.id)) as session:
        session.execute(update(Feed).where(Feed.tenant_id == tenant.id).values(state="revoked"))
    assert END in switch(browser, tenant)


def test_a_coupling_at_a_test_environment_is_replaced_first(database: Database, vault: Vault, sign_in: SignIn) -> None:
    tenant, browser = rehearsing(database, sign_in)
    login = make.make_authorisation(database, vault, tenant)
    make.make_coupling(database, tenant, login, number="77")
    with database.scoped(Setting(tenant=tenant.id)) as session:
        session.get_one(Authorisation, (tenant.id, login.id)).environment = "sandbox"
    assert "Dossier 77 is reached at a stand-in" in switch(browser, tenant)


def test_it_waits_where_somebody_else_must_agree(database: Database, sign_in: SignIn) -> None:
    tenant, browser = rehearsing(database, sign_in)
    with database.scoped(Setting(tenant=tenant.id)) as session:
        session.add(Policy(tenant_id=tenant.id, kind="tenant.live", approvals=1, changed_at=clock.now()))
    assert "Submitted, waits for approval by Other." in switch(browser, tenant)
    with database.scoped(Setting(tenant=tenant.id)) as session:
        assert session.get_one(Tenant, tenant.id).rehearsal
