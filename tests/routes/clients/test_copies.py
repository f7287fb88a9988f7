"""The pages by which one configuration goes to many clients: shown, begun, and followed while the job works."""

from __future__ import annotations

import uuid

import pytest

from portal.identity.models import User
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.sync import copies
from tests import factories as make
from tests.routes.conftest import Client, SignIn
from tests.routes.entries.conftest import _pretend
from tests.sync.office import Office, open_office
from tests.sync.test_copying import another, configurations

__all__ = ["_pretend"]


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    return open_office(database, vault)


@pytest.fixture
def karin(database: Database, office: Office, sign_in: SignIn) -> Client:
    user: User = make.make_user(database, "Karin Wouters", locale="en-GB")
    make.make_member(database, office.firm, user, "staff")
    return sign_in(user)


def address(office: Office) -> str:
    return f"/p/{office.firm.id}/clients/{office.client.id}/configurations/{office.configuration.id}/copy"


def test_from_the_list_to_the_result(office: Office, karin: Client) -> None:
    others = [another(office) for _ in range(3)]
    assert "The configuration fits 3 other clients" in karin.get(address(office)).text
    begun = karin.post(address(office), data={"id": [str(one.client.id) for one in others]})
    assert begun.status_code == 303
    followed = karin.get(begun.headers["Location"])
    assert "Copied to 0 of 3 clients" in followed.text
    assert 'hx-trigger="every 2s"' in followed.text
    assert [configurations(one) for one in others] == [[], [], []]
    copies.work(office.database, office.firm.id, uuid.UUID(begun.headers["Location"].rpartition("/")[2]))
    ended = karin.get(begun.headers["Location"])
    assert "Copied to 3 clients" in ended.text
    assert ended.text.count("1 bank account configured") == 3
    assert "every 2s" not in ended.text
    part = karin.get(begun.headers["Location"], headers={"HX-Request": "true", "HX-Target": "copying"})
    assert (part.status_code, "<html" in part.text) == (286, False)


def test_what_did_not_work_is_told_with_its_client(office: Office, karin: Client) -> None:
    other = another(office)
    for _ in range(2):
        begun = karin.post(address(office), data={"id": [str(other.client.id)]}).headers["Location"]
        copies.work(office.database, office.firm.id, uuid.UUID(begun.rpartition("/")[2]))
    text = karin.get(begun).text
    assert "not copied" in text
    assert other.client.name in text
    assert len(configurations(other)) == 1


def test_without_a_tick_it_stays_where_it_was(office: Office, karin: Client) -> None:
    another(office)
    back = karin.post(address(office), data={})
    assert (back.status_code, back.headers["Location"]) == (303, address(office))
    assert "Tick at least one client." in karin.get(address(office)).text
