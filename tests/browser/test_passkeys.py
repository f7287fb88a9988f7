"""A passkey from its making to its removal, with an authenticator that the browser plays."""

from __future__ import annotations

import secrets
from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import update

from portal.identity import passwords
from portal.identity.models import User, UserSession
from portal.kernel import clock
from portal.kernel.db import uuid7
from tests.browser.examine import examine
from tests.browser.stack import Stack
from tests.browser.windows import Windows

PASSWORD = "drie blauwe fietsen"


def _person(product: Stack) -> str:
    now, email = clock.now(), f"nora{secrets.token_hex(3)}@example.com"
    with product.made.database.scoped() as session:
        session.add(
            User(
                id=uuid7(),
                email=email,
                name="Nora Maes",
                locale="en-GB",
                password_hash=passwords.hash_password(PASSWORD),
                email_verified_at=now,
                password_changed_at=now,
                created_at=now,
            )
        )
    return email


def _with_authenticator(windows: Windows, product: Stack) -> Page:
    """At the name of this machine, as an address in figures has no passkeys."""
    page = windows.open(base_url=product.base.replace("127.0.0.1", "localhost"))
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return page


def _a_quarter_of_an_hour_later(product: Stack) -> None:
    with product.made.database.scoped() as session:
        session.execute(update(UserSession).values(confirmed_at=clock.now() - timedelta(minutes=15)))


def test_a_passkey_is_made_named_used_and_removed(product: Stack, windows: Windows) -> None:
    email, page = _person(product), _with_authenticator(windows, product)
    page.goto("/signin")
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    page.goto("/me/security")
    page.get_by_label("Name for this device").fill("Laptop")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.locator("body")).to_contain_text("“Laptop” can sign you in from now on.")
    assert examine(page) == []
    page.get_by_label("Name of the passkey Laptop").fill("Laptop at work")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_label("Name of the passkey Laptop at work")).to_be_visible()

    page.context.clear_cookies()
    page.goto("/signin")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/me/**")
    page.goto("/me/sessions")
    expect(page.get_by_role("table", name="Recent sign-ins")).to_contain_text("Passkey")
    assert examine(page) == []

    _a_quarter_of_an_hour_later(product)
    page.goto("/me/security")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it still you?")
    page.get_by_role("button", name="Confirm with a passkey").click()
    page.wait_for_url("**/me/security")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("body")).to_contain_text("Removed here.")

    page.context.clear_cookies()
    page.goto("/signin")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("body")).to_contain_text("This passkey was not accepted.")
