"""Somebody who sees assigned clients alone: so in every list, by every address, and from the next second on."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.tenants import assignments
from portal.tenants.models import Assignment, Membership, Tenant
from tests import factories as make
from tests.furnish import furnish_client
from tests.routes.conftest import Client, SignIn

MINE, OTHER = "zqmine", "zqother"


@dataclass
class Office:
    database: Database
    firm: Tenant
    nadia: User
    karin: User
    mine: Tenant
    other: Tenant
    browser: Client  # Karin's

    def assign(self, *clients: Tenant) -> None:
        with self.scoped() as session:
            scope = make.scope_in(session, self.firm, "administrator", self.nadia)
            assignments.assign(scope, [client.id for client in clients], self.karin.id)

    def scoped(self) -> AbstractContextManager[Session]:
        """The administrator's."""
        return self.database.scoped(Setting(tenant=self.firm.id, portal=self.firm.id, user=self.nadia.id))

    def get(self, path: str) -> str:
        answer = self.browser.get(f"/p/{self.firm.id}/{path}")
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
def office(database: Database, vault: Vault, sign_in: SignIn) -> Office:
    nadia = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    karin = make.make_user(database, "Karin Wouters", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Firm", members={nadia: "administrator", karin: "staff"})
    clients = [make.make_tenant(database, "client", f"{mark} Zaak") for mark in (MINE, OTHER)]
    for client, mark in zip(clients, (MINE, OTHER), strict=True):
        make.make_grant(database, client, firm)
        furnish_client(database, vault, client, firm, make.make_user(database), mark)
    with database.scoped(Setting(tenant=firm.id)) as session:
        session.execute(update(Membership).where(Membership.user_id == karin.id).values(assigned_only=True))
    made = Office(database, firm, nadia, karin, clients[0], clients[1], sign_in(karin))
    made.assign(clients[0])
    return made


LISTS = (
    "", "clients.csv", "?q=Zaak", "entries", "entries?state=draft", "runs", "consents", "team/clients",
    "team/clients.csv", "couplings/bulk", "audit", "authorisations", "clients",
)  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_no_list_of_the_firm_tells_of_a_client_that_is_not_assigned(office: Office, path: str) -> None:
    assert OTHER not in re.sub(rf"{OTHER}login [0-9a-f]+", "", office.get(path))


@pytest.mark.parametrize("path", ["", "clients.csv", "entries?state=draft", "runs", "team/clients"])
def test_what_is_assigned_is_there(office: Office, path: str) -> None:
    assert MINE in office.get(path)


def test_switcher_and_address_tell_the_same(office: Office) -> None:
    found = office.browser.get("/switch?q=Zaak").text
    assert (MINE in found, OTHER in found) == (True, False)
    assert office.browser.get(f"/c/{office.mine.id}/").status_code == 200
    refused = office.browser.get(f"/c/{office.other.id}/")
    assert refused.status_code == 403
    assert "This client is not assigned to you" in refused.text
    assert "Nadia El Amrani" in refused.text
    assert OTHER not in refused.text


def test_nothing_is_done_in_bulk_to_a_client_that_is_not_assigned(office: Office) -> None:
    ids = {"id": [str(office.mine.id), str(office.other.id)]}
    assert (
        office.browser.post(
            f"/p/{office.firm.id}/assignments/choose", data=ids | {"what": "end", "user": ""}
        ).status_code
        == 404
    )
    office.browser.post(f"/p/{office.firm.id}/runs/chosen", data={"id": str(office.other.id)})
    with office.database.scoped(Setting(tenant=office.other.id)) as session:
        assert session.execute(text("SELECT count(*) FROM runs WHERE batch_id IS NOT NULL")).scalar_one() == 0


def test_what_is_assigned_and_ended_holds_from_the_next_request_on(office: Office) -> None:
    office.assign(office.other)
    assert OTHER in office.get("")
    assert office.browser.get(f"/c/{office.other.id}/").status_code == 200
    with office.scoped() as session:
        scope = make.scope_in(session, office.firm, "administrator", office.nadia)
        assignments.unassign(scope, [office.other.id], office.karin.id)
    assert OTHER not in office.get("")
    assert office.browser.get(f"/c/{office.other.id}/").status_code == 403


def test_access_for_a_time_ends_by_itself(office: Office) -> None:
    with office.scoped() as session:
        scope = make.scope_in(session, office.firm, "administrator", office.nadia)
        ends_at = clock.now() + timedelta(days=1)
        assignments.give_for_a_time(scope, [office.other.id], office.karin.id, ends_at, "Holiday")
    assert OTHER in office.get("")
    with office.scoped() as session:
        session.execute(
            update(Assignment).where(Assignment.reason == "Holiday").values(
                starts_at=text("now() - interval '1 h'"), ends_at=text("now() - interval '1 ms'"))
        )  # fmt: skip
    assert OTHER not in office.get("")
    assert office.browser.get(f"/c/{office.other.id}/").status_code == 403


def test_mails_about_a_client_go_to_those_who_see_it(office: Office) -> None:
    query = text("SELECT name FROM renewers_of(:client)")
    for client, names in ((office.mine, {"Nadia El Amrani", "Karin Wouters"}), (office.other, {"Nadia El Amrani"})):
        with office.database.scoped(Setting(tenant=client.id)) as session:
            told = set(session.scalars(query, {"client": client.id}))
            assert told & {"Nadia El Amrani", "Karin Wouters"} == names


def test_an_administrator_and_who_is_not_limited_see_every_client(office: Office, sign_in: SignIn) -> None:
    page = sign_in(office.nadia).get(f"/p/{office.firm.id}/").text
    assert (MINE in page, OTHER in page) == (True, True)
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        row = session.scalars(select(Membership).where(Membership.user_id == office.karin.id)).one()
        row.assigned_only = False
    assert OTHER in office.get("")


def test_the_database_itself_shows_nothing_else(office: Office) -> None:
    setting = Setting(tenant=office.firm.id, portal=office.firm.id, user=office.karin.id)
    with office.database.scoped(setting) as session:
        assert session.scalars(text("SELECT app_clients()")).all() == [office.mine.id]
        for table in ("tenants", "entries", "runs", "activities", "bank_accounts", "feeds", "documents"):
            column = "id" if table == "tenants" else "tenant_id"
            query = text(f"SELECT count(*) FROM {table} WHERE {column} = :other")  # noqa: S608 - names of our own
            assert session.execute(query, {"other": office.other.id}).scalar_one() == 0
