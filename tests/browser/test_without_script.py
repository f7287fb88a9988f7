"""A browser without JavaScript does the same work, page by page."""

from __future__ import annotations

from playwright.sync_api import expect

from portal.demo import cast
from tests.browser import months
from tests.browser.scene import DRAFTS, NEW
from tests.browser.stack import Stack, wait
from tests.browser.windows import Windows

BOOKED = "SELECT count(*) FROM postings WHERE tenant_id = %s AND state = 'confirmed'"


def test_sign_in_upload_and_send(product: Stack, windows: Windows) -> None:
    page = windows.open(java_script_enabled=False)
    page.goto("/")
    page.get_by_label("E-mail address").fill(product.scene.head)
    page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("tbody .kp-name").first).to_be_visible()

    page.goto(f"/c/{product.scene.clients[NEW].tenant_id}/bank")
    files = months.made().payloads[:2]
    page.locator("input[type=file]").set_input_files([*files, months.payload("notes.txt", b"not a statement")])
    page.get_by_role("button", name="Import").click()
    expect(page.locator(".kp-drop-ok")).to_have_count(2)
    expect(page.locator(".kp-drop-stop")).to_contain_text("notes.txt")
    expect(page.locator(".kp-drop-stop")).to_contain_text("Refused, nothing stored")

    client = product.scene.clients[DRAFTS]
    booked = product.value(BOOKED, client.tenant_id)
    page.goto(f"/c/{client.tenant_id}/entries?state=draft")
    page.locator("tbody .kp-name").first.click()
    page.locator("#entry-aside").get_by_role("button", name="Send").click()
    wait(lambda: product.value(BOOKED, client.tenant_id) == booked + 1, "the entry is booked")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("is booked")
