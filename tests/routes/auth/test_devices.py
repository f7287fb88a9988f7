"""Browsers in the list of sessions, by the headers that they send."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.routes._devices import device

KHTML = "(KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 {KHTML} Chrome/142.0.0.0 Safari/537.36"
SAID = {
    CHROME: "Chrome on Windows",
    f"{CHROME} Edg/142.0.0.0": "Edge on Windows",
    f"{CHROME} OPR/118.0.0.0": "Opera on Windows",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0": "Firefox on Linux",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 {KHTML} Version/18.1 Safari/605.1":
        "Safari on macOS",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile"
    " Safari/604.1": "Chrome on iPhone",
    "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0"
    " Mobile Safari/537.36": "Samsung Internet on Android",
    "curl/8.5.0": "curl/8.5.0",
    "": "Unknown",
}  # fmt: skip


@pytest.mark.parametrize("agent", SAID)
def test_a_browser_is_called_by_its_name(app: Flask, agent: str) -> None:
    with app.test_request_context(headers={"Accept-Language": "en-GB"}):
        assert device(agent) == SAID[agent]
