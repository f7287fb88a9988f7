"""Statements typed in, lines corrected, taken out and put back."""

from __future__ import annotations

import re

import pytest

from portal.identity.models import User
from portal.kernel.db import Database
from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn
from tests.routes.statements.test_import import camt_file, offer
from tests.routes.statements.test_lines import page_of_account


@pytest.fixture
def owner(database: Database) -> User:
    return make.make_user(database, "Claire Delmotte", locale="en-GB")


@pytest.fixture
def account(database: Database, owner: User) -> Tenant:
    return make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})


@pytest.fixture
def client(sign_in: SignIn, owner: User) -> Client:
    return sign_in(owner)


@pytest.fixture
def bank(client: Client, account: Tenant) -> str:
    """The address of a bank account with two lines, 100.00 → 117.50."""
    offer(client, account, ("january.xml", camt_file(("12.50", "Bread"), ("5.00", "Fee"), closing="117.50")))
    return page_of_account(client, account)


def line_of(client: Client, bank: str, word: str) -> str:
    found = re.search(rf'href="([^"]*/lines/[0-9a-f-]{{36}})">[^<]*{word}', client.get(f"{bank}/lines").text)
    assert found, word
    return found[1]


TYPED = {"opening": "117.50", "closing": "120.00", "date": ["01/02/2024", ""], "amount": ["5.00", "-2.50"],
         "counterparty": ["Claes", ""], "description": ["", "Costs"]}  # fmt: skip


def test_a_statement_is_typed_in(client: Client, bank: str) -> None:
    assert 'value="117.50"' in client.get(f"{bank}/typed").text
    answer = client.post(f"{bank}/typed", data=TYPED)
    assert answer.status_code == 303
    page = client.get(bank).text
    assert "2 lines stored." in page
    assert "Every closing balance is the next opening balance." in page


def test_the_difference_shows_while_typing_and_refuses_the_store(client: Client, bank: str) -> None:
    wrong = TYPED | {"closing": "121.00"}
    checked = client.post(f"{bank}/typed/sum", data=wrong).text
    assert "Still missing: +1.00" in checked
    assert "2 lines" in checked
    answer = client.post(f"{bank}/typed", data=wrong)
    assert answer.status_code == 422
    assert "the difference is" in answer.text
    assert "Claes" in answer.text  # what was typed stays
    unread = client.post(f"{bank}/typed", data=TYPED | {"amount": ["five", "-2.50"]})
    assert unread.status_code == 422
    assert 'id="amount-0-error"' in unread.text


def test_more_lines_can_be_asked_for(client: Client, bank: str) -> None:
    assert client.post(f"{bank}/typed", data=TYPED | {"more": "1"}).text.count('name="amount"') == 10


def test_a_line_is_corrected_and_its_past_shown(client: Client, bank: str) -> None:
    line = line_of(client, bank, "Bread")
    assert (
        client.post(line, data={"description": "Bread of March", "counterparty": "", "reference": ""}).status_code
        == 303
    )
    page = client.get(line).text
    assert "<ins>Bread of March</ins>" in page
    assert "<del>Bread</del>" in page
    assert "Claire Delmotte" in page
    assert "file, CAMT.053" in page


def test_a_line_is_taken_out_and_put_back(client: Client, account: Tenant, bank: str) -> None:
    line = line_of(client, bank, "Fee")
    assert client.post(f"{line}/delete", data={"reason": ""}).status_code == 422
    assert client.post(f"{line}/delete", data={"reason": "not ours"}).status_code == 303
    deleted = client.get(f"{bank}/deleted").text
    assert "not ours" in deleted
    assert client.get(line).status_code == 404
    restore = re.search(r'action="([^"]*/restore)"', deleted)
    assert restore
    assert client.post(restore[1]).status_code == 303
    assert client.get(line).status_code == 200
    assert "No line is deleted" in client.get(f"{bank}/deleted").text


def test_a_statement_is_taken_out(client: Client, account: Tenant, bank: str) -> None:
    statement = re.search(r'href="([^"]*/statements/[0-9a-f-]{36})"', client.get(bank).text)
    assert statement
    client.post(f"{statement[1]}/delete", data={"reason": ""})
    assert client.get(statement[1]).status_code == 200
    client.post(f"{statement[1]}/delete", data={"reason": "of another firm"})
    assert "2 deleted lines" in client.get(f"{bank}/deleted").text
    assert client.get(statement[1]).status_code == 404


def test_nothing_is_announced_without_a_feed(client: Client, bank: str) -> None:
    assert "Nothing is announced" in client.get(f"{bank}/announced").text


@pytest.mark.parametrize(("kind", "start"), [("camt", "<?xml"), ("coda", "0")])
def test_statements_and_periods_are_exported(client: Client, bank: str, kind: str, start: str) -> None:
    statement = re.search(r'href="([^"]*/statements/[0-9a-f-]{36})"', client.get(bank).text)
    assert statement
    for address in (f"{statement[1]}.{kind}", f"{bank}/export?since=31/01/2024&until=31/01/2024&kind={kind}"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.text.startswith(start)
    assert client.get(f"{statement[1]}.pdf").status_code == 404


def test_an_export_that_cannot_be_is_explained(client: Client, bank: str) -> None:
    assert client.get(f"{bank}/export").status_code == 200
    refused = client.get(f"{bank}/export?since=01/01/2020&until=31/01/2024&kind=camt")
    assert refused.status_code == 422
    assert "No statement tells the balance there" in refused.text
    assert "Type both days" in client.get(f"{bank}/export?since=x&until=&kind=camt").text
