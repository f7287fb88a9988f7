"""The journeys find a browser wherever they run, or say what is missing."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.browser import chromium


def program(path: Path, status: int = 0) -> Path:
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_the_named_browser_comes_first_and_must_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("E2E_CHROMIUM", str(program(tmp_path / "mine")))
    assert chromium.find(tmp_path / "downloaded").source == "E2E_CHROMIUM"
    monkeypatch.setenv("E2E_CHROMIUM", str(program(tmp_path / "broken", status=1)))
    with pytest.raises(chromium.NoBrowser, match="does not start"):
        chromium.find(tmp_path / "downloaded")


def test_a_signpost_on_the_path_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("E2E_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "MODULES", tmp_path)
    program(tmp_path / "chromium", status=1)
    assert chromium.find(program(tmp_path / "downloaded")).source == "Playwright"
    (tmp_path / "downloaded").unlink()
    with pytest.raises(chromium.NoBrowser, match="apt install chromium"):
        chromium.find(tmp_path / "downloaded")


@pytest.mark.browser
@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="it is made for Linux on x86-64")
def test_the_browser_of_last_resort_draws_a_page(playwright: Playwright, tmp_path: Path) -> None:
    package = chromium.MODULES / "@sparticuz" / "chromium"
    node = chromium._node()
    assert node is not None
    last = chromium.unpacked(package, node, tmp_path)
    browser = playwright.chromium.launch(
        executable_path=str(last.program), args=chromium.FLAGS, env={"HOME": str(tmp_path), **last.environment}
    )
    page = browser.new_page()
    page.set_content("<h1>Betaald: € 1.234,50</h1><button onclick='this.textContent = 2'>1</button>")
    page.click("button")
    assert page.inner_text("button") == "2"
    assert len(page.screenshot()) > 1000
    browser.close()
    assert str(tmp_path) in (last.program.parent / "fonts.conf").read_text()
