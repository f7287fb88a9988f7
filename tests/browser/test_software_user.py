"""Accounting software: created by an administrator, its first sign-in in a browser of its own, then its calls."""

from __future__ import annotations

import re

import pyotp
import requests
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal.kernel.db import Setting
from portal.ledger.models import BankAccount
from portal.tenants.models import Tenant
from tests.browser.examine import examine
from tests.browser.scene import BOOKED
from tests.browser.stack import Stack
from tests.browser.windows import Windows
from tests.software.office import make_group

OWN = "zeven groene flessen op de muur"


def fetch(product: Stack, code: str, password: str) -> requests.Response:
    return requests.get(f"{product.base}/api/v1/accounts", auth=(code, password), timeout=30)


def create(page: Page, product: Stack, group: str) -> tuple[str, str]:
    """In the portal; returns user code and one-time password."""
    page.goto(f"/p/{product.scene.firm}/")
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Accounting software").click()
    assert examine(page) == []
    page.get_by_role("link", name="Create a software user").click()
    assert examine(page) == []
    page.get_by_label("Name of the software").fill("Octopus")
    page.get_by_role("checkbox", name=group).check()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Octopus is created: copy both now")
    assert examine(page) == []
    code, password = page.locator("#user-code").inner_text(), page.locator("#one-time-password").inner_text()
    page.get_by_role("link", name="I copied both").click()
    expect(page.locator("main")).to_contain_text("delete it and create it again")
    assert examine(page) == []
    return code, password


def test_created_signed_in_and_read(product: Stack, windows: Windows) -> None:
    client = product.scene.clients[BOOKED]
    with product.made.database.scoped(Setting(tenant=product.scene.firm)) as session:
        firm = session.get_one(Tenant, product.scene.firm)
    with product.made.database.scoped(Setting(tenant=client.tenant_id)) as session:
        accounts = session.scalars(select(BankAccount).where(BankAccount.tenant_id == client.tenant_id)).all()
    make_group(product.made.database, firm, "For the ERP", accounts)
    administrator = windows.open(product.scene.head)
    code, password = create(administrator, product, "For the ERP")
    answer = fetch(product, code, password)
    assert (answer.status_code, answer.json()["code"]) == (403, "software.first_sign_in")

    page = windows.open()
    page.goto("/software/signin")
    assert examine(page) == []
    page.get_by_label("User code").fill(code)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Step 1 of 2")
    assert examine(page) == []
    page.get_by_label("New password").fill(OWN)
    page.get_by_role("button", name="Save the password").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Step 2 of 2")
    assert examine(page) == []
    page.get_by_role("button", name="Set up a second factor").click()
    secret = page.locator("#secret").inner_text()
    assert examine(page) == []
    page.get_by_label("Code from the app").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Keep these recovery codes")
    page.get_by_role("link", name="I kept them").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("Octopus reads [0-9]+ bank account"))
    assert examine(page) == []

    read = fetch(product, code, OWN).json()["accounts"]
    assert {one["id"] for one in read} == {str(account.id) for account in accounts}
    assert fetch(product, code, password).json()["code"] == "software.password_changed"
    page.goto("/me/accounts")
    expect(page.locator("main")).to_contain_text(accounts[0].number)
    windows.expected = (404,)
    page.goto(f"/p/{product.scene.firm}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("This page is not here")
