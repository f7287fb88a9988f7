"""Two people at two screens: one replaces a coupling, the other approves it."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from portal.approvals.models import Policy, Task, Version
from portal.couplings.models import Configuration, Coupling
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.ledger.models import BankAccount
from portal.tenants.models import Grant, Membership
from tests import factories as make
from tests.routes.conftest import Client, SignIn
from tests.routes.couplings.conftest import Firm, bank, firm, provider
from tests.routes.couplings.test_activate import GOOD, answers, couplings

__all__ = ["bank", "firm", "provider"]
TWO = {"dossier": "2", "seen": "1"}


@pytest.fixture(autouse=True)
def _june(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 15, 10, tzinfo=UTC))


@pytest.fixture
def colleague(firm: Firm) -> User:
    """Somebody else of the same firm; from then on the firm asks for one approval."""
    user = make.make_user(firm.database, "Sofie Maes", locale="en-GB")
    with firm.database.scoped(Setting(tenant=firm.tenant.id)) as session:
        session.add(Membership(tenant_id=firm.tenant.id, user_id=user.id, role="staff", created_at=clock.now()))
        session.add(Policy(tenant_id=firm.tenant.id, kind="coupling.overwrite", approvals=1, changed_at=clock.now()))
    return user


def submit(firm: Firm, **more: str) -> str:
    """The address of the task."""
    firm.list_dossiers(firm.own(), firm.own("2"), firm.own("3"))
    assert firm.browser.post(firm.url("/activate/exact"), data=answers(firm, later="1")).status_code == 303
    wanted = answers(firm) | TWO | (more or {"later": "1"})
    assert firm.browser.post(firm.url("/activate/exact"), data=wanted).status_code == 303
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        task_id = session.scalars(select(Task.id).where(Task.tenant_id == firm.client.id)).one()
    return f"/c/{firm.client.id}/approvals/{task_id}"


def shown(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(version|sha256)" value="([^"]+)"', page))


def text_of(browser: Client, url: str) -> str:
    return html.unescape(browser.get(url).text)


def test_what_one_submits_waits_until_another_approves(firm: Firm, colleague: User, sign_in: SignIn) -> None:
    task = submit(firm)
    assert [row.state for row in couplings(firm)] == ["active"]
    assert "Submitted, waits for approval by Sofie Maes." in text_of(firm.browser, firm.url(""))
    assert "It waits for Sofie Maes; until then nothing changes." in text_of(firm.browser, firm.url(""))
    mine = text_of(firm.browser, task)
    assert "You made or changed this task, so others decide." in mine
    assert 'value="approve"' not in mine
    sofie = sign_in(colleague)
    inbox = text_of(sofie, f"/p/{firm.tenant.id}/approvals")
    assert "1 task waits for your decision" in inbox
    page = text_of(sofie, task)
    assert "<del>201 Boulangerie Delmotte SRL</del>" in page
    answer = sofie.post(f"{task}/decide", data=shown(page) | {"verdict": "approve"})
    assert answer.status_code == 303
    old, new = couplings(firm)
    assert (old.state, new.state, new.dossier_code, new.activated_by) == ("ended", "active", "2", firm.staff.id)
    done = text_of(sofie, task)
    assert "Carried out after approval by Sofie Maes" in done
    assert "Nothing waits for your decision" in text_of(sofie, f"/p/{firm.tenant.id}/approvals")


def test_the_configuration_goes_along_as_it_was_approved(
    firm: Firm, bank: BankAccount, colleague: User, sign_in: SignIn
) -> None:
    task = submit(firm, account=str(bank.id), **GOOD)
    sofie = sign_in(colleague)
    sofie.post(f"{task}/decide", data=shown(sofie.get(task).text) | {"verdict": "approve"})
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        row = session.scalars(select(Configuration)).one()
        coupling = session.scalars(select(Coupling).where(Coupling.state == "active")).one()
    assert (row.coupling_id, row.journal, row.bank_account_id) == (coupling.id, "20", bank.id)


def test_it_cannot_be_approved_by_who_submitted_it_whatever_is_posted(firm: Firm, colleague: User) -> None:
    task = submit(firm)
    page = firm.browser.get(task)
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        made = session.scalars(select(Version)).one()
    posted = {"version": "1", "sha256": made.sha256.hex(), "verdict": "approve"}
    answer = firm.browser.post(f"{task}/decide", data=posted)
    assert (page.status_code, answer.status_code) == (200, 403)
    assert "somebody else decides on it" in answer.text
    assert [row.state for row in couplings(firm)] == ["active"]


def test_an_edit_makes_the_other_look_again(firm: Firm, colleague: User, sign_in: SignIn) -> None:
    task = submit(firm)
    sofie = sign_in(colleague)
    before = shown(sofie.get(task).text)
    firm.browser.get(f"{task}/edit")
    saved = firm.browser.post(f"{task}/edit", data={"version": "1", "dossier": "3", "note": "the other one"})
    assert saved.status_code == 303
    stale = sofie.post(f"{task}/decide", data=before | {"verdict": "approve"})
    assert stale.status_code == 409
    assert "The task was changed after you opened it" in stale.text
    assert len(couplings(firm)) == 1
    now = sofie.get(task).text
    assert "the other one" in now
    sofie.post(f"{task}/decide", data=shown(now) | {"verdict": "approve"})
    assert couplings(firm)[-1].dossier_code == "3"


def test_refusing_needs_a_reason_and_leaves_all_as_it_is(firm: Firm, colleague: User, sign_in: SignIn) -> None:
    task = submit(firm)
    sofie = sign_in(colleague)
    seen = shown(sofie.get(task).text)
    assert sofie.post(f"{task}/decide", data=seen | {"verdict": "refuse", "reason": ""}).status_code == 422
    assert sofie.post(f"{task}/decide", data=seen | {"verdict": "refuse", "reason": "wrong year"}).status_code == 303
    assert "wrong year" in text_of(firm.browser, task)
    assert [row.state for row in couplings(firm)] == ["active"]


def test_when_the_firm_is_shut_out_meanwhile_nothing_is_done(firm: Firm, colleague: User, sign_in: SignIn) -> None:
    """The client's owner approves, but the firm that submitted it may no longer come in."""
    owner = make.make_user(firm.database, "Claire Delmotte", locale="en-GB")
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        session.add(Membership(tenant_id=firm.client.id, user_id=owner.id, role="owner", created_at=clock.now()))
    task = submit(firm)
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        session.scalars(select(Grant)).one().state = "withdrawn"
    claire = sign_in(owner)
    claire.post(f"{task}/decide", data=shown(claire.get(task).text) | {"verdict": "approve"})
    page = text_of(claire, task)
    assert "It was approved, but could not be carried out" in page
    assert "Karin Wouters, who submitted it, may no longer do this." in page
    assert [row.state for row in couplings(firm)] == ["active"]


def test_a_stranger_finds_nothing(firm: Firm, colleague: User, sign_in: SignIn) -> None:
    task = submit(firm)
    stranger = sign_in(make.make_user(firm.database, "Iris Vreemd"))
    assert stranger.get(task).status_code == 404
    assert stranger.post(f"{task}/decide", data={"verdict": "approve"}).status_code == 404
