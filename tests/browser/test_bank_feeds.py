"""A bank linked, its consent ended and renewed by a mailed link: with each provider, by clicking."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stack import Control, Stack, unique, wait
from tests.browser.windows import Windows

SLOW = 90_000  # ms, for what waits for work behind the page
STATE = "SELECT state FROM feeds WHERE tenant_id = %s"
LINES = "SELECT count(*) FROM statement_lines WHERE tenant_id = %s"
ROWS = (("Bakkerij Jansen", "125.50"), ("Drukkerij Peeters", "-60.25"), ("Garage Maes", "1210.00"))
LATER = ("Atelier Noord", "75.00")


@dataclass(frozen=True)
class Client:
    """A client account of the firm's, with one account at a bank where only what we add happens."""

    tenant_id: uuid.UUID
    name: str
    login: str  # at the provider or the bank
    iban: str


class WithPonto:
    label = "Ponto"
    key = "ponto"

    def __init__(self, product: Stack) -> None:
        self.control: Control = product.ponto

    def open_account(self, login: str, name: str) -> str:
        self.control.do("settings", sync_gap=0, sync_seconds=1)
        self.control.do("organisations", login=login, name=name)
        account = {"organisation": login, "bank": "KBC", "holder": name, "pace": 0, "opening": "1000.00"}
        return str(self.control.do("accounts", **account)["iban"])

    def book(self, iban: str, counterparty: str, amount: str) -> None:
        self.control.do("rows", account=iban, amount=amount, counterpart=counterparty, remittance="Invoice")

    def consent(self, page: Page, client: Client) -> None:
        page.locator(f"input[name=organisation][value={client.login}]").check()
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("checkbox")).to_be_checked()
        page.get_by_role("button", name="Sign and share").click()

    def end(self, client: Client) -> None:
        rows = self.control.look("accounts")["accounts"]
        account = next(row["id"] for row in rows if row["iban"] == client.iban)
        self.control.do(f"accounts/{account}/end")

    def renew(self, page: Page, client: Client) -> None:
        expect(page.locator("main")).to_contain_text(client.iban)
        page.get_by_role("button", name="Sign").click()


class WithSaltEdge:
    label = "Salt Edge"
    key = "saltedge"

    def __init__(self, product: Stack) -> None:
        self.control: Control = product.saltedge

    def open_account(self, login: str, name: str) -> str:
        self.control.do("settings", refresh_gap=0)
        account = {"provider": "kbc_be", "login": login, "holder": name, "pace": 0, "opening": "1000.00"}
        return str(self.control.do("bank-accounts", **account)["iban"])

    def book(self, iban: str, counterparty: str, amount: str) -> None:
        self.control.do(
            f"bank-accounts/{iban}/transactions", amount=amount, counterparty=counterparty, description="Invoice"
        )

    def consent(self, page: Page, client: Client) -> None:
        page.get_by_label("User name").fill(client.login)
        self._confirm(page, client)

    def end(self, client: Client) -> None:
        rows = self.control.look("connections")["connections"]
        connection = next(row["id"] for row in rows if row["login"] == client.login)
        self.control.do(f"connections/{connection}/end", how="expire")

    def renew(self, page: Page, client: Client) -> None:
        expect(page.get_by_label("User name")).to_have_value(client.login)
        self._confirm(page, client)

    def _confirm(self, page: Page, client: Client) -> None:
        page.get_by_label("Password").fill("demo")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("main")).to_contain_text(client.iban)
        page.get_by_role("button", name="Give consent").click()


def prepare(product: Stack, way: Any) -> Client:
    """With three rows at the bank."""
    login = f"{way.key}{uuid.uuid4().hex[:6]}"
    name = f"Brouwerij {login} BV"
    client = Client(product.scene.open_another(name), name, login, way.open_account(login, name))
    for counterparty, amount in ROWS:
        way.book(client.iban, counterparty, amount)
    return client


def link(page: Page, way: Any, client: Client, contact: str) -> None:
    """Bank, provider, consent page, accounts found, ticked."""
    page.goto(f"/c/{client.tenant_id}/feeds")
    page.get_by_role("link", name="Link a bank").first.click()
    page.wait_for_load_state()  # the search answers while one types once the scripts are there
    page.get_by_role("searchbox", name="Find a bank").press_sequentially("kbc")
    expect(page.locator("#banks a")).to_have_count(1)
    page.locator("#banks a").click()
    page.get_by_role("radio", name=way.label).check()
    page.get_by_label("E-mail of whoever may renew").fill(contact)
    page.get_by_role("button", name="On to KBC").click()
    page.wait_for_url(f"{way.control.url}/**")
    way.consent(page, client)
    expect(page.get_by_role("heading", level=1)).to_have_text("1 account found at KBC", timeout=SLOW)
    row = page.get_by_role("row").nth(1)
    expect(row).to_contain_text("new account")
    expect(row.get_by_role("checkbox")).to_be_checked()
    page.get_by_role("button", name="Fetch the ticked accounts").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("KBC · Connected")


def lines_shown(product: Stack, page: Page, client: Client, counterparties: list[str]) -> None:
    """All of them come in, and stand in the list of lines."""
    wait(lambda: product.value(LINES, client.tenant_id) == len(counterparties), "the lines arrive", SLOW / 1000)
    page.goto(f"/c/{client.tenant_id}/bank")
    page.locator("article.kp-acct h3 a").click()
    page.get_by_role("link", name=re.compile("waiting line|all lines")).click()
    for counterparty in counterparties:
        expect(page.locator("main")).to_contain_text(counterparty)


def end_is_seen(product: Stack, page: Page, client: Client) -> None:
    """On the client's page and on the home of the firm."""
    wait(lambda: product.value(STATE, client.tenant_id) == "consent_ended", "the end is known", SLOW / 1000)
    page.goto(f"/c/{client.tenant_id}/")
    expect(page.locator("article.kp-acct")).to_contain_text("Consent ended")
    page.goto(f"/p/{product.scene.firm}/?q={client.login}")
    expect(page.get_by_role("row", name=client.name)).to_contain_text("consent", ignore_case=True)


def renew_by_mail(product: Stack, windows: Windows, page: Page, feed: str, way: Any, client: Client, to: str) -> None:
    """The firm sends the link; whoever it goes to signs in nowhere here."""
    page.goto(feed)
    page.get_by_role("button", name="Mail 1 renewal link").click()
    expect(page.locator("main")).to_contain_text("1 renewal link is on its way.")
    reader = windows.open()
    reader.goto("/outbox")
    reader.locator("li", has_text=to).get_by_role("link").first.click()
    reader.locator(".kp-mailtext").get_by_role("link").first.click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Renew the consent at KBC")
    expect(reader.locator("main")).to_contain_text(client.name)
    reader.get_by_role("button", name="On to KBC").click()
    reader.wait_for_url(f"{way.control.url}/**")
    way.renew(reader, client)
    expect(reader.get_by_role("heading", level=1)).to_have_text("Thank you, KBC is renewed", timeout=SLOW)


@pytest.mark.parametrize("kind", [WithPonto, WithSaltEdge], ids=["ponto", "saltedge"])
def test_a_bank_is_linked_ends_and_goes_on(product: Stack, windows: Windows, kind: Any) -> None:
    way = kind(product)
    client, contact, page = prepare(product, way), unique("renewer"), windows.open(product.scene.head)
    link(page, way, client, contact)
    feed = page.url
    came = [counterparty for counterparty, _ in ROWS]
    lines_shown(product, page, client, came)

    way.end(client)  # nobody tells: whoever synchronises finds out
    page.goto(feed)
    page.get_by_role("button", name="Synchronise now").click()
    end_is_seen(product, page, client)
    renew_by_mail(product, windows, page, feed, way, client, contact)

    way.book(client.iban, *LATER)
    page.goto(feed)
    expect(page.get_by_role("heading", level=1)).to_have_text("KBC · Connected")
    page.get_by_role("button", name="Synchronise now").click()
    expect(page.locator("main")).to_contain_text("The bank is being asked")
    lines_shown(product, page, client, [*came, LATER[0]])
