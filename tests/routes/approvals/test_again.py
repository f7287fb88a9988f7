"""What waits is withdrawn and started again: the form it came from opens as it was filled in."""

from __future__ import annotations

import html
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from portal.approvals.models import Policy, Task
from portal.approvals.registry import kinds
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.permissions.models import AccountGroup, JobRoleRow
from portal.routes._again import WAYS
from portal.sync.going_live import LIVE
from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.approvals.test_overwrite import colleague, submit
from tests.routes.approvals.test_rules import firm_of, post, task_of
from tests.routes.conftest import Client, SignIn
from tests.routes.couplings.conftest import Firm, bank, firm, provider
from tests.routes.people.test_pages import Place, place

__all__ = ["bank", "colleague", "firm", "place", "provider"]


def ask_for_approval(place: Place, *names: str) -> None:
    """From now on; a second head is there to give it."""
    boss = make.make_user(place.database, "Karin Wouters", locale="en-GB")
    make.make_member(place.database, place.tenant, boss, "administrator" if "/p/" in place.home else "owner")
    with place.database.scoped(Setting(tenant=place.tenant.id)) as session:
        session.add_all(
            Policy(tenant_id=place.tenant.id, kind=name, approvals=1, changed_at=clock.now()) for name in names
        )


def waiting(db: Database, tenant: Tenant) -> Task:
    with db.scoped(Setting(tenant=tenant.id)) as session:
        return session.scalars(select(Task).where(Task.tenant_id == tenant.id, Task.state == "waiting")).one()


def again(place: Place) -> str:
    """Withdraw what waits, and the page that opens."""
    task = waiting(place.database, place.tenant)
    base = f"/p/{place.tenant.id}" if "/p/" in place.home else f"/c/{place.tenant.id}"
    shown = html.unescape(place.browser.get(f"{base}/approvals/{task.id}").text)
    assert "Withdraw and start again" in shown
    sent = place.browser.post(f"{base}/approvals/{task.id}/again")
    assert sent.status_code == 303
    with place.database.scoped(Setting(tenant=place.tenant.id)) as session:
        assert session.get_one(Task, (place.tenant.id, task.id)).state == "withdrawn"
    answer = place.browser.get(sent.location)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def is_ticked(page: str, name: str, value: object) -> bool:
    [box] = re.findall(rf'<input[^>]*name="{name}"[^>]*value="{value}"[^>]*>', page)
    return " checked" in box


def of(place: Place, model: type[Any]) -> uuid.UUID:
    with place.database.scoped(Setting(tenant=place.tenant.id)) as session:
        found: uuid.UUID = session.scalars(select(model.id).where(model.tenant_id == place.tenant.id)).one()
        return found


def test_every_kind_leads_somewhere() -> None:
    assert set(WAYS) | {LIVE} == set(kinds())  # going live is a button beside the list of tasks


def test_an_account_group_that_was_to_be_made(place: Place) -> None:
    ask_for_approval(place, "account_group.created")
    value = f"{place.account.tenant_id}:{place.account.id}"
    place.browser.post(f"{place.home}/groups/new", data={"name": "Shops", "account": value, "shown": value})
    page = again(place)
    assert 'value="Shops"' in page
    assert is_ticked(page, "account", value)


def test_an_account_group_that_was_to_be_changed(place: Place) -> None:
    value = f"{place.account.tenant_id}:{place.account.id}"
    place.browser.post(f"{place.home}/groups/new", data={"name": "Shops", "account": value, "shown": value})
    ask_for_approval(place, "account_group.changed")
    group = of(place, AccountGroup)
    place.browser.post(f"{place.home}/groups/{group}", data={"name": "Stores", "shown": value})
    page = again(place)
    assert 'value="Stores"' in page
    assert not is_ticked(page, "account", value)
    assert 'value="Shops"' in place.browser.get(f"{place.home}/groups/{group}").text  # as it is, without the address


def test_a_job_role_that_was_to_be_made_and_its_rights_that_were_to_change(place: Place) -> None:
    ask_for_approval(place, "job_role.created", "permission.changed", "job_role.changed")
    place.browser.post(f"{place.home}/roles/new", data={"name": "Payments", "right": ["statements:view"]})
    page = again(place)
    assert 'value="Payments"' in page
    assert is_ticked(page, "right", "statements:view")
    make_role(place, "Clerks")
    role = of(place, JobRoleRow)
    place.browser.post(f"{place.home}/roles/{role}/rights", data={"right": ["entries:view"]})
    assert is_ticked(again(place), "right", "entries:view")
    place.browser.post(f"{place.home}/roles/{role}/name", data={"name": "Typists"})
    assert 'value="Typists"' in again(place)


def make_role(place: Place, name: str) -> None:
    with place.database.scoped(Setting(tenant=place.tenant.id)) as session:
        session.add(JobRoleRow(tenant_id=place.tenant.id, name=name, created_at=clock.now(), changed_at=clock.now()))


def test_a_person_who_was_to_be_let_in_or_changed(place: Place) -> None:
    ask_for_approval(place, "member.added", "member.role")
    email = f"{uuid.uuid4().hex}@example.com"
    place.browser.post(f"{place.home}/invite", data={"email": email, "name": "Sofie Maes", "role": "reader"})
    page = again(place)
    assert f'value="{email}"' in page
    assert 'value="Sofie Maes"' in page
    assert re.search(r'<option[^>]*selected[^>]*value="reader"|value="reader"[^>]*(checked|selected)', page)
    place.browser.post(f"{place.home}/person/{place.other_membership.id}", data={"role": "reader"})
    assert re.search(r'<option[^>]*selected[^>]*value="reader"|value="reader"[^>]*(checked|selected)', again(place))


def test_only_who_made_it_and_only_once_withdrawn(place: Place, sign_in: SignIn) -> None:
    ask_for_approval(place, "account_group.created")
    place.browser.post(f"{place.home}/groups/new", data={"name": "Secret name"})
    task = waiting(place.database, place.tenant)
    form = f"{place.home}/groups/new?again={task.id}"
    assert "Secret name" not in place.browser.get(form).text
    again(place)
    assert 'value="Secret name"' in place.browser.get(form).text
    boss = make.make_user(place.database, "Another", locale="en-GB")
    make.make_member(place.database, place.tenant, boss, "administrator" if "/p/" in place.home else "owner")
    assert "Secret name" not in sign_in(boss).get(form).text
    for nonsense in ("x", str(uuid.uuid4())):
        assert place.browser.get(f"{place.home}/groups/new?again={nonsense}").status_code == 200


def test_another_number_of_approvals(database: Database, sign_in: SignIn) -> None:
    tenant, (first, second) = firm_of(database, 2)
    browser: Client = sign_in(first)
    assert post(browser, tenant, 1) == 303
    assert post(browser, tenant, 0) == 303
    task = task_of(database, tenant)
    assert sign_in(second).post(f"{task}/again").status_code == 403  # who did not make it does not withdraw it
    sent = browser.post(f"{task}/again")
    page = browser.get(sent.location).text
    assert "1 kind of task waits for approval" in page
    [row] = re.findall(r'name="kind" value="member.role".*?</select>', page, re.DOTALL)
    assert 'value="0" selected' in row


def test_a_coupling_that_was_to_be_replaced(firm: Firm, colleague: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 15, 10, tzinfo=UTC))
    task = submit(firm)
    shown = html.unescape(firm.browser.get(task).text)
    assert "You can change dossier while it waits" in shown
    sent = firm.browser.post(f"{task}/again")
    assert "dossier=2" in sent.location
    page = firm.browser.get(sent.location)
    assert page.status_code == 200
    assert re.search(r'value="2"[^>]*checked|checked[^>]*value="2"', page.text)
