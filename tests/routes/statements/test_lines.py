"""Bank accounts, their chain of balances, and their lines."""

from __future__ import annotations

import io
import re
import uuid

import pytest
from sqlalchemy import event

from portal.identity.models import User
from portal.kernel.db import Database
from portal.tenants.models import Tenant
from tests import factories as make
from tests.connectors.files import camt_documents as camt
from tests.routes.conftest import Client, SignIn
from tests.routes.statements.test_import import camt_file, offer


@pytest.fixture
def owner(database: Database) -> User:
    return make.make_user(database, "Claire Delmotte", locale="en-GB")


@pytest.fixture
def account(database: Database, owner: User) -> Tenant:
    return make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})


@pytest.fixture
def client(sign_in: SignIn, owner: User) -> Client:
    return sign_in(owner)


def page_of_account(client: Client, account: Tenant) -> str:
    found = re.search(rf'href="(/c/{account.id}/bank/[0-9a-f-]{{36}})"', client.get(f"/c/{account.id}/bank").text)
    assert found
    return found[1]


def test_a_gap_in_the_balances_is_named(client: Client, account: Tenant) -> None:
    offer(client, account, ("january.xml", camt_file(("12.50", "Bread"), closing="112.50")))
    march = camt_file(("5.00", "Tea"), opening="120.00", closing="125.00", day="2024-03-31")
    offer(client, account, ("march.xml", march))
    page = client.get(page_of_account(client, account)).text
    assert "The balances do not chain in 1 place" in page
    assert "(112.50)" in page
    assert "(120.00)" in page
    assert "+7.50" in page


def test_a_whole_chain_is_confirmed(client: Client, account: Tenant) -> None:
    offer(client, account, ("january.xml", camt_file(("12.50", "Bread"), closing="112.50")))
    february = camt_file(("5.00", "Tea"), opening="112.50", closing="117.50", day="2024-02-29")
    offer(client, account, ("february.xml", february))
    assert "Every closing balance is the next opening balance." in client.get(page_of_account(client, account)).text


def test_lines_are_found_by_text_period_and_state(client: Client, account: Tenant) -> None:
    offer(client, account, ("a.xml", camt_file(("12.50", "Bread"), ("30.00", "Cake"), closing="142.50")))
    lines = page_of_account(client, account) + "/lines"
    assert "2 lines" in client.get(lines).text
    page = client.get(lines, query_string={"q": "bread"}).text
    assert "Bread" in page
    assert "Cake" not in page
    assert "No line matches" in client.get(lines, query_string={"since": "01/02/2024"}).text
    assert "No line matches" in client.get(lines, query_string={"state": "booked"}).text
    assert "2 lines wait to be booked" in client.get(lines, query_string={"state": "waiting"}).text
    assert "Not read: soon" in client.get(lines, query_string={"until": "soon"}).text


def test_pages_follow_each_other_without_a_gap_or_a_double(client: Client, account: Tenant) -> None:
    many = [(f"{n}.00", f"Sale {n:03}") for n in range(1, 121)]
    offer(client, account, ("many.xml", camt_file(*many, closing=f"{100 + sum(range(1, 121))}.00")))
    url: str | None = page_of_account(client, account) + "/lines"
    seen: list[str] = []
    pages = 0
    while url:
        text = client.get(url).text
        seen += re.findall(r">(Sale \d{3})<", text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        url = following[1].replace("&amp;", "&") if following else None
        pages += 1
    assert pages == 3
    assert sorted(seen) == [text for _, text in many]


def test_a_batch_shows_what_it_is_made_of(client: Client, account: Tenant) -> None:
    parts = camt.transaction("10.00", text="First") + camt.transaction("15.00", text="Second")
    content = camt.document(
        camt.statement(camt.balance("OPBD", "0.00"), camt.entry("25.00", details=parts), camt.balance("CLBD", "25.00"))
    )
    offer(client, account, ("batch.xml", content))
    lines = client.get(page_of_account(client, account) + "/lines").text
    assert "batch of 2" in lines
    found = re.search(rf'href="(/c/{account.id}/bank/lines/[0-9a-f-]+)"', lines)
    assert found
    page = client.get(found[1]).text
    assert "First" in page
    assert "+15.00" in page


def test_the_csv_holds_every_line_and_no_formula(client: Client, account: Tenant) -> None:
    offer(client, account, ("a.xml", camt_file(("12.50", "=cmd|calc"), ("30.00", "Cake"), closing="142.50")))
    answer = client.get(page_of_account(client, account) + "/lines.csv")
    assert answer.mimetype == "text/csv"
    rows = answer.text.splitlines()
    assert len(rows) == 3
    assert ";'=cmd|calc;" in answer.text
    assert ";12.50;EUR;" in answer.text


def test_an_account_gets_the_name_the_office_uses(client: Client, account: Tenant) -> None:
    offer(client, account, ("a.xml", camt_file(("12.50", "Bread"), closing="112.50")))
    url = page_of_account(client, account)
    assert client.post(url + "/name", data={"name": "Shop till"}).status_code == 303
    assert "Shop till" in client.get(url).text
    assert client.post(url + "/name", data={"name": "  "}).status_code == 422


def test_what_is_of_another_account_is_not_here(client: Client, account: Tenant, database: Database) -> None:
    other = make.make_tenant(database, "client", "Drukkerij Ingels NV")
    theirs = make.make_bank_account(database, other)
    for path in (f"{theirs.id}", f"{theirs.id}/lines", f"{theirs.id}/lines.csv", f"lines/{uuid.uuid4()}"):
        assert client.get(f"/c/{account.id}/bank/{path}").status_code == 404
    answer = client.post(
        f"/c/{account.id}/bank/files?account={theirs.id}",
        data={"files": (io.BytesIO(b"x"), "x")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 404


def test_the_lists_ask_little_of_the_database(client: Client, account: Tenant, database: Database) -> None:
    offer(client, account, ("a.xml", camt_file(("12.50", "Bread"), closing="112.50")))
    # The overview lays accounts, their year, feeds, files and questions side by side: as many for a hundred accounts.
    urls = {f"/c/{account.id}/bank": 9, page_of_account(client, account) + "/lines": 6}
    statements: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        for url, most in urls.items():
            statements.clear()
            assert client.get(url).status_code == 200
            assert len(statements) <= most, statements
    finally:
        event.remove(database.engine, "before_cursor_execute", count)
