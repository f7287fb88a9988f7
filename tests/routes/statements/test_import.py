"""Statement files through the page: stored, known, refused, undone."""

from __future__ import annotations

import io
import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.identity.models import User
from portal.kernel.db import Database
from portal.tenants.models import Tenant
from tests import factories as make
from tests.connectors.files import camt_documents as camt
from tests.connectors.files import coda_records as coda
from tests.routes.conftest import Client, SignIn
from tests.world import World

HTMX = {"HX-Request": "true"}


@pytest.fixture
def owner(database: Database) -> User:
    return make.make_user(database, "Claire Delmotte", locale="en-GB")


@pytest.fixture
def account(database: Database, owner: User) -> Tenant:
    """A client account of its own, so that what other tests import is not in the way."""
    return make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})


def camt_file(*entries: tuple[str, str], opening: str = "100.00", closing: str, day: str = "2024-01-31") -> bytes:
    """A month of CAMT.053 with (amount, text) for each entry, all money in."""
    made = [
        camt.entry(amount, dates=f"<BookgDt><Dt>{day}</Dt></BookgDt>", details=camt.transaction(text=text))
        for amount, text in entries
    ]
    return camt.document(
        camt.statement(camt.balance("OPBD", opening, day=day), *made, camt.balance("CLBD", closing, day=day))
    )


JANUARY = camt_file(("12.50", "Bread"), ("30.00", "Cake"), closing="142.50")


def offer(client: Client, tenant: Tenant, *files: tuple[str, bytes], script: bool = False) -> TestResponse:
    return client.post(
        f"/c/{tenant.id}/bank/files",
        data={"files": [(io.BytesIO(content), name) for name, content in files]},
        content_type="multipart/form-data",
        headers=HTMX if script else {},
    )


def test_a_file_is_stored_once_and_known_the_second_time(sign_in: SignIn, owner: User, account: Tenant) -> None:
    client = sign_in(owner)
    first = offer(client, account, ("january.xml", JANUARY))
    assert first.status_code == 200
    assert "2 lines stored" in first.text
    second = offer(client, account, ("again.xml", JANUARY))
    assert "All its 2 lines were stored before." in second.text
    page = client.get(f"/c/{account.id}/bank")
    assert page.status_code == 200
    assert "142.50" in page.text
    assert "again.xml" in page.text


def test_with_script_each_file_answers_its_own_row(sign_in: SignIn, owner: User, account: Tenant) -> None:
    answer = offer(sign_in(owner), account, ("january.xml", JANUARY), script=True)
    assert answer.text.count("kp-drop-item") == 1
    assert "<html" not in answer.text


def test_several_files_without_script_are_reported_one_by_one(sign_in: SignIn, owner: User, account: Tenant) -> None:
    broken = JANUARY.replace(b"142.50", b"999.00")
    answer = offer(sign_in(owner), account, ("january.xml", JANUARY), ("broken.xml", broken), ("x.txt", b"hello"))
    assert answer.text.count("kp-drop-item") == 3
    assert "2 lines stored" in answer.text
    assert "does not add up" in answer.text
    assert "This is not a statement file we can read." in answer.text


def test_a_refused_file_stores_nothing_and_says_where(sign_in: SignIn, owner: User, account: Tenant) -> None:
    content = coda.simple(coda.movement(1, "20.00", "TEST"), closing="120.00", credit="20.00")
    client = sign_in(owner)
    answer = offer(client, account, ("bad.cod", content.replace(b"\r\n21", b"\r\n51")))
    assert "Refused, nothing stored" in answer.text
    assert "Line 3: The line starts with “51" in answer.text
    assert "No bank account yet" in client.get(f"/c/{account.id}/bank").text


def test_no_file_at_all_is_said(sign_in: SignIn, owner: User, account: Tenant) -> None:
    answer = offer(sign_in(owner), account)
    assert answer.status_code == 422
    assert "No file was chosen" in answer.text


def test_a_file_of_another_account_is_refused_on_an_accounts_page(
    sign_in: SignIn, owner: User, account: Tenant, database: Database
) -> None:
    other = make.make_bank_account(database, account)
    answer = sign_in(owner).post(
        f"/c/{account.id}/bank/files?account={other.id}",
        data={"files": (io.BytesIO(JANUARY), "january.xml")},
        content_type="multipart/form-data",
    )
    assert f"This file is of account {camt.IBAN}" in answer.text


def test_the_page_knows_what_is_too_large_before_it_is_sent(sign_in: SignIn, owner: User, account: Tenant) -> None:
    page = sign_in(owner).get(f"/c/{account.id}/bank").text
    assert f'data-most-bytes="{20 * 1024 * 1024}"' in page
    assert 'data-word-too-large="The file is larger than 20 MB. Download a shorter period."' in page


def test_an_import_is_undone_as_long_as_nothing_was_made_of_it(sign_in: SignIn, owner: User, account: Tenant) -> None:
    client = sign_in(owner)
    offer(client, account, ("january.xml", JANUARY))
    found = re.search(rf"/c/{account.id}/bank/files/[0-9a-f-]+", client.get(f"/c/{account.id}/bank").text)
    assert found
    assert client.get(found[0]).status_code == 200
    assert client.post(found[0] + "/delete").status_code == 303
    page = client.get(f"/c/{account.id}/bank").text
    assert "january.xml is undone: 2 lines taken out." in page
    assert client.get(found[0]).status_code == 404


def test_readers_may_look_and_not_import(sign_in: SignIn, world: World) -> None:
    for reader in (world.reader, world.client_reader):
        client = sign_in(reader)
        assert client.get(f"/c/{world.client.id}/bank").status_code == 200
        assert offer(client, world.client, ("january.xml", JANUARY)).status_code == 403
    assert offer(sign_in(world.stranger), world.client, ("january.xml", JANUARY)).status_code == 404


def test_a_script_in_a_file_name_is_only_text(sign_in: SignIn, owner: User, account: Tenant) -> None:
    answer = offer(sign_in(owner), account, ("<img src=x onerror=alert(1)>.xml", JANUARY))
    assert "<img src=x" not in answer.text
    assert "&lt;img" in answer.text


def test_a_file_beyond_all_limits_is_refused_in_words(
    sign_in: SignIn, owner: User, account: Tenant, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 1000)
    client, english = sign_in(owner), {"Accept-Language": "en-GB"}
    for headers, sign in ((HTMX | english, "kp-drop-item"), (english, "<h1")):
        answer = client.post(
            f"/c/{account.id}/bank/files",
            data={"files": (io.BytesIO(JANUARY), "january.xml")},
            content_type="multipart/form-data",
            headers=headers,
        )
        assert answer.status_code == 413
        assert sign in answer.text
        assert "The file is larger than 20 MB" in answer.text
