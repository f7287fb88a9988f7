"""A table whose headings nobody knows: the meaning of its columns is said once, with the lines before one's eyes."""

from __future__ import annotations

import uuid

from playwright.sync_api import FilePayload, Page, expect

from tests.browser.examine import examine
from tests.browser.stack import Stack
from tests.browser.windows import Windows

HEAD = "Wanneer;Wie;Hoeveel;Waarvoor;Onze rekening\n"
FIRST = (
    "31/01/2024;Bakkerij Jansen;-12,50;Brood;BE68539007547034\n"
    "01/02/2024;Delmotte;1.100,00;+++090/9337/55493+++;BE68539007547034\n"
)
LATER = "28/02/2024;Bakkerij Jansen;-14,00;Taart;BE68539007547034\n"
COUNT = "SELECT count(*) FROM statement_lines WHERE tenant_id = %s"
MEANINGS = {
    "Wanneer": "Booking date", "Wie": "Name of the other party", "Hoeveel": "Amount", "Waarvoor": "Description",
    "Onze rekening": "Own account",
}  # fmt: skip


def table(name: str, rows: str) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": (HEAD + rows).encode()}


def offer(page: Page, client: uuid.UUID, file: FilePayload) -> str:
    """What the page says of it."""
    page.goto(f"/c/{client}/bank")
    page.locator("input[type=file]").set_input_files([file])
    told = page.locator("[data-drop-list] .kp-drop-item b")
    expect(told).to_have_count(1)
    return told.inner_text()


def choose(page: Page, heading: str, meaning: str) -> None:
    """And the preview has followed."""
    with page.expect_response(lambda reply: reply.url.endswith("/preview")):
        page.get_by_role("combobox", name=heading, exact=True).select_option(label=meaning)


def test_columns_are_named_once_and_the_lines_are_stored_once(product: Stack, windows: Windows) -> None:
    client = product.scene.open_another(f"Slagerij {uuid.uuid4().hex[:6]} BV")
    page = windows.open(product.scene.head)
    assert offer(page, client, table("january.csv", FIRST)) == "Waits for an answer"
    page.get_by_role("link", name="Answer").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What does each column mean?")
    page.wait_for_load_state()  # a choice is answered once the scripts are there
    say_what_columns_mean(page)
    assert product.value(COUNT, client) == 0
    assert examine(page) == []
    page.get_by_role("button", name="Save and import").click()
    expect(page.get_by_text("january.csv: 2 lines stored.", exact=True)).to_be_visible()
    assert product.value(COUNT, client) == 2

    assert offer(page, client, table("again.csv", FIRST)) == "Known already"
    assert offer(page, client, table("february.csv", LATER)) == "1 line stored"
    assert product.value(COUNT, client) == 3


def say_what_columns_mean(page: Page) -> None:
    """What is chosen shows at once, what is in the way too."""
    for heading in MEANINGS:
        choose(page, heading, "Not used")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("which column holds the date")
    expect(preview.get_by_role("table")).to_have_count(0)
    for heading, meaning in MEANINGS.items():
        choose(page, heading, meaning)
    expect(preview).not_to_contain_text("cannot be read")
    first = preview.get_by_role("row").nth(1)
    expect(first).to_contain_text("31 January 2024")
    expect(first).to_contain_text("Bakkerij Jansen")
    expect(first.locator("td.num")).to_contain_text("12.50")
    expect(preview.get_by_role("row").nth(2)).to_contain_text("1,100.00")
    choose(page, "Wie", "Not used")
    expect(preview.get_by_role("row").nth(1)).not_to_contain_text("Bakkerij Jansen")
    choose(page, "Wie", MEANINGS["Wie"])
    expect(preview.get_by_role("row").nth(1)).to_contain_text("Bakkerij Jansen")
