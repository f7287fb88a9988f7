"""Journeys: one running product for all of them, and windows that complain about noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect

from tests.browser import chromium, stack
from tests.browser.windows import TIMEOUT, Windows
from tests.conftest import Servers, make_database


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever takes the stack is a journey, and all journeys share one worker."""
    for item in items:
        if "product" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("journeys"))


@pytest.fixture(scope="session")
def browser_type_launch_args(playwright: Playwright) -> chromium.LaunchArguments:
    expect.set_options(timeout=TIMEOUT)
    return chromium.launch_arguments(playwright)


@pytest.fixture(scope="session")
def product(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    home: Path = tmp_path_factory.mktemp("product")
    yield from stack.running(home, servers, make_database(servers))


@pytest.fixture
def windows(browser: Browser, product: stack.Stack) -> Iterator[Windows]:
    """Browser windows; what they wrote to their consoles fails the test at its end."""
    opened = Windows(browser, product)
    yield opened
    opened.close()
