"""Four eyes: one replaces a coupling, and it waits until the other approves it in her inbox."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from portal.authorisations.models import Authorisation
from portal.demo import cast
from portal.kernel.db import Setting, uuid7
from portal.tenants.models import Tenant
from tests import factories as make
from tests.browser.examine import examine
from tests.browser.stack import Stack
from tests.browser.windows import Windows

KARIN = cast.STAFF[1]


@dataclass(frozen=True)
class Coupled:
    """A client account of its own, coupled to a dossier of the firm; `number` is one that it could go to instead."""

    client: uuid.UUID
    name: str
    number: str
    code: str


@pytest.fixture
def coupled(product: Stack) -> Coupled:
    database, name = product.made.database, f"Drukkerij {uuid7().hex[-6:]} BV"
    tenant_id, login = product.scene.open_another(name), product.scene.logins["main"]
    free = (
        "authorisation_id = %s AND status = 'active' AND gone_at IS NULL"
        " AND code NOT IN (SELECT dossier_code FROM couplings)"
    )
    code, number = (
        product.value(f"SELECT {column} FROM dossiers WHERE {free} ORDER BY code LIMIT 1", login)  # noqa: S608 - ours
        for column in ("code", "number")
    )
    with database.session(Setting(tenant=tenant_id)) as session:
        client = session.get_one(Tenant, tenant_id)
    with database.session(Setting(tenant=product.scene.firm)) as session:
        make.make_coupling(database, client, session.get_one(Authorisation, (product.scene.firm, login)))
    return Coupled(tenant_id, name, number, code)


def ask_for_one(page: Page, coupled: Coupled) -> None:
    """The owner wants a second person for it."""
    page.goto(f"/c/{coupled.client}/approvals")
    page.get_by_role("link", name="Who must agree").click()
    assert examine(page) == []
    row = page.get_by_role("row", name="Replacing a coupling")
    row.get_by_role("combobox").select_option("1")
    row.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 kind of task waits for approval")


def replace(page: Page, coupled: Coupled, login: uuid.UUID) -> None:
    page.goto(f"/c/{coupled.client}/couplings/activate/exact/dossier?authorisation={login}&q={coupled.number}")
    page.locator(f"input[name=dossier][value='{coupled.code}']").check()
    page.get_by_role("button", name="Keep and go on").click()
    page.get_by_label("I see what is replaced").check()
    page.get_by_role("button", name="Keep and go on").click()
    page.get_by_role("link", name="Configure later").click()
    page.get_by_role("button", name="Replace the coupling").click()
    expect(page.locator("main")).to_contain_text("Submitted, waits for approval by")
    expect(page.locator("main")).to_contain_text(KARIN.name)


def test_what_one_replaces_waits_for_the_other(product: Stack, windows: Windows, coupled: Coupled) -> None:
    scene = product.scene
    ask_for_one(windows.open(cast.OWNERS[0].email), coupled)
    mine = windows.open(scene.head)
    replace(mine, coupled, scene.logins["main"])
    mine.get_by_role("link", name="Look at the task").click()
    expect(mine.locator("main")).to_contain_text("You made or changed this task, so others decide.")
    expect(mine.get_by_role("button", name="Approve")).to_have_count(0)
    assert examine(mine) == []

    hers = windows.open(KARIN.email)
    hers.goto(f"/p/{scene.firm}/")
    menu = hers.get_by_role("navigation", name="Main menu").get_by_role("link", name="Approvals")
    expect(menu).to_contain_text("1")
    menu.click()
    expect(hers.get_by_role("heading", level=1)).to_have_text("1 task waits for your decision")
    assert examine(hers) == []
    hers.get_by_role("row", name=coupled.name).get_by_role("link").click()
    expect(hers.locator("main")).to_contain_text(coupled.number)
    assert examine(hers) == []
    hers.get_by_role("button", name="Approve").click()
    expect(hers.locator("main")).to_contain_text("Approved and carried out.")
    expect(hers.locator("main")).to_contain_text(f"Carried out after approval by {KARIN.name}")
    assert examine(hers) == []

    mine.goto(f"/c/{coupled.client}/couplings")
    expect(mine.locator("main")).to_contain_text(coupled.number)
    active = "SELECT dossier_code FROM couplings WHERE tenant_id = %s AND state = 'active'"
    assert product.value(active, coupled.client) == coupled.code
