"""Each reader's language, formats and light, kept from page to page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.scene import BOOKED, DUTCH, FRENCH
from tests.browser.stack import Stack
from tests.browser.windows import Windows

SIGN_IN = {"nl": "Aanmelden", "fr": "Se connecter", "en": "Sign in"}
# Language → words of the menu on the pages of a client account: entries, couplings.
MENU = {"nl-BE": ("Boekingen", "Koppelingen"), "fr-BE": ("Écritures", "Liaisons"), "en-GB": ("Entries", "Couplings")}
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def test_a_stranger_chooses_a_language_and_it_stays(windows: Windows) -> None:
    page = windows.open()
    for language, word in SIGN_IN.items():
        page.goto("/signup")
        page.locator(f".kp-langs [lang={language}]").click()
        page.goto("/signin")
        expect(page.get_by_role("heading", level=1)).to_have_text(word)
        assert (page.get_attribute("html", "lang") or "")[:2] == language


@pytest.mark.parametrize(
    ("who", "locale", "amount"), [(DUTCH, "nl-BE", ","), (FRENCH, "fr-BE", ","), ("", "en-GB", ".")]
)
def test_pages_speak_the_readers_language(product: Stack, windows: Windows, who: str, locale: str, amount: str) -> None:
    page = windows.open(who or product.scene.head)
    page.goto("/me/accounts")
    client = next(c for c in product.scene.clients[1:] if who != DUTCH or product.scene.owner_of(c) == DUTCH)
    for path in ("", "bank", "entries", "couplings", "runs", "audit"):
        page.goto(f"/c/{client.tenant_id}/{path}")
        assert page.get_attribute("html", "lang") == locale
        for word in MENU[locale]:
            expect(page.locator(".kp-nav").first).to_contain_text(word)
    page.goto(f"/c/{client.tenant_id}/bank")
    balance = page.locator("#bank .kp-balance").first.inner_text()
    assert balance.replace("€", "").replace("EUR", "").strip()[-3] == amount


def test_a_person_changes_language_in_the_profile(product: Stack, windows: Windows) -> None:
    page = windows.open(product.scene.owner_of(product.scene.clients[BOOKED]))
    for value, word in (("fr-BE", "Profil"), ("nl-NL", "Profiel"), ("en-GB", "Profile")):
        page.goto("/me/profile")
        page.locator("select[name=locale]").select_option(value)
        page.locator("main button[type=submit]").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(word)
        expect(page.locator("html")).to_have_attribute("lang", value)


def is_dark(page: Page) -> bool:
    red, green, blue = (int(part) for part in page.evaluate(BACKGROUND).removeprefix("rgb(").rstrip(")").split(","))
    return red + green + blue < 200


def test_dark_follows_the_device_until_somebody_chooses(product: Stack, windows: Windows) -> None:
    page = windows.open(product.scene.head, color_scheme="dark")
    home = f"/p/{product.scene.firm}/"
    page.goto(home)
    assert is_dark(page)
    page.locator(".kp-top [data-theme-toggle]").click()
    assert not is_dark(page)
    page.goto(f"/c/{product.scene.clients[BOOKED].tenant_id}/")
    assert not is_dark(page), "the choice goes along to the next page"


def test_the_profile_sets_this_device_too(product: Stack, windows: Windows) -> None:
    page = windows.open(product.scene.owner_of(product.scene.clients[BOOKED]))
    for label, dark in (("Dark", True), ("Light", False), ("As the device", False)):
        page.goto("/me/profile")
        page.get_by_role("radio", name=label).check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("radio", name=label)).to_be_checked()
        assert is_dark(page) == dark
