"""The published client `exactonline` 0.4.0, written by others against the real server, works here."""

from __future__ import annotations

from typing import Any

import exactonline.http
import pytest
from exactonline.api import ExactApi
from exactonline.storage import MissingSetting
from exactonline.storage.base import ExactOnlineConfig

from sandbox.exact.charts import CHARTS
from tests.sandbox.world import APP, BACK, DIVISION, SECRET, World


class Storage(ExactOnlineConfig):  # type: ignore[misc]  # the package has no types
    def __init__(self, url: str) -> None:
        self.values: dict[tuple[str, str], Any] = {
            ("server", "auth_url"): f"{url}/be/api/oauth2/auth",
            ("server", "rest_url"): f"{url}/be/api",
            ("server", "token_url"): f"{url}/be/api/oauth2/token",
            ("application", "base_url"): BACK,
            ("application", "client_id"): "{" + APP.upper() + "}",
            ("application", "client_secret"): SECRET,
        }

    def get(self, section: str, option: str) -> Any:
        if (section, option) not in self.values:
            raise MissingSetting(option)
        return self.values[(section, option)]

    def set(self, section: str, option: str, value: Any) -> None:
        self.values[(section, option)] = value


@pytest.fixture
def api(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(exactonline.http.opt_secure, "protocols", ("http", "https"))
    world.control("clock", real=True)
    api = ExactApi(storage=Storage(world.url))
    api.request_token(world.code())
    return api


def test_it_finds_and_chooses_a_division(api: Any) -> None:
    choices, current = api.get_divisions()
    assert (choices[DIVISION], current) == (f"Division {DIVISION}", DIVISION)
    api.set_division(DIVISION)
    assert api.storage.get_division() == DIVISION


def test_it_reads_all_pages_and_filters(api: Any, world: World) -> None:
    api.set_division(DIVISION)
    everything = api.ledgeraccounts.all()
    assert len(everything) == len(CHARTS["BE"].accounts)
    found = api.ledgeraccounts.filter(code__in=["550000", "499000"])
    assert {row["Code"] for row in found} == {"550000", "499000"}
    assert len(api.vatcodes.all()) == 6


def test_it_creates_changes_and_deletes(api: Any, world: World) -> None:
    api.set_division(DIVISION)
    made = api.relations.create({"Name": "Klant", "Code": "7", "Status": "C"})
    api.relations.update(made["ID"], {"City": "Gent"})
    assert api.relations.get(relation_code="7", select="City")["City"] == "Gent"
    line = {"GLAccount": api.ledgeraccounts.get(filter="Code eq '702000'")["ID"], "AmountFC": 100, "VATCode": "4"}
    entry = api.invoices.create({"Customer": made["ID"], "Journal": "70", "YourRef": "V-1", "SalesEntryLines": [line]})
    read = api.invoices.get(invoice_number="V-1")
    assert (read["EntryID"], len(read["SalesEntryLines"])) == (entry["EntryID"], 1)
    api.invoices.delete(entry["EntryID"])
    assert api.invoices.filter(invoice_number="V-1") == []


def test_it_refreshes_its_token(api: Any, world: World) -> None:
    before = api.storage.get_refresh_token()
    world.advance(575)
    api.storage.set_access_expiry(0)
    choices, _ = api.get_divisions()
    assert len(choices) == 3
    assert api.storage.get_refresh_token() != before
