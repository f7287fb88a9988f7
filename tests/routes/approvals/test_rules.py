"""How many must agree: set at once when it is more, approved itself when it is fewer."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from portal.approvals.models import Policy, Task
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.tenants.models import Membership, Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn


def firm_of(database: Database, people: int) -> tuple[Tenant, list[User]]:
    heads = [make.make_user(database, f"Head {number}", locale="en-GB") for number in range(people)]
    return make.make_tenant(database, "portal", "Firm", members=dict.fromkeys(heads, "administrator")), heads


def post(browser: Client, tenant: Tenant, approvals: int, kind: str = "member.role", above: str = "") -> int:
    answer = browser.post(
        f"/p/{tenant.id}/approvals/rules", data={"kind": kind, "approvals": str(approvals), "above": above}
    )
    return answer.status_code


def rule(database: Database, tenant: Tenant, kind: str = "member.role") -> Policy | None:
    with database.scoped(Setting(tenant=tenant.id)) as session:
        return session.get(Policy, (tenant.id, kind))


def task_of(database: Database, tenant: Tenant) -> str:
    with database.scoped(Setting(tenant=tenant.id)) as session:
        found = session.scalars(select(Task.id).where(Task.tenant_id == tenant.id, Task.state == "waiting")).one()
        return f"/p/{tenant.id}/approvals/{found}"


def test_more_counts_at_once_and_fewer_waits_for_as_many_as_now(database: Database, sign_in: SignIn) -> None:
    tenant, (first, second) = firm_of(database, 2)
    browser, other = sign_in(first), sign_in(second)
    assert post(browser, tenant, 1) == 303
    assert "1 kind of task waits for approval" in browser.get(f"/p/{tenant.id}/approvals/rules").text
    assert post(browser, tenant, 0) == 303
    row = rule(database, tenant)
    assert row is not None
    assert row.approvals == 1
    task = task_of(database, tenant)
    page = other.get(task).text
    seen = dict(re.findall(r'name="(version|sha256)" value="([^"]+)"', page))
    assert other.post(f"{task}/decide", data=seen | {"verdict": "approve"}).status_code == 303
    row = rule(database, tenant)
    assert row is not None
    assert row.approvals == 0


def test_a_number_that_nobody_could_reach_is_refused(database: Database, sign_in: SignIn) -> None:
    tenant, heads = firm_of(database, 2)
    browser = sign_in(heads[0])
    assert post(browser, tenant, 2) == 409
    assert post(browser, tenant, 4) == 422
    assert rule(database, tenant) is None


def test_a_larger_amount_asks_for_less_and_so_waits_too(database: Database, sign_in: SignIn) -> None:
    tenant, heads = firm_of(database, 2)
    browser = sign_in(heads[0])
    assert post(browser, tenant, 1, "entry.send", "1000") == 303
    assert post(browser, tenant, 1, "entry.send", "500,50") == 303
    row = rule(database, tenant, "entry.send")
    assert row is not None
    assert str(row.above) == "500.50"
    assert post(browser, tenant, 1, "entry.send", "2000") == 303
    assert str(getattr(rule(database, tenant, "entry.send"), "above", "")) == "500.50"


def test_nonsense_changes_nothing(database: Database, sign_in: SignIn) -> None:
    tenant, heads = firm_of(database, 2)
    browser = sign_in(heads[0])
    assert post(browser, tenant, 1, "no.such") == 404
    assert post(browser, tenant, 1, "entry.send", "a lot") == 422
    assert post(browser, tenant, 1, "entry.send", "-5") == 422
    assert post(browser, tenant, 1, "member.role", "5") == 422


def test_staff_neither_see_nor_set_it(database: Database, sign_in: SignIn) -> None:
    tenant, _heads = firm_of(database, 2)
    user = make.make_user(database, "Staff")
    with database.scoped(Setting(tenant=tenant.id)) as session:
        session.add(Membership(tenant_id=tenant.id, user_id=user.id, role="staff", created_at=clock.now()))
    browser = sign_in(user)
    assert browser.get(f"/p/{tenant.id}/approvals/rules").status_code == 403
    assert post(browser, tenant, 1) == 403


@pytest.mark.parametrize("above", ["NaN", "sNaN", "Infinity", "-1", "1e999999999", "1e25", "1000000000000000"])
def test_an_amount_that_is_none_is_refused_with_a_word(database: Database, sign_in: SignIn, above: str) -> None:
    tenant, heads = firm_of(database, 3)
    assert post(sign_in(heads[0]), tenant, 1, "entry.send", above) == 422
    assert rule(database, tenant, "entry.send") is None


def test_an_amount_of_nought_in_place_of_every_amount_is_a_lower_rule(database: Database, sign_in: SignIn) -> None:
    tenant, heads = firm_of(database, 3)
    browser = sign_in(heads[0])
    assert post(browser, tenant, 1, "entry.send") == 303
    assert post(browser, tenant, 1, "entry.send", "0") == 303
    assert task_of(database, tenant)
    row = rule(database, tenant, "entry.send")
    assert row is not None
    assert row.above is None
