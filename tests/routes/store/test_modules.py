"""The store: found, installed, ticked for client accounts, and uninstalled with what that ends."""

from __future__ import annotations

import re

import pytest

from portal.authorisations.models import Authorisation
from portal.couplings.models import Configuration, Coupling
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.store import service as store
from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn


class Office:
    def __init__(self, database: Database, vault: Vault, sign_in: SignIn) -> None:
        self.database = database
        self.head, self.staff, self.reader = (
            make.make_user(database, name, locale="en-GB") for name in ("Nadia", "Karin", "Jan")
        )
        roles = {self.head: "administrator", self.staff: "staff", self.reader: "reader"}
        self.firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members=roles)
        self.clients = [self._client(name) for name in ("Bakkerij Deeg", "Garage Maes", "Hoeve Lind")]
        self.login = make.make_authorisation(database, vault, self.firm, access="a", refresh="b")
        self.coupling = make.make_coupling(database, self.clients[0], self.login, number="20388")
        account = make.make_bank_account(database, self.clients[0])
        self.configuration = make.make_configuration(database, self.coupling, account)
        self._sign_in = sign_in

    def _client(self, name: str) -> Tenant:
        client = make.make_tenant(self.database, "client", name)
        make.make_grant(self.database, client, self.firm)
        return client

    def browser(self, who: User) -> Client:
        return self._sign_in(who)

    def url(self, path: str = "") -> str:
        return f"/p/{self.firm.id}/modules{path}"

    def ticked(self, app: str = "exact") -> set[str]:
        with self.database.scoped(Setting(tenant=self.firm.id, portal=self.firm.id)) as session:
            told = store.accesses(make.scope_in(session, self.firm), app)
        names = {client.id: client.name for client in self.clients}
        return {names[client] for client, allowed in told.items() if allowed}


@pytest.fixture
def office(database: Database, vault: Vault, sign_in: SignIn) -> Office:
    return Office(database, vault, sign_in)


def test_the_list_is_searched_and_filtered(office: Office) -> None:
    browser = office.browser(office.reader)
    page = browser.get(office.url()).text
    assert "Exact Online" in page
    assert "Ponto" in page
    assert ">FEC</a>" in page
    assert "Verified against the official description" in page
    found = browser.get(office.url("?q=odoo")).text
    assert "Odoo" in found
    assert "Exact Online" not in re.sub(r"(?s)<nav.*?</nav>", "", found)
    banks = browser.get(office.url("?kind=feed")).text
    assert "Ponto" in banks
    assert "Exact Online" not in banks
    dutch = browser.get(office.url("?country=NL")).text
    assert "Minox" in dutch
    assert "Pennylane" not in dutch
    assert "No app fits" in browser.get(office.url("?q=nonesuch")).text


def test_a_page_tells_what_is_read_and_sent(office: Office) -> None:
    page = office.browser(office.reader).get(office.url("/exact")).text
    assert "Ledger accounts, journals and VAT codes" in page
    assert "Payments are never made or prepared" in page
    assert "Books bank statements in a bank journal" in page
    assert "1 of 3 ticked" in page
    assert "Save Access" not in page
    assert office.browser(office.reader).get(office.url("/nonesuch")).status_code == 404


def test_only_an_administrator_installs(office: Office) -> None:
    assert office.browser(office.staff).post(office.url("/odoo/install")).status_code == 403
    browser = office.browser(office.head)
    assert browser.post(office.url("/odoo/install")).status_code == 303
    assert "Odoo is installed." in browser.get(office.url("/odoo")).text


def test_ticks_of_one_page_are_kept_and_those_of_others_left(office: Office) -> None:
    browser, (first, second, _) = office.browser(office.staff), office.clients
    answer = browser.post(office.url("/exact/access"), data={"shown": [first.id, second.id], "id": [second.id]})
    assert answer.status_code == 303
    assert office.ticked() == {"Garage Maes"}
    assert "1 client account gained Access, 1 lost it." in browser.get(answer.location).text


def test_all_that_a_search_finds_are_ticked_at_once(office: Office) -> None:
    browser = office.browser(office.staff)
    browser.post(office.url("/exact/access"), data={"all": "on", "q": "garage"})
    assert office.ticked() == {"Bakkerij Deeg", "Garage Maes"}
    browser.post(office.url("/exact/access"), data={"all": "on"})
    assert office.ticked() == {"Bakkerij Deeg", "Garage Maes", "Hoeve Lind"}


def test_clients_are_found_by_name_number_and_dossier(office: Office) -> None:
    browser = office.browser(office.staff)

    def shown(query: str) -> set[str]:
        text = browser.get(office.url("/exact?" + query), headers={"HX-Request": "true", "HX-Target": "accounts"}).text
        return {client.name for client in office.clients if client.name in text}

    assert shown("q=garage") == {"Garage Maes"}
    assert shown("q=20388") == {"Bakkerij Deeg"}
    assert shown(f"q={office.clients[2].enterprise_number}") == {"Hoeve Lind"}
    assert shown("only=on") == {"Bakkerij Deeg"}
    assert shown("only=off") == {"Garage Maes", "Hoeve Lind"}


def test_a_reader_ticks_nothing(office: Office) -> None:
    answer = office.browser(office.reader).post(office.url("/exact/access"), data={"all": "off"})
    assert answer.status_code == 403
    assert office.ticked() == {"Bakkerij Deeg"}


def test_uninstalling_shows_first_what_it_ends(office: Office) -> None:
    browser = office.browser(office.head)
    page = browser.get(office.url("/exact/uninstall")).text
    assert "Uninstalling Exact Online ends 1 coupling" in page
    assert "Bakkerij Deeg" in page
    assert office.login.name in page
    assert browser.post(office.url("/exact/uninstall")).status_code == 422
    assert office.ticked() == {"Bakkerij Deeg"}
    assert office.browser(office.staff).get(office.url("/exact/uninstall")).status_code == 403


def test_uninstalling_ends_it_and_keeps_the_history(office: Office) -> None:
    browser = office.browser(office.head)
    assert browser.post(office.url("/exact/uninstall"), data={"seen": "1"}).status_code == 303
    assert "1 coupling ended" in browser.get(office.url("/exact")).text
    assert office.ticked() == set()
    with office.database.scoped(Setting(tenant=office.clients[0].id)) as session:
        assert session.get_one(Coupling, (office.clients[0].id, office.coupling.id)).state == "ended"
        assert session.get_one(Configuration, (office.clients[0].id, office.configuration.id)).state == "inactive"
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        assert session.get_one(Authorisation, (office.firm.id, office.login.id)).removed_at is not None
    assert browser.get(office.url("/exact/uninstall")).status_code == 303


def test_a_client_sees_what_its_firm_uses_and_installs_its_own(office: Office) -> None:
    owner = make.make_user(office.database, "Claire", locale="en-GB")
    client = make.make_tenant(office.database, "client", "Own books", members={owner: "owner"})
    browser = office.browser(owner)
    assert "Exact Online" in browser.get(f"/c/{client.id}/modules").text
    assert "not installed" in browser.get(f"/c/{client.id}/modules/exact").text
    assert browser.post(f"/c/{client.id}/modules/exact/install").status_code == 303
    assert "Uninstalling Exact Online ends 0 couplings" in browser.get(f"/c/{client.id}/modules/exact/uninstall").text
    through = office.browser(office.staff).get(f"/c/{office.clients[0].id}/modules").text
    assert "by the firm" in through
