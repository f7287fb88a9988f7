"""The store: an app is found, installed, ticked and uninstalled; defaults fill in and are overridden."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.examine import examine
from tests.browser.scene import BOOKED, WITHOUT_STATEMENTS
from tests.browser.stack import Stack
from tests.browser.windows import Windows

ALLOWED = "SELECT allowed FROM app_accesses WHERE tenant_id = %s AND client_id = %s AND app = %s"
COUPLING = "SELECT id FROM couplings WHERE tenant_id = %s AND state = 'active'"


def to_modules(page: Page, product: Stack) -> None:
    page.goto(f"/p/{product.scene.firm}/")
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Modules").click()


def test_an_app_is_found_installed_ticked_and_uninstalled(product: Stack, windows: Windows) -> None:
    page, client = windows.open(product.scene.head), product.scene.clients[BOOKED]
    to_modules(page, product)
    expect(page.get_by_role("heading", level=1)).to_contain_text("modules")
    page.wait_for_load_state()  # the search answers while one types once the scripts are there
    page.get_by_role("searchbox", name="Find an app").fill("inqo")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Inqom").click()
    expect(page.locator("main")).to_contain_text("What it reads, what it sends")
    page.get_by_role("button", name="Install Inqom").click()
    expect(page.locator("main")).to_contain_text("Inqom is installed.")
    page.wait_for_load_state()
    page.get_by_role("searchbox", name="Find a client").fill(client.name)
    tick = page.get_by_role("checkbox", name=f"Access to {client.name}")
    expect(page.locator("#accounts tbody tr")).to_have_count(1)
    tick.check()
    page.get_by_role("button", name="Save Access").click()
    expect(page.locator("main")).to_contain_text("1 client account gained Access")
    expect(tick).to_be_checked()
    assert product.value(ALLOWED, product.scene.firm, client.tenant_id, "inqom") is True
    assert examine(page) == []
    page.get_by_role("link", name="Uninstall").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Uninstalling Inqom ends 0 couplings")
    assert examine(page) == []
    page.get_by_role("checkbox", name="I see what ends").check()
    page.get_by_role("button", name="Uninstall Inqom").click()
    expect(page.locator("main")).to_contain_text("Inqom is uninstalled.")
    assert product.value(ALLOWED, product.scene.firm, client.tenant_id, "inqom") is False


def test_a_default_of_the_firm_fills_in_and_a_client_differs(product: Stack, windows: Windows) -> None:
    page, client = windows.open(product.scene.head), product.scene.clients[WITHOUT_STATEMENTS]
    coupling = product.value(COUPLING, client.tenant_id)
    to_modules(page, product)
    page.get_by_role("link", name="Exact Online").click()
    page.get_by_role("link", name="Defaults").click()
    windows.expected = (422,)
    page.get_by_label("Delay in days").fill("15")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#errors")).to_contain_text("Choose a delay of 0 to 14 days.")
    page.get_by_label("Delay in days").fill("6")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("Kept.")
    page.goto(f"/c/{client.tenant_id}/couplings/{coupling}/defaults")
    delay = page.locator("#held tbody tr").filter(has_text="Delay in days")
    expect(delay).to_contain_text(re.compile("6.*default of the firm", re.DOTALL))
    page.get_by_label("Delay in days").fill("2")
    page.get_by_role("button", name="Save").click()
    expect(delay).to_contain_text(re.compile("2.*chosen for this client account", re.DOTALL))
    expect(delay).to_contain_text(re.compile("6.*overruled", re.DOTALL))
    assert examine(page) == []
    page.get_by_label("Delay in days").fill("")
    page.get_by_role("button", name="Save").click()
    expect(delay).to_contain_text("default of the firm")
