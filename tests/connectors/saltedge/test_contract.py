"""The rules of all bank feeds, kept by Salt Edge against its stand-in server."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from portal.connectors.feed import BankFeed
from portal.connectors.saltedge import EXPLANATIONS
from portal.connectors.saltedge.client import Client
from sandbox.saltedge import Running
from tests.connectors.feed_contract import Fact, Fault, FeedContract, FeedWorld
from tests.connectors.saltedge.world import APP, LOGIN, PUBLIC, SECRET, World, session

BANK = "kbc_be"
# At night, so that nothing is booked between the provider's last fetch and now.
NIGHT = "2026-05-20T04:00:00+00:00"
FIRST = "2026-04-15"  # from when on the provider takes over what is booked: 35 days before the consent
KINDS = {
    Fault.LOST: "drop", Fault.RATE_LIMITED: "429", Fault.FAULTY: "500", Fault.BUSY: "503", Fault.SLOW: "slow",
    Fault.GARBAGE: "garbage", Fault.TRUNCATED: "truncated",
}  # fmt: skip


class SaltEdgeWorld(World):
    """See `tests.connectors.feed_contract.FeedWorld`."""

    explanations = EXPLANATIONS
    secret = SECRET

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.control.post("reset")
        self.control.post("apps", app_id=APP, secret=SECRET, public_key=PUBLIC)
        self.control.post("clock", freeze=True)
        self.control.post("clock", set=NIGHT)
        self.control.post("settings", automatic_hours=0, history_days=35)
        self.number = self.control.post("bank-accounts", provider=BANK, login=LOGIN, pace=36)["iban"]
        other = self.control.post("bank-accounts", provider=BANK, login=LOGIN, pace=0, nature="savings")["iban"]
        self.numbers = {self.number, other}
        self.id = self.consent(self.begin(BANK))["connection_id"]
        self.connection: BankFeed = self.client(self.id, read=1)
        self.unreachable: BankFeed = Client(
            session(), "http://127.0.0.1:9", self.gate, self.id, sleep=lambda seconds: None
        )
        self.account = next(one.id for one in self.connection.accounts() if one.number == self.number)

    @property
    def today(self) -> date:
        return self.now().date()

    def booked(self) -> Counter[Fact]:
        return Counter(
            (date.fromisoformat(row["date"]), Decimal(row["amount"]))
            for row in self.control.ledger(self.number)
            if row["booked_at"] >= FIRST
        )

    def fetch(self) -> None:
        self.control.post(f"connections/{self.id}/fetch")

    def pass_days(self, days: int) -> None:
        self.advance(hours=days * 24 - 2)
        self.fetch()
        self.advance(hours=2)

    def book(self, amount: Decimal, on: date, text: str) -> None:
        self.control.post(
            f"bank-accounts/{self.number}/transactions", amount=str(amount), made_on=on.isoformat(), description=text
        )
        self.fetch()

    def announce(self, amount: Decimal, text: str) -> None:
        path = f"bank-accounts/{self.number}/transactions"
        self.control.post(path, amount=str(amount), description=text, pending_hours=48)
        self.fetch()

    def change_ids(self) -> None:
        assert self.control.post(f"bank-accounts/{self.number}/reissue", days=7)["rows"]

    def end_consent(self) -> None:
        self.control.post(f"connections/{self.id}/end", how="expire")

    def sign(self, address: str) -> None:
        assert self.consent(address)["state"] == "our-state"

    def fail_next_fetch(self) -> None:
        self.control.post("faults", kind="ProviderUnavailable", endpoint=f"{BANK}/*")

    def finish_fetches(self) -> None:
        self.advance(seconds=5)

    def fault(self, fault: Fault, times: int = 1) -> None:
        self.control.post("faults", kind=KINDS[fault], method="GET", endpoint="transactions", times=times, seconds=1.5)

    def expire(self) -> None:
        """Nobody logs in here: what ends is the consent."""
        self.control.post(f"connections/{self.id}/end", how="revoke")


@pytest.fixture
def world(server: Running) -> FeedWorld:
    return SaltEdgeWorld(server.url)


class TestContract(FeedContract):
    pass
