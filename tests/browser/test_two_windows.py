"""One person, several windows: the tenant is in the address, never in the session."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.scene import BOOKED, FAILING
from tests.browser.stack import Stack
from tests.browser.windows import Windows


def test_two_tabs_stay_with_their_own_client(product: Stack, windows: Windows) -> None:
    one, other = product.scene.clients[BOOKED], product.scene.clients[FAILING]
    first = windows.open(product.scene.head)
    second = first.context.new_page()
    first.goto(f"/c/{one.tenant_id}/")
    second.goto(f"/c/{other.tenant_id}/")
    for _ in range(2):
        for page, client in ((first, one), (second, other)):
            for name in ("Bank", "Couplings", "Runs"):
                page.get_by_role("navigation", name="Main menu").get_by_role("link", name=name).click()
                expect(page).to_have_url(re.compile(str(client.tenant_id)))
                expect(page.locator(".kp-side .kp-switch b")).to_have_text(client.name)
    first.get_by_role("button", name="Synchronise now").click()
    expect(first.locator("#run-list tbody tr").first).to_contain_text("Booked", timeout=90_000)
    second.reload()
    expect(second.locator("main")).not_to_contain_text("Your own account")
    expect(second.locator(".kp-side .kp-switch b")).to_have_text(other.name)


def test_signing_out_in_one_tab_ends_the_other(product: Stack, windows: Windows) -> None:
    first = windows.open(product.scene.head)
    second = first.context.new_page()
    second.goto(f"/c/{product.scene.clients[BOOKED].tenant_id}/entries")
    first.goto("/help")
    first.locator(".kp-me").click()
    first.get_by_role("button", name="Sign out").click()
    expect(first.get_by_role("heading", level=1)).to_have_text("Sign in")
    second.locator("[data-find]").fill("KP")  # a part of a page, asked by script
    expect(second).to_have_url(re.compile("/signin"))
