"""What the scripts and the markup promise, in a real browser, on the component sheet."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, Playwright, expect
from werkzeug.serving import make_server

from tests.browser.chromium import launch_arguments

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("look")]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FOCUS_IS_SEEN = """() => {
  const e = document.activeElement;
  if (e === document.body) return null;
  const box = e.getBoundingClientRect();
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const seen = !!top && (e === top || e.contains(top) || top.contains(e) || !!top.closest("label"));
  return { seen, who: e.outerHTML.slice(0, 90) };
}"""


@pytest.fixture(scope="module")
def address(stage: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, stage, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(**launch_arguments(playwright))
    yield browser
    browser.close()


@pytest.fixture
def sheet(chromium: Browser, address: str) -> Iterator[Page]:
    """The component sheet on a desk; nothing may be written to the console."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda m: noise.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: noise.append(str(e)))
    page.goto(address)
    yield page
    context.close()
    assert [n for n in noise if "405" not in n] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", ["/", "/error/404"])
def test_no_barriers_and_no_sideways_scrolling(
    chromium: Browser, address: str, theme: str, width: int, path: str
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    context.add_cookies([{"name": "kp-theme", "value": theme, "url": address}])
    page = context.new_page()
    page.goto(address + path)
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    context.close()


def test_the_chosen_theme_stays(sheet: Page) -> None:
    sheet.click(".kp-top [data-theme-toggle]")
    expect(sheet.locator("html")).to_have_attribute("data-bs-theme", "dark")
    sheet.reload()
    assert 'data-bs-theme="dark"' in sheet.content()
    sheet.click(".kp-top [data-theme-toggle]")
    expect(sheet.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_the_head_of_ticks_has_three_states(sheet: Page) -> None:
    head, bar = sheet.locator("[data-rows]"), sheet.locator("[data-bulk]")
    sheet.locator("[data-row]").nth(1).check()
    assert head.evaluate("box => box.indeterminate")
    expect(bar).to_contain_text("1 selected")
    head.check()
    expect(bar).to_contain_text("4 selected")
    sheet.click("[data-bulk-clear]")
    expect(bar).to_be_hidden()


def test_keys_walk_the_rows_and_can_be_switched_off(sheet: Page) -> None:
    for key in "jjx":
        sheet.keyboard.press(key)
    expect(sheet.locator("[data-row]").nth(1)).to_be_checked()
    sheet.keyboard.press("k")
    expect(sheet.locator("tbody .kp-name").first).to_be_focused()
    sheet.keyboard.press("/")
    expect(sheet.locator("#q")).to_be_focused()
    sheet.keyboard.type("jx")
    expect(sheet.locator("#q")).to_have_value("jx")
    sheet.click("[data-keys-toggle]")
    sheet.keyboard.press("/")
    expect(sheet.locator("#q")).not_to_be_focused()


def test_the_switcher_opens_by_key_searches_and_closes(sheet: Page) -> None:
    sheet.keyboard.press("Control+k")
    expect(sheet.locator("#sw-q")).to_be_focused()
    rows = sheet.locator("#sw-list .kp-option")
    expect(rows).to_have_count(3)
    sheet.keyboard.type("delmotte")
    expect(rows).to_have_count(2)
    sheet.keyboard.press("ArrowDown")
    expect(rows.first).to_be_focused()
    sheet.keyboard.press("Escape")
    expect(sheet.locator("#switcher")).to_be_hidden()


def test_copying_says_so(sheet: Page) -> None:
    sheet.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sheet.click("#buttons [data-copy]")
    expect(sheet.locator("#said")).to_have_text("Copied: the fingerprint")
    assert sheet.evaluate("navigator.clipboard.readText()") == "b41e09c77d20"


def test_several_files_go_one_by_one_with_a_result_each(sheet: Page) -> None:
    sheet.evaluate("document.body.addEventListener('kp:uploaded', () => document.body.dataset.uploaded = 'yes')")
    files = [{"name": f"{n}.cod", "mimeType": "text/plain", "buffer": b"x"} for n in "ab"]
    sheet.set_input_files("#kit-drop-files", files)  # type: ignore[arg-type]  # a plain dict is a FilePayload
    results = sheet.locator("#kit-drop .kp-drop-ok")
    expect(results).to_have_count(3)
    expect(results.nth(0)).to_contain_text("a.cod")
    expect(results.nth(1)).to_contain_text("b.cod")
    expect(sheet.locator("body")).to_have_attribute("data-uploaded", "yes")


def test_a_failure_keeps_the_screen_and_gives_a_code(sheet: Page) -> None:
    sheet.click("#buttons form button")
    expect(sheet.locator("#failure")).to_be_visible()
    expect(sheet.locator("[data-failure-code]")).to_have_text("HTTP-405")
    sheet.click("[data-failure-close]")
    expect(sheet.locator("#failure")).to_be_hidden()


def test_progress_is_told_in_quarters(sheet: Page) -> None:
    said = sheet.locator("#said")
    settle = "document.body.dispatchEvent(new CustomEvent('htmx:afterSettle', {bubbles: true, detail: {}}))"
    for done, text in ((95, ""), (120, "120 of 120")):
        sheet.evaluate(f"progress.setAttribute('aria-valuenow', {done})")
        sheet.evaluate("progress.setAttribute('aria-valuetext', '120 of 120')")
        sheet.evaluate(settle)
        expect(said).to_have_text(text)


def test_focus_is_never_hidden_and_starts_at_the_skip_link(sheet: Page) -> None:
    sheet.keyboard.press("Tab")
    expect(sheet.locator(".kp-skip")).to_be_focused()
    hidden, stops = [], 0
    while stops < 150 and (stop := sheet.evaluate(FOCUS_IS_SEEN)):
        stops += 1
        if not stop["seen"]:
            hidden.append(stop["who"])
        sheet.keyboard.press("Tab")
    assert hidden == []
    assert stops > 60


def test_without_script_the_page_offers_only_what_works(chromium: Browser, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    expect(page.locator("[data-theme-toggle]").first).to_be_hidden()
    expect(page.get_by_role("button", name="Upload")).to_be_visible()
    context.close()
