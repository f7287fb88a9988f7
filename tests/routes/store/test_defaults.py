"""Defaults: of the firm, of one client account, and which value holds."""

from __future__ import annotations

import html
import re

from portal.couplings.books import store_books
from portal.kernel.db import Database, Setting
from portal.ledger.models import BankAccount
from tests import factories as make
from tests.couplings.conftest import BOOKS
from tests.routes.couplings.conftest import Firm, bank, firm, provider

__all__ = ["bank", "firm", "provider"]


def coupled(database: Database, firm: Firm) -> str:
    row = make.make_coupling(database, firm.client, firm.authorisation)
    with database.scoped(Setting(tenant=firm.client.id)) as session:
        store_books(make.scope_in(session, firm.client), row.id, BOOKS)
    return str(row.id)


def save(firm: Firm, **values: str) -> int:
    return firm.browser.post(f"/p/{firm.tenant.id}/modules/exact/defaults", data=values).status_code


def held(firm: Firm, coupling: str) -> dict[str, str]:
    """Each row of the table, from its name to the rest, as people read it."""
    page = firm.browser.get(f"/c/{firm.client.id}/couplings/{coupling}/defaults").text
    table = re.search(r'(?s)<table[^>]*aria-labelledby="held-h".*?</table>', page)
    assert table
    rows = re.findall(r'(?s)<th role="rowheader"[^>]*>(.*?)</th>(.*?)</tr>', table[0])
    return {plain(name): plain(rest) for name, rest in rows}


def plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_the_firm_s_defaults_fill_in_a_new_configuration(firm: Firm, database: Database, bank: BankAccount) -> None:
    coupling = coupled(database, firm)
    assert save(firm, frequency="daily", delay_days="5", automatic="0", suspense_account="400000") == 303
    page = firm.browser.get(firm.url("/configure", coupling=coupling)).text
    assert re.search(r'<input[^>]*name="delay_days"[^>]*value="5"', page)
    assert re.search(r'<input[^>]*name="suspense_account"[^>]*value="400000"', page)
    assert re.search(r'<input[^>]*checked[^>]*name="frequency"[^>]*value="daily"', page)


def test_the_journal_of_the_account_number_goes_before_a_default(
    firm: Firm, database: Database, bank: BankAccount
) -> None:
    coupling = coupled(database, firm)
    save(firm, journal="21")
    page = firm.browser.get(firm.url("/configure", coupling=coupling)).text
    assert re.search(r'<option selected value="20">', page)


def test_a_client_s_own_value_overrules_and_says_why(firm: Firm, database: Database, bank: BankAccount) -> None:
    coupling = coupled(database, firm)
    save(firm, delay_days="5", suspense_account="999999", automatic="1")
    url = f"/c/{firm.client.id}/couplings/{coupling}/defaults"
    assert firm.browser.post(url, data={"delay_days": "2"}).status_code == 303
    rows = held(firm, coupling)
    assert rows["Delay in days"] == "2 chosen for this client account 5 default of the firm: overruled"
    assert (
        rows["Suspense account"] == "499000 proposed from the dossier 999999 default of the firm: not in this dossier"
    )
    assert rows["After the delay"].startswith("Send by itself default of the firm")
    assert rows["Journal of bank statements"].startswith("20 proposed from the dossier")
    assert rows["Journal of sales"] == "– asked when it is configured –"


def test_a_wrong_value_is_told_at_its_field(firm: Firm) -> None:
    answer = firm.browser.post(f"/p/{firm.tenant.id}/modules/exact/defaults", data={"delay_days": "15"})
    assert answer.status_code == 422
    assert "Choose a delay of 0 to 14 days." in answer.text
    assert save(firm, frequency="hourly") == 422


def test_a_configuration_keeps_what_it_says(firm: Firm, database: Database, bank: BankAccount) -> None:
    coupling = make.make_coupling(database, firm.client, firm.authorisation)
    with database.scoped(Setting(tenant=firm.client.id)) as session:
        store_books(make.scope_in(session, firm.client), coupling.id, BOOKS)
    make.make_configuration(database, coupling, bank, delay_days=9)
    save(firm, delay_days="5")
    page = firm.browser.get(f"/c/{firm.client.id}/couplings/{coupling.id}/defaults").text
    assert "Configurations keep what they say" in page
    assert re.search(r'data-label="Its value">9<', page)


def test_vat_codes_are_kept_by_rate(firm: Firm, database: Database) -> None:
    assert save(firm, **{"vat:sales:S:0.21": "4"}) == 303
    page = firm.browser.get(f"/p/{firm.tenant.id}/modules/exact/defaults").text
    assert re.search(r'name="vat:sales:S:0.21" value="4"', page)
    assert held(firm, coupled(database, firm))["Sales 21 %"].startswith("– asked when it is configured 4 default")


def test_defaults_of_a_feed_do_not_exist(firm: Firm) -> None:
    assert firm.browser.get(f"/p/{firm.tenant.id}/modules/ponto/defaults").status_code == 404
