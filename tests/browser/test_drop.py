"""Files are judged by their size before they are sent: the module of the drop zone by itself."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, FilePayload, Route, expect

SCRIPTS = Path(__file__).resolve().parents[2] / "portal/static/js"
PAGE = """<!doctype html><title>Files</title><script type="module" src="/drop.js"></script>
<form method="post" action="/files" data-drop data-most-bytes="100" data-word-too-large="Larger than we take."
 data-word-sending="sending" data-word-failed="failed" data-word-done="done">
<input type="file" name="files" multiple aria-label="Files"><ul data-drop-list></ul></form>"""
STORED = '<li class="kp-drop-item kp-drop-ok">stored</li>'


def test_a_file_beyond_the_limit_is_told_and_not_sent(browser: Browser) -> None:
    sent: list[str] = []

    def answer(route: Route) -> None:
        name = urlsplit(route.request.url).path.lstrip("/")
        if route.request.method == "POST":
            sent.append(route.request.post_data or "")
            route.fulfill(body=STORED, content_type="text/html")
        elif name.endswith(".js"):
            route.fulfill(path=SCRIPTS / name, content_type="text/javascript")
        else:
            route.fulfill(body=PAGE, content_type="text/html")

    page = browser.new_page()
    page.route("**/*", answer)
    page.goto("http://files.test/")
    large: FilePayload = {"name": "large.xml", "mimeType": "text/xml", "buffer": b"x" * 101}
    small: FilePayload = {"name": "small.xml", "mimeType": "text/xml", "buffer": b"y" * 100}
    page.locator("input[type=file]").set_input_files([large, small])
    expect(page.locator(".kp-drop-ok")).to_have_text("stored")
    expect(page.locator(".kp-drop-stop")).to_have_text("large.xmlLarger than we take.")
    assert len(sent) == 1
    assert "small.xml" in sent[0]
    page.close()
