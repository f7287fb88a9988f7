"""An authorisation by the form that a manifest asks for: typed, refused, mended, activated, given another key."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.browser.examine import examine
from tests.browser.stack import Stack, unique
from tests.browser.windows import Windows


def key_of(product: Stack, login: str) -> str:
    """At the package: a login with a key, which sees the dossiers of the demo."""
    product.packages.do("logins", package="pennylane", login=login, name=login.title(), company=f"Cabinet {login}")
    made: str = product.packages.do("keys", package="pennylane", login=login)["key"]
    return made


def open_form(page: Page, product: Stack, name: str) -> None:
    page.goto(f"/p/{product.scene.firm}/authorisations")
    page.get_by_role("link", name="New authorisation").click()
    page.get_by_role("link", name="Pennylane").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connect Pennylane")
    expect(page.get_by_role("heading", name="What is read and sent")).to_be_visible()
    page.get_by_label("Name for this authorisation").fill(name)


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_a_key_is_typed_activated_and_changed(product: Stack, windows: Windows, script: bool) -> None:
    login, name = f"anna{secrets.token_hex(3)}", unique("Pennylane").partition("@")[0]
    key = key_of(product, login)
    page = windows.open(product.scene.head, java_script_enabled=script)
    windows.expected = (422,)
    open_form(page, product, name)
    field = page.get_by_label("Token", exact=True)
    assert field.get_attribute("type") == "password"
    field.fill("too short")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#errors")).to_contain_text("Token")
    expect(page.locator("#answer_token-error")).to_contain_text("does not look right")
    assert field.input_value() == ""
    field.fill(key)
    if script:
        assert examine(page) == []
        field.fill(key)
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("main")).to_contain_text("Not active yet")
    page.get_by_role("button", name="Activate").click()
    expect(page.locator("main")).to_contain_text("answers: 3 dossiers")
    expect(page.get_by_role("table", name="Dossiers")).to_contain_text("Garage Dubois")
    if script:
        assert examine(page) == []
    assert key not in page.content()

    page.get_by_role("link", name="Change the key").click()
    expect(page.locator("main")).to_contain_text("Stored, and never shown.")
    assert key not in page.content()
    if script:
        assert examine(page) == []
    page.get_by_label("Token", exact=True).fill(secrets.token_urlsafe(30))
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#errors")).to_contain_text("The provider does not accept this key")
    page.get_by_label("Token", exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text(f"Saved. {name} goes on with it.")


def test_a_withdrawn_key_asks_for_another(product: Stack, windows: Windows) -> None:
    login, name = f"piet{secrets.token_hex(3)}", unique("Pennylane").partition("@")[0]
    key = key_of(product, login)
    page = windows.open(product.scene.head)
    open_form(page, product, name)
    page.get_by_label("Token", exact=True).fill(key)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Activate").click()
    expect(page.locator("main")).to_contain_text("answers: 3 dossiers")
    product.packages.do("withdraw", package="pennylane", secret=key)
    page.get_by_role("button", name="Test and read dossiers").click()
    expect(page.locator("main")).to_contain_text("The provider does not accept this key")
