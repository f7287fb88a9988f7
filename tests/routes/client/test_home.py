"""The home of a client account."""

from __future__ import annotations

from sqlalchemy import update

from portal.access import Scope
from portal.connectors.feed import FeedTransaction, TransactionStatus
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.feeding import store_transactions
from portal.ledger.models import BankAccount
from portal.sync.models import Standing
from portal.sync.standing import refresh_standing
from tests import factories as make
from tests.ledger.making import line
from tests.routes.conftest import SignIn
from tests.routes.statements.test_import import camt_file, offer


def test_a_new_account_says_what_comes_first(sign_in: SignIn, database: Database) -> None:
    owner = make.make_user(database, "Claire Delmotte", locale="en-GB")
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})
    page = sign_in(owner).get(f"/c/{client.id}/")
    assert page.status_code == 200
    assert "Not coupled to a dossier yet" in page.text
    assert "No bank account yet" in page.text


def test_a_log_in_that_lapsed_is_told_first_and_the_firm_can_reconnect(
    sign_in: SignIn, database: Database, vault: Vault
) -> None:
    staff = make.make_user(database, "Karin Wouters", locale="en-GB")
    owner = make.make_user(database, "Claire Delmotte", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={staff: "staff"})
    client = make.make_tenant(database, "client", "Drukkerij Ingels", members={owner: "owner"})
    make.make_grant(database, client, firm)
    authorisation = make.make_authorisation(database, vault, firm, state="needs_consent")
    coupling = make.make_coupling(database, client, authorisation)
    account = make.make_bank_account(database, client)
    make.make_configuration(database, coupling, account)
    page = sign_in(staff).get(f"/c/{client.id}/").text
    assert "The package asks for a new log-in" in page
    assert f"/p/{firm.id}/authorisations/{authorisation.id}" in page
    theirs = sign_in(owner).get(f"/c/{client.id}/").text
    assert f"/p/{firm.id}/" not in theirs


def test_the_timeline_is_filtered_and_swapped_alone(sign_in: SignIn, database: Database) -> None:
    owner = make.make_user(database, "Claire Delmotte", locale="en-GB")
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})
    browser = sign_in(owner)
    part = browser.get(f"/c/{client.id}/?tl=provider", headers={"HX-Request": "true", "HX-Target": "story"}).text
    assert part.lstrip().startswith("<section")
    assert "Nothing of this kind yet." in part


def test_what_a_bank_told_names_its_provider(sign_in: SignIn, database: Database) -> None:
    owner = make.make_user(database, "Claire Delmotte", locale="en-GB")
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})
    account = make.make_bank_account(database, client)
    with database.scoped(Setting(tenant=client.id)) as session:
        told = FeedTransaction("1", TransactionStatus.BOOKED, line(0, 10, "A"))
        scope = Scope.system(session, client.id)
        store_transactions(scope, scope.get(BankAccount, account.id), "ponto", [told])
    page = sign_in(owner).get(f"/c/{client.id}/?tl=provider").text
    assert "Ponto: 1 lines stored" in page


def test_each_bank_account_shows_its_own_last_year(sign_in: SignIn, database: Database) -> None:
    owner = make.make_user(database, "Claire Delmotte", locale="en-GB")
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})
    browser = sign_in(owner)
    for account, year in (("BE68539007547034", 2022), ("BE43068999999501", 2026)):
        day = f"{year}-01-31"
        content = camt_file(("12.50", "Bread"), closing="112.50", day=day).replace(
            b"BE68539007547034", account.encode()
        )
        offer(browser, client, (f"{year}.xml", content))
    page = browser.get(f"/c/{client.id}/").text
    assert page.count('class="kp-spark"') == 2
    assert "Balance from 30/01/2022, 100.00" in page
    assert "to 31/01/2026, 112.50" in page
    assert "See 1 waiting line" in page


def test_a_log_in_that_works_again_is_not_asked_for(sign_in: SignIn, database: Database, vault: Vault) -> None:
    staff = make.make_user(database, "Karin Wouters", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={staff: "administrator"})
    client = make.make_tenant(database, "client", "Drukkerij Ingels")
    make.make_grant(database, client, firm)
    make.make_coupling(database, client, make.make_authorisation(database, vault, firm))
    with database.scoped(Setting(tenant=client.id)) as session:
        refresh_standing(session, client.id)
        session.execute(
            update(Standing)
            .where(Standing.tenant_id == client.id)
            .values(state="stopped", code="authorisation.token_expired")
        )
    page = sign_in(staff).get(f"/c/{client.id}/").text
    assert "The log-in at the package works again" in page
    assert "Reconnect" not in page
