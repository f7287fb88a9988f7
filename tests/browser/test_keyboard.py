"""Without a mouse: everything is reached, and seen when it is reached."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.scene import BOOKED, DRAFTS
from tests.browser.stack import Stack
from tests.browser.windows import PHONE, Windows


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_from_signing_in_to_a_client_by_keys_alone(product: Stack, windows: Windows) -> None:
    page = windows.open()
    page.goto("/signin")
    page.get_by_label("E-mail address").focus()
    page.keyboard.type(product.scene.head)
    press(page, "Tab", "Tab")  # past the link for a forgotten password
    page.keyboard.type("kalm water stroomt diep")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("/p/"))
    page.wait_for_load_state()
    press(page, "Tab")
    expect(page.locator(".kp-skip")).to_be_focused()
    press(page, "Enter")
    expect(page.locator("#main")).to_be_focused()
    client = product.scene.clients[BOOKED]
    press(page, "Control+k")
    expect(page.locator("#sw-q")).to_be_focused()
    page.keyboard.type(client.name[:12])
    expect(page.locator("#sw-list .kp-option").first).to_contain_text(client.name)
    press(page, "ArrowDown", "Enter")
    expect(page).to_have_url(re.compile(str(client.tenant_id)))


def test_rows_are_walked_ticked_and_opened(product: Stack, windows: Windows) -> None:
    page = windows.open(product.scene.head)
    page.goto(f"/p/{product.scene.firm}/")
    names = page.locator("tbody .kp-name")
    press(page, "j", "j")
    expect(names.nth(1)).to_be_focused()
    press(page, "x", "k", "x")
    expect(page.locator("[data-row]:checked")).to_have_count(2)
    expect(page.locator("[data-bulk] strong")).to_contain_text("2 selected")
    press(page, "/")
    expect(page.locator("[data-find]")).to_be_focused()
    wanted = product.scene.clients[DRAFTS].name
    page.keyboard.type(wanted[:10])
    expect(names).to_have_count(1)
    page.locator("body").evaluate("() => document.activeElement.blur()")
    press(page, "j", "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(wanted)


def test_menus_open_and_close_by_keys(product: Stack, windows: Windows) -> None:
    page = windows.open(product.scene.head, viewport=PHONE)
    page.goto(f"/p/{product.scene.firm}/")
    page.get_by_role("button", name="Menu").focus()
    press(page, "Enter")
    expect(page.get_by_role("navigation", name="Main menu")).to_be_visible()
    press(page, "Escape")
    expect(page.get_by_role("navigation", name="Main menu")).to_be_hidden()
    page.locator(".kp-me").focus()
    press(page, "Enter", "Tab")
    expect(page.get_by_role("link", name="My account")).to_be_focused()
    press(page, "Escape")
    expect(page.get_by_role("link", name="My account")).to_be_hidden()


def test_a_line_is_corrected_without_a_mouse(product: Stack, windows: Windows) -> None:
    page = windows.open(product.scene.head)
    page.goto(f"/c/{product.scene.clients[DRAFTS].tenant_id}/entries?state=draft")
    press(page, "j", "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("ready to send")
    page.wait_for_load_state()  # a change is sent once the scripts are there
    version = page.locator("input[name=version]").first.input_value()
    field = page.locator("#entry-lines input[name=ledger_account]").first
    field.focus()
    press(page, "Control+a")
    page.keyboard.type("612000")
    press(page, "Tab")
    expect(page.locator("#entry-aside input[name=version]").first).not_to_have_value(version)
    expect(page.locator("#entry-lines tbody").first).to_contain_text("Changed")


def test_single_keys_rest_when_the_profile_says_so(product: Stack, windows: Windows) -> None:
    owner = product.scene.owner_of(product.scene.clients[BOOKED])
    page = windows.open(owner)
    elsewhere = windows.open(owner)  # another device, which keeps no choice of its own
    for wanted in (False, True):
        page.goto("/me/profile")
        page.get_by_label("Single keys work").set_checked(wanted)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_label("Single keys work")).to_be_checked(checked=wanted)
        for window in (page, elsewhere):
            window.goto(f"/c/{product.scene.clients[BOOKED].tenant_id}/entries")
            press(window, "j")
            expect(window.locator("tbody .kp-name:focus")).to_have_count(int(wanted))
