"""Every page that the application has, for everybody who may see it: axe, reflow, console, parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from portal.app import create_app
from tests.browser.addresses import CAST, Addresses
from tests.browser.examine import examine
from tests.browser.scene import CAREFUL
from tests.browser.stack import Stack
from tests.browser.windows import Windows

# Pages that are not there for the asking: a way back without its one-time state is refused, in a page.
REFUSED = {"authorisations.callback": 400}


@dataclass
class Tour:
    """Goes past every page once for each of the cast, and remembers what it found."""

    product: Stack
    browser: Browser
    addresses: Addresses
    found: dict[str, list[str]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def of(self, who: str) -> list[str]:
        if who not in self.found:
            windows = Windows(self.browser, self.product)
            page = windows.open(CAST[who])
            windows.expected = (*REFUSED.values(),)
            wrong = [text for endpoint, path in self.of_theirs(who) for text in self.visit(page, endpoint, path)]
            self.found[who] = [*wrong, *windows.noise]
            windows.noise.clear()
            windows.close()
        return self.found[who]

    def of_theirs(self, who: str) -> Iterator[tuple[str, str]]:
        """An administrator's pages are those of the staff, so only what staff may not see is left."""
        for endpoint, path in self.addresses.of(who):
            if who == "administrator" and (endpoint in self.seen or endpoint in self.files):
                continue
            yield endpoint, path

    def visit(self, page: Page, endpoint: str, path: str) -> list[str]:
        reply = page.request.get(path, max_redirects=0)
        if reply.status in (303, 403) and reply.status != REFUSED.get(endpoint):
            return []  # goes elsewhere, which is visited for itself; or not for this role
        if reply.status not in (200, REFUSED.get(endpoint)):
            return [f"{path}: {reply.status}"]
        if not reply.headers["content-type"].startswith("text/html"):
            self.files.add(endpoint)
            return []
        if "<html" not in reply.text():
            self.files.add(endpoint)
            return []  # a sentence for a script
        self.seen.add(endpoint)
        page.goto(path)
        return [f"{path} ({endpoint}): {text}" for text in examine(page)]


@pytest.fixture(scope="module")
def app(product: Stack) -> Flask:
    """For its table of routes and its words of mails; nobody is served by it."""
    return create_app(made=product.made)


@pytest.fixture(scope="module")
def tour(app: Flask, product: Stack, browser: Browser) -> Tour:
    return Tour(product, browser, Addresses(app, product))


@pytest.mark.parametrize("who", CAST)
def test_nothing_stands_in_anybodys_way(tour: Tour, who: str) -> None:
    wrong = tour.of(who)
    assert not wrong, "\n".join(wrong)


def test_a_second_factor_is_asked_without_barriers(product: Stack, windows: Windows) -> None:
    page = windows.open(CAREFUL, second_factor=False)
    page.goto("/me/accounts")
    assert "/signin/second" in page.url
    assert examine(page) == []


def test_no_page_was_left_out(tour: Tour) -> None:
    for who in CAST:
        tour.of(who)
    behind_a_step = {"auth.second_factor", "start.index"}  # a test of its own; only leads on
    assert tour.addresses.endpoints - tour.seen - tour.files - behind_a_step == set()
