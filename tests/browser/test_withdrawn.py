"""A client withdraws the access of its firm: from that moment nothing of the firm gets through."""

from __future__ import annotations

from playwright.sync_api import expect

from portal.demo import cast
from tests.browser.scene import LEAVING
from tests.browser.stack import Stack, wait
from tests.browser.windows import Windows

STATE = "SELECT state FROM postings WHERE tenant_id = %s ORDER BY id DESC LIMIT 1"
CODE = "SELECT code FROM postings WHERE tenant_id = %s ORDER BY id DESC LIMIT 1"


def test_open_pages_and_queued_work_end_at_once(product: Stack, windows: Windows) -> None:
    client = product.scene.clients[LEAVING]
    home = f"/c/{client.tenant_id}"
    staff, owner = windows.open(product.scene.head), windows.open(product.scene.owner_of(client))
    owner.goto(f"{home}/access")
    staff.goto(f"{home}/entries?state=draft")
    staff.locator("tbody .kp-name").first.click()
    with product.worker_asleep():
        staff.locator("#entry-aside").get_by_role("button", name="Send").click()
        expect(staff.get_by_role("heading", level=1)).to_contain_text("is queued")
        owner.get_by_role("row", name=cast.FIRM_EMAIL).get_by_role("button", name="Withdraw").click()
        expect(owner.locator("main")).to_contain_text("it ended at once")

        windows.expected = (404,)
        with staff.expect_navigation() as gone:
            staff.get_by_role("link", name="Bank", exact=True).click()
        assert gone.value is not None
        assert gone.value.status == 404
        expect(staff.get_by_role("heading", level=1)).to_have_text("This page is not here")
        staff.goto(f"/p/{product.scene.firm}/?per=100")
        expect(staff.locator("tbody .kp-name").first).to_be_visible()
        expect(staff.locator("main")).not_to_contain_text(client.name)
        calls = product.control.look("requests?limit=2000")["requests"]
    wait(lambda: product.value(STATE, client.tenant_id) != "intent", "the worker comes to the posting")
    assert product.value(STATE, client.tenant_id) == "parked"
    assert product.value(CODE, client.tenant_id) == "posting.grant_withdrawn"
    since = product.control.look("requests?limit=2000")["requests"][len(calls) :]
    assert [call for call in since if f"/{client.dossier}/" in call["path"]] == []
