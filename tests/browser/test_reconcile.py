"""Ten lines reconciled without a mouse, and once more by buttons without script."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import pytest
from playwright.sync_api import Page, expect

from portal.kernel.db import Setting, uuid7
from portal.tenants.models import Tenant
from tests import factories as make
from tests.browser.examine import examine
from tests.browser.stack import Stack
from tests.browser.windows import Windows
from tests.reconciliation.conftest import Desk
from tests.sync.office import Office

DAY = date(2024, 3, 10)


@pytest.fixture
def desk(product: Stack) -> Desk:
    """A bank account of its own, in a client account of its own."""
    made, tenant_id = product.made, product.scene.open_another(f"Bakkerij {uuid7().hex[-6:]} BV")
    with made.database.session(Setting(tenant=tenant_id)) as session:
        client = session.get_one(Tenant, tenant_id)
    account = make.make_bank_account(made.database, client)
    nobody = cast(Any, None)  # no package is reached from here
    office = Office(made.database, made.vault, nobody, client, nobody, nobody, account, nobody, nobody)
    return Desk(office)


def lines_to_do(desk: Desk) -> None:
    """Eight that are certain, one with a choice, one without a document."""
    for number in range(8):
        desk.line(
            f"{100 + number}.50",
            DAY.replace(day=1 + number),
            reference=f"RF{number}",
            counterparty=f"Customer {number}",
        )
        desk.document(f"{100 + number}.50", payment_reference=f"RF{number}", party_name=f"Customer {number}",
                      party_key=f"kbo:{number}", number=f"A24-000{number}")  # fmt: skip
    desk.line("60.25", DAY.replace(day=9), counterparty="Bakery Jansen", description="")
    for name in ("J24-0001", "J24-0002"):
        desk.document("60.25", number=name, party_name="Bakery Jansen", party_key="kbo:77")
    desk.line("-3.50", DAY, counterparty="Charges", description="")


def address(desk: Desk) -> str:
    return f"/c/{desk.office.client.id}/reconcile?account={desk.office.account.id}"


def matched(page: Page, done: int) -> None:
    expect(page.locator("[data-line=done]")).to_have_count(done)


def test_ten_lines_by_keyboard(product: Stack, windows: Windows, desk: Desk) -> None:
    lines_to_do(desk)
    page = windows.open(product.scene.head)
    page.goto(address(desk))
    expect(page.get_by_role("heading", level=1)).to_have_text("10 of 10 to go")
    rows = page.locator("[data-line]")
    expect(rows.first).to_be_focused()
    assert examine(page) == []
    for number in range(7):
        page.keyboard.press("Enter")
        expect(rows.nth(number + 1)).to_be_focused()
        matched(page, number + 1)
    page.keyboard.press("u")
    matched(page, 6)
    expect(rows.nth(6)).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows.nth(7)).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows.nth(8)).to_be_focused()
    page.keyboard.press("2")
    expect(rows.nth(8).locator("input[type=radio]").nth(1)).to_be_checked()
    page.keyboard.press("Enter")
    matched(page, 9)
    expect(rows.nth(9)).to_be_focused()
    page.keyboard.press("s")
    matched(page, 10)
    assert examine(page) == []
    expect(page.get_by_role("heading", level=1)).to_have_text("10 of 10 lines reconciled")
    page.keyboard.press("k")
    expect(rows.nth(8)).to_be_focused()
    settled = product.value(
        "SELECT count(*) FROM matches WHERE tenant_id = %s AND undone_at IS NULL AND line_id IN"
        " (SELECT id FROM statement_lines WHERE bank_account_id = %s)",
        desk.office.client.id, desk.office.account.id,
    )  # fmt: skip
    assert settled == 10


def test_a_document_is_searched_by_key_and_matched(product: Stack, windows: Windows, desk: Desk) -> None:
    desk.line("250.00", counterparty="Unknown", description="")
    desk.document("400.00", number="Z24-0100", party_name="Studio Lumen", party_key="kbo:88")
    page = windows.open(product.scene.head)
    page.goto(address(desk))
    expect(page.locator("[data-line]").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("to match")
    expect(page.locator("[data-find]")).to_be_focused()
    page.keyboard.type("lumen")
    assert examine(page) == []
    box = page.get_by_label("Match Z24-0100")
    expect(page.locator("#documents tbody tr")).to_have_count(1)
    box.check()
    page.get_by_role("button", name="Match what is ticked").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 of 1 line reconciled")


def test_it_works_by_buttons_without_script(product: Stack, windows: Windows, desk: Desk) -> None:
    lines_to_do(desk)
    page = windows.open(product.scene.head, java_script_enabled=False)
    page.goto(address(desk))
    page.get_by_role("button", name="Accept 8 certain ones").click()
    expect(page.get_by_text("8 lines matched.")).to_be_visible()
    page.get_by_role("button", name="Leave on suspense Charges").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 of 10 to go")
    page.get_by_role("link", name="Reconciled").click()
    page.get_by_role("button", name="Undo Charges").click()
    matched(page, 8)
