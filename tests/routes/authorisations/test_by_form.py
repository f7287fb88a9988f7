"""Authorisations by a generated form: asked, refused beside the field, made, activated, changed; nothing shown."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from portal.authorisations.models import Authorisation, State
from portal.connectors import registry
from portal.connectors.login import AuthMode
from portal.identity.models import User
from portal.kernel import http
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.notifications import service as notifications
from portal.tenants.models import Tenant
from tests import factories as make
from tests.authorisations import keyed
from tests.routes.conftest import Client, SignIn
from tests.routes.entries.desk import words


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Iterator[keyed.Books]:
    made = keyed.Books()
    monkeypatch.setitem(registry.CONNECTORS, "keyed", "tests.authorisations.keyed")
    monkeypatch.setattr(keyed, "MANIFEST", replace(keyed.manifest(typed_host=False), hosts={"live": made.host}))
    yield made
    made.stop()


@pytest.fixture
def head(database: Database) -> User:
    return make.make_user(database, "Nadia El Amrani", locale="en-GB")


@pytest.fixture
def firm(database: Database, head: User) -> Tenant:
    return make.make_tenant(database, "portal", "Peeters Lambrechts", members={head: "administrator"})


@pytest.fixture
def client(sign_in: SignIn, firm: Tenant, head: User) -> Client:
    return sign_in(head)


ANSWERS = {"answer_database": "firm", "answer_key": "key-of-anna", "answer_pin": "", "answer_expires_on": ""}


def only(database: Database, firm: Tenant) -> Authorisation:
    with database.scoped(Setting(tenant=firm.id)) as session:
        return session.scalars(select(Authorisation).where(Authorisation.tenant_id == firm.id)).one()


def test_the_whole_way(client: Client, firm: Tenant, books: keyed.Books, database: Database) -> None:
    at = f"/p/{firm.id}/authorisations"
    assert "Keyed Books" in words(client.get(f"{at}/new").text)
    page = client.get(f"{at}/new/keyed").text
    assert 'name="answer_key"' in page
    assert 'type="password"' in page
    assert 'type="date"' in page
    answer = client.post(f"{at}/new/keyed", data={"name": "Books of Anna", **ANSWERS})
    row = only(database, firm)
    assert answer.location == f"{at}/{row.id}"
    page = words(client.get(answer.location).text)
    assert "Not active yet" in page
    assert "stored, never shown" in page
    assert books.calls == 0
    client.post(f"{at}/{row.id}/test")
    page = words(client.get(f"{at}/{row.id}").text)
    assert "Anna answers: 1 dossiers, of which 1 are new." in page
    assert "Bakkerij" in page
    assert only(database, firm).state == State.ACTIVE


def test_the_end_of_a_key_is_told_as_somebody_s_word(client: Client, firm: Tenant, books: keyed.Books) -> None:
    at = f"/p/{firm.id}/authorisations"
    given = {"name": "Books of Anna", **ANSWERS, "answer_expires_on": "2031-05-09"}
    answer = client.post(f"{at}/new/keyed", data=given)
    page = words(client.get(answer.location).text)
    assert "the key ends on 09/05/2031, as it was typed here" in page
    assert "Ends on 09/05/2031, as it was typed here" in page
    assert "2031-05-09" not in page


def test_what_is_wrong_stands_beside_its_field_and_no_secret_comes_back(
    client: Client, firm: Tenant, books: keyed.Books
) -> None:
    at = f"/p/{firm.id}/authorisations/new/keyed"
    given = {"name": "Books", **ANSWERS, "answer_database": "Not This", "answer_key": "my-own-secret-key"}
    answer = client.post(at, data=given)
    assert answer.status_code == 422
    assert 'href="#answer_database"' in answer.text
    assert "This does not look right. An example: firm" in words(answer.text)
    assert "Type it again: a secret is not shown a second time." in words(answer.text)
    assert "my-own-secret-key" not in answer.text
    answer = client.post(at, data={"name": "Books", **ANSWERS, "answer_key": ""})
    assert 'href="#answer_key"' in answer.text


def test_another_key(client: Client, firm: Tenant, books: keyed.Books, database: Database) -> None:
    at = f"/p/{firm.id}/authorisations"
    client.post(f"{at}/new/keyed", data={"name": "Books", **ANSWERS})
    row = only(database, firm)
    client.post(f"{at}/{row.id}/test")
    page = client.get(f"{at}/{row.id}/key").text
    assert "Stored, and never shown. Leave empty to keep it." in words(page)
    assert 'value="firm"' in page
    assert "key-of-anna" not in page
    refused = client.post(f"{at}/{row.id}/key", data={**ANSWERS, "answer_key": "key-of-piet"})
    assert refused.status_code == 422
    assert "This key belongs to Piet, but this authorisation is for Anna." in words(refused.text)
    kept = client.post(f"{at}/{row.id}/key", data={**ANSWERS, "answer_key": "", "answer_database": "other"})
    assert kept.location == f"{at}/{row.id}"
    assert only(database, firm).form == {"database": "other"}


def test_a_key_that_is_refused_says_so(client: Client, firm: Tenant, books: keyed.Books, database: Database) -> None:
    at = f"/p/{firm.id}/authorisations"
    client.post(f"{at}/new/keyed", data={"name": "Books", **ANSWERS, "answer_key": "not-known-there"})
    row = only(database, firm)
    client.post(f"{at}/{row.id}/test")
    page = words(client.get(f"{at}/{row.id}").text)
    assert "The provider does not accept this key: unknown key [secret]" in page
    assert "Not active yet" in page


@pytest.mark.parametrize(("by_key", "asked"), [("1", "give another key"), ("", "log in again")])
def test_the_mail_asks_for_what_is_needed(client: Client, by_key: str, asked: str) -> None:
    told = {"name": "Books", "app": "Keyed Books", "tenant": "Firm", "link": "https://x", "person": "Nadia"}
    _subject, text = notifications.preview("needs_consent", "en-GB", {**told, "by_key": by_key})
    assert asked in text


def test_apps_with_a_log_in_have_no_key_to_change(
    client: Client, firm: Tenant, database: Database, vault: Vault
) -> None:
    row = make.make_authorisation(database, vault, firm)
    at = f"/p/{firm.id}/authorisations/{row.id}"
    assert client.get(f"{at}/key").location == at
    assert client.post(f"{at}/key", data=ANSWERS).status_code == 404


def test_a_page_of_the_provider_is_opened(
    client: Client, firm: Tenant, books: keyed.Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosted = replace(keyed.manifest(AuthMode.HOSTED, typed_host=False), hosts={"live": books.host})
    monkeypatch.setattr(keyed, "MANIFEST", hosted)
    answer = client.post(f"/p/{firm.id}/authorisations/new/keyed", data={"name": "Books"})
    assert answer.status_code == 422
    assert "This installation is not registered at Keyed Books yet." in words(answer.text)


def test_a_provider_that_says_nothing_is_explained(
    client: Client, firm: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name leads inside, or nowhere: what to do is told, and not only that it did not work."""
    at, named = f"/p/{firm.id}/authorisations", "https://books.kantoor.be"
    typed = {"url": named, "database": "kantoor", "user": "koppelpoort@kantoor.be", "key": "k" * 20, "expires_on": ""}
    client.post(f"{at}/new/odoo", data={"name": "Odoo", **{f"answer_{key}": value for key, value in typed.items()}})
    row = only(database, firm)
    for ip, sentence in (
        ("10.0.0.7", "The name leads to a private network."),
        (None, "The package cannot be reached."),
    ):
        monkeypatch.setattr(socket, "getaddrinfo", _resolver(ip))
        monkeypatch.setattr(http, "RETRY_PAUSES", (0.0, 0.0))
        client.post(f"{at}/{row.id}/test")
        assert sentence in words(client.get(f"{at}/{row.id}").text)


def _resolver(ip: str | None) -> Callable[..., list[tuple[object, ...]]]:
    """Of the one name that is typed; everything else is asked as before."""
    asked = socket.getaddrinfo

    def resolve(name: str, *args: Any, **more: Any) -> list[tuple[object, ...]]:
        if name != "books.kantoor.be":
            return list(asked(name, *args, **more))
        if ip is None:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (ip, 443))]

    return resolve
