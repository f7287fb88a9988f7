"""The main job from the first page to the last cent, by clicking, as a firm and its client do it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import months
from tests.browser.months import Months
from tests.browser.stack import Stack, unique, wait
from tests.browser.windows import Windows
from tests.factories import kbo

PASSWORD = "kalm water stroomt diep"
SLOW = 90_000  # ms, for what waits for work behind the page


@dataclass(frozen=True)
class Business:
    """A dossier at the provider, and the client account that belongs with it."""

    dossier: int
    login: str
    name: str
    number: str
    months: Months
    statements_first: bool


def prepare(product: Stack, story: Months, *, statements_first: bool) -> Business:
    """A dossier of its own with a log-in of its own, so that no other journey meets it."""
    serial = secrets.randbelow(90_000)
    dossier, login, name, number = 880_000 + serial, f"journey{serial}", f"Atelier Zonnewende {serial} BV", kbo(serial)
    product.control.do(
        "divisions", code=dossier, name=name, country="BE", environment="be", enterprise_number=number,
        vat_number=f"BE{number}", iban=story.iban,
    )  # fmt: skip
    product.control.do("users", login=login, name=f"Firm {serial}", environment="be", role="firm", current=dossier)
    return Business(dossier, login, name, number, story, statements_first)


def sign_up(page: Page, name: str, email: str) -> None:
    """By the form, the mail and its link; then signed in."""
    page.goto("/")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Your name").fill(name)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look in your mailbox")
    page.goto("/outbox")
    page.locator("li", has_text=email).get_by_role("link").first.click()
    page.locator(".kp-mailtext").get_by_role("link").click()
    page.get_by_label("The password you chose when you made the account").fill(PASSWORD)
    page.get_by_role("button", name="This address is mine").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("0 accounts")


def make_tenant(page: Page, button: str, submit: str, name: str, number: str) -> None:
    page.get_by_role("link", name=button).click()
    page.get_by_label("Name of the business").fill(name)
    page.get_by_role("textbox", name="Enterprise number").fill(number)
    page.get_by_label("Street and number").fill("Grote Markt 1")
    page.get_by_label("Postal code").fill("2800")
    page.get_by_label("Place").fill("Mechelen")
    page.get_by_role("button", name=submit).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def go(page: Page, *names: str) -> None:
    """By the main menu."""
    for name in names:
        page.get_by_role("navigation", name="Main menu").get_by_role("link", name=name).click()
        page.wait_for_load_state()  # with the scripts, which take over what people do


def let_in(page: Page, address: str) -> None:
    go(page, "Access management")
    page.get_by_label("E-mail address of the firm or person").fill(address)
    page.get_by_role("button", name="Give access").click()
    expect(page.locator("main")).to_contain_text(f"{address} has access now.")


def connect(page: Page, login: str) -> None:
    """With the consent page of the provider in between, and the dossiers read."""
    go(page, "Authorisations")
    page.get_by_role("link", name="New authorisation").click()
    page.get_by_role("link", name="Exact Online").click()
    page.get_by_role("button", name="Go to Exact Online").click()
    page.locator(f"input[name=login][value={login}]").check()
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in and allow").click()
    expect(page.locator("main")).to_contain_text("Connected")
    page.get_by_role("button", name="Read the dossiers").click()
    expect(page.locator("main")).to_contain_text("dossiers, of which")


def upload(page: Page, story: Months) -> list[str]:
    """All files in one go; returns what the page says of each, in the order of the files."""
    go(page, "Bank")
    page.locator("input[type=file]").set_input_files(story.payloads)
    done = page.locator("[data-drop-list] .kp-drop-item b")
    expect(done).to_have_count(len(story.payloads), timeout=SLOW)
    return done.all_inner_texts()


def couple(page: Page, business: Business) -> None:
    """With the dossier that is proposed; the bank account is configured now, or later when none is known."""
    go(page, "Overview")
    page.get_by_role("link", name="Activate").click()
    page.get_by_role("button", name="Keep and go on").click()
    proposed = page.get_by_role("radio", checked=True)
    expect(proposed).to_have_value(str(business.dossier))
    expect(page.locator("label", has=proposed)).to_contain_text("Certain")
    page.get_by_role("button", name="Keep and go on").click()
    if business.statements_first:
        fill_configuration(page, business)
        page.get_by_role("button", name="Keep and go on").click()
    else:
        page.get_by_role("link", name="Configure later").click()
    page.get_by_role("button", name="Activate the coupling").click()
    expect(page.locator("main")).to_contain_text("Coupled with dossier")


def fill_configuration(page: Page, business: Business) -> None:
    """What is proposed fits, but for the first day and who sends."""
    expect(page.get_by_label("Journal")).to_have_value("20")
    expect(page.get_by_label("Ledger account of the bank")).to_have_value("550000")
    page.get_by_label("From").fill(f"{business.months.starts:%d/%m/%Y}")
    page.get_by_label("Send by itself").check()


def configure(page: Page, business: Business) -> None:
    go(page, "Couplings")
    page.get_by_role("link", name="Configure a bank account").click()
    fill_configuration(page, business)
    page.get_by_role("button", name="Start booking this account").click()
    expect(page.locator("main")).to_contain_text("is booked from now on")


def synchronise(page: Page, product: Stack, business: Business) -> None:
    """Start it, and watch the page until it and all that it sends has ended.

    What goes by itself may be under way at that moment: then its run is joined, and no other begins.
    """
    runs = "SELECT count(*) FROM runs r JOIN tenants t ON t.id = r.tenant_id WHERE t.name = %s"
    ended = f"{runs} AND r.finished_at IS NOT NULL"
    before = product.value(ended, business.name)
    go(page, "Runs")
    page.get_by_role("button", name="Synchronise now").click()
    wait(lambda: product.value(ended, business.name) > before, "a run ends", SLOW / 1000)
    rows = page.locator("#run-list tbody tr")
    expect(rows).to_have_count(product.value(runs, business.name))
    expect(rows.first).to_contain_text("Booked", timeout=SLOW)


def balance(product: Stack, business: Business) -> Decimal:
    """Of the bank's account in the provider's ledger."""
    rows = product.control.look(f"balances?division={business.dossier}")["balances"]
    return next((Decimal(row["balance"]) for row in rows if row["gl_account"] == "550000"), Decimal("0.00"))


def shown(amount: Decimal) -> str:
    return f"{amount:,.2f}"


CASES = [
    pytest.param(months.made, False, id="of-our-own-making"),
    pytest.param(
        months.real, True, id="of-a-real-bank",
        marks=pytest.mark.skipif(not months.real_ones_are_here(), reason="no real months beside the checkout"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("story", "statements_first"), CASES)
def test_three_months_are_booked_to_the_cent_and_only_once(
    product: Stack, windows: Windows, story: Any, statements_first: bool
) -> None:
    business = prepare(product, story(), statements_first=statements_first)
    firm, owner = windows.open(), windows.open()
    address = unique("firm")
    sign_up(firm, "Nora Claes", address)
    make_tenant(firm, "Ask for a portal", "Make the portal", "Kantoor Claes", kbo(99_000))
    expect(firm.locator("main")).not_to_contain_text(business.name)
    sign_up(owner, "Jef Zon", unique("owner"))
    make_tenant(owner, "Make a client account", "Make the account", business.name, business.number)
    let_in(owner, address)

    connect(firm, business.login)
    go(firm, "Overview")
    firm.get_by_role("link", name=business.name).click()
    before = balance(product, business)
    stored = [f"{count} lines stored" for count in business.months.lines]
    if statements_first:
        assert upload(firm, business.months) == stored
        couple(firm, business)
    else:
        couple(firm, business)
        assert upload(firm, business.months) == stored
        configure(firm, business)
    synchronise(firm, product, business)
    check_books(firm, product, business, before)
    everything_again(firm, product, business)


def check_books(page: Page, product: Stack, business: Business, before: Decimal) -> None:
    """One entry a month, and the provider's ledger moved by what the bank says."""
    go(page, "Entries")
    rows = page.locator("#entry-list tbody tr")
    expect(rows).to_have_count(3)
    for row in rows.all():
        expect(row).to_contain_text("Booked")
    assert balance(product, business) - before == business.months.moved
    entries = product.ledger_of(str(business.dossier))
    assert sum(not line["own"] for entry in entries for line in entry["lines"]) == sum(business.months.lines)
    go(page, "Bank")
    expect(page.locator("#bank .kp-balance").first).to_contain_text(shown(business.months.balances[-1]))


def everything_again(page: Page, product: Stack, business: Business) -> None:
    """The same files, another synchronisation: the books stay as they are, to the byte."""
    ledger = product.ledger_of(str(business.dossier))
    assert upload(page, business.months) == ["Known already"] * 3
    synchronise(page, product, business)
    row = page.locator("#run-list tbody tr").first
    expect(row).to_contain_text("nothing new")
    assert re.findall(r"\d+", row.locator("td[data-label=Lines]").inner_text()) in ([], ["0"])
    assert product.ledger_of(str(business.dossier)) == ledger
