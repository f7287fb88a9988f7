"""The page that shows how many calls of an authorisation are used, and when they are free again."""

from __future__ import annotations

import pytest

from portal.authorisations.limits import BudgetGate
from portal.authorisations.models import Authorisation
from portal.connectors.errors import Temporary
from portal.connectors.exact import MANIFEST
from portal.connectors.manifest import Limits
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import words

LINES = "financialtransaction/BankEntries"


def call(database: Database, row: Authorisation, dossier: str, number: int, status: int = 201) -> None:
    gate = BudgetGate(database, row.tenant_id, row.id, MANIFEST.limits, person=False)
    for _ in range(number):
        gate.before(dossier, LINES, write=True)
        gate.after(dossier, LINES, status, {})


def test_it_shows_what_is_used_and_when_it_is_free(sign_in: SignIn, database: Database, vault: Vault) -> None:
    head = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={head: "administrator"})
    row = make.make_authorisation(database, vault, firm, name="Exact BE")
    client, url = sign_in(head), f"/p/{firm.id}/authorisations/{row.id}"
    assert f'href="{url}/quota"' in client.get(url).text
    page = words(client.get(f"{url}/quota").text)
    assert "60 in a minute" in page
    assert "5,000, of which 500 are kept for look-ups and people" in page
    assert "No calls today" in page
    call(database, row, "101", 60)
    call(database, row, "102", 5, status=400)
    with pytest.raises(Temporary):
        call(database, row, "101", 1)
    page = words(client.get(f"{url}/quota").text)
    assert "60 of 60" in page
    assert "60 of 5,000" in page
    assert "5 calls refused in this hour; we ask no more" in page
    assert "2 wait, and go on by themselves" in page
    assert page.index("60 of 60") < page.index("5 of 60"), "the one with the most calls first"


def test_a_limit_for_all_dossiers_is_shown_once(database: Database, vault: Vault) -> None:
    from portal.access import Scope
    from portal.authorisations.quotas import quotas
    from portal.kernel.db import Setting

    firm = make.make_tenant(database, "portal", "Peeters Lambrechts")
    row = make.make_authorisation(database, vault, firm)
    limits = Limits(per_minute=20, window_seconds=10, shared=True, errors_per_hour=9)
    gate = BudgetGate(database, row.tenant_id, row.id, limits, person=False)
    for dossier, status in (("1", 200), ("2", 200), ("2", 404)):
        gate.before(dossier, LINES, write=True)
        gate.after(dossier, LINES, status, {})
    with database.scoped(Setting(tenant=firm.id)) as session:
        found = quotas(Scope.system(session, firm.id), row.id, limits)
    assert [(one.dossier, one.in_window, one.refused, one.free_at) for one in found] == [
        ("", 3, 0, None), ("2", 0, 1, None),
    ]  # fmt: skip


def test_another_firm_does_not_see_it(sign_in: SignIn, database: Database, vault: Vault) -> None:
    head = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={head: "administrator"})
    other = make.make_authorisation(database, vault, make.make_tenant(database, "portal", "Bakker & Zn"))
    assert sign_in(head).get(f"/p/{firm.id}/authorisations/{other.id}/quota").status_code == 404
