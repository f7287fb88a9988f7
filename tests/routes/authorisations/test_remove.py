"""Switching off and removing say what hangs on an authorisation."""

from __future__ import annotations

from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import words


def test_one_in_use_stays_and_the_page_says_why(sign_in: SignIn, database: Database, vault: Vault) -> None:
    head = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={head: "administrator"})
    row = make.make_authorisation(database, vault, firm, name="Exact BE")
    for name in ("Drukkerij Ingels", "Boulangerie Delmotte"):
        make.make_coupling(database, make.make_tenant(database, "client", name), row)
    client, url = sign_in(head), f"/p/{firm.id}/authorisations/{row.id}"
    page = client.get(url).text
    assert "2 couplings hang on it. Switched off, they all stop" in words(page)
    assert "Switch off and stop 2 couplings" in words(page)
    assert f'action="{url}/remove"' not in page
    answer = client.post(url + "/remove")
    assert answer.location == url
    assert "Exact BE is still in use; couplings that hang on it: 2." in words(client.get(url).text)


def test_an_unused_one_goes(sign_in: SignIn, database: Database, vault: Vault) -> None:
    head = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={head: "administrator"})
    row = make.make_authorisation(database, vault, firm)
    client, url = sign_in(head), f"/p/{firm.id}/authorisations/{row.id}"
    page = client.get(url).text
    assert "No coupling hangs on it." in words(page)
    assert f'action="{url}/remove"' in page
    assert client.post(url + "/remove").location == f"/p/{firm.id}/authorisations"
    assert client.get(url).status_code == 404
