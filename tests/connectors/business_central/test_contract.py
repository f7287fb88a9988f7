"""The shared rules for bookkeeping connectors, kept by Business Central against its stand-in server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
import requests

from portal.connectors.base import LedgerAccount
from portal.connectors.business_central import MANIFEST, connect
from portal.kernel import http
from tests.connectors.contract import BookkeepingContract
from tests.connectors.contract.entries import refusal_of
from tests.connectors.contract.world import Fault
from tests.connectors.package_world import FAULTS, OPEN_CODE, Bearer, Control, PackageWorld, fresh, serving

PAGE = 50
ENVIRONMENT = "Production"


class BusinessCentralWorld(PackageWorld):
    """A batch of its own for each run; 580000 takes the place of the bank's, as journals name no account."""

    key, connect = "business_central", staticmethod(connect)
    capabilities = MANIFEST.capabilities
    others = PAGE + 4
    most_lines = 500  # none is known
    bank_journal, general_journal = "", "90"
    bank_account, suspense_account = "580000", "499000"
    foreign_account = LedgerAccount("999999", "Nowhere", "00000000-0000-4000-8000-000000000000", "general")

    @property
    def company(self) -> str:
        """What the stand-in calls the dossier."""
        return self.dossier.partition(".")[2]

    def name_of(self, row: Mapping[str, Any]) -> str:
        return f"{ENVIRONMENT}.{row['id']}"

    def fault(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        """The answer to posting has no body that could break off halfway: it is lost as a whole."""
        if write and fault is Fault.TRUNCATED:
            fault = Fault.LOST_AFTER
        self.control.post("faults", write=write, times=times, dossier=self.company, **FAULTS[fault])

    def booked(self, reference: str) -> int:
        found = self.control.get("ledger", dossier=self.company, reference=reference)["entries"]
        return sum(1 for entry in found if entry["state"] == "posted")

    def balance(self, ledger_account: str) -> Decimal:
        balances = self.control.get("balances", dossier=self.company)["balances"]
        return Decimal(balances.get(ledger_account, "0"))

    @property
    def journals_address(self) -> str:
        return f"{self.control.host}/v2.0/{ENVIRONMENT}/api/v2.0/companies({self.company})/journals"

    def by_hand(self) -> requests.Session:
        """What a bookkeeper does in Business Central itself."""
        session = http.session()
        session.auth = Bearer(self.secret)
        return session

    def throw_away_all(self) -> None:
        for made in self.control.get("things", kind="batch", owner=self.company)["things"]:
            self.by_hand().delete(f"{self.journals_address}({made})", headers={"If-Match": "*"}).raise_for_status()

    def left_behind(self) -> list[str]:
        """Codes of the batches that the connector made and that still stand there."""
        return [one["code"] for one in self.control.get("things", kind="batch", owner=self.company)["things"].values()]


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    yield from serving(BusinessCentralWorld, tmp_path_factory.mktemp("business_central"))


@pytest.fixture
def world(control: Control) -> BusinessCentralWorld:
    """Pages are short, so that a list has several."""
    made = fresh(BusinessCentralWorld, control)
    control.post("settings", page_size=PAGE, closed_environment="")
    made.throw_away_all()
    return made


class TestContract(BookkeepingContract):
    pass


def test_the_dossier_is_a_company_of_an_environment(world: BusinessCentralWorld) -> None:
    (own,) = [one for one in world.connection.dossiers() if one.code == world.dossier]
    assert (own.number, own.country, own.currency) == (OPEN_CODE, "NL", "EUR")


def test_an_environment_that_opens_to_nobody_hides_no_other(world: BusinessCentralWorld) -> None:
    world.control.post("settings", closed_environment="Trial")
    assert len(world.connection.dossiers()) == world.dossier_count


def test_a_page_is_followed_to_the_same_list_only(world: BusinessCentralWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is signed with our token."""
    real = http.exchange

    def exchange(*given: Any, **named: Any) -> http.Reply:
        reply = real(*given, **named)
        elsewhere = reply.body.replace(
            b'"@odata.nextLink":"http://127.0.0.1', b'"@odata.nextLink":"http://evil.example'
        )
        return http.Reply(reply.status, reply.headers, elsewhere)

    monkeypatch.setattr(http, "exchange", exchange)
    error = refusal_of(world.connection.dossiers)
    assert error.code == "business_central.foreign_link"
