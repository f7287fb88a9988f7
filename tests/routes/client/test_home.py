"""The home of a client account."""

from __future__ import annotations

from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests import factories as make
from tests.routes.conftest import SignIn


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
