"""The stand-in with one organisation, one bank and a signed client."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import requests

from portal.connectors.ponto import EXPLANATIONS
from portal.connectors.ponto.client import Banks, Client
from portal.kernel import http
from tests.connectors.contract.world import RecordingGate
from tests.connectors.feed_contract import Fact, Fault

APP, SECRET = "11111111-2222-4333-8444-777777777777", "app-secret-of-ponto"
BACK = "http://127.0.0.1:9/back"
NOON = "2026-05-20T12:00:05+00:00"
KINDS = {
    Fault.LOST: "drop", Fault.RATE_LIMITED: "429", Fault.FAULTY: "500", Fault.BUSY: "503", Fault.SLOW: "slow",
    Fault.GARBAGE: "garbage", Fault.TRUNCATED: "truncated",
}  # fmt: skip


class Control:
    """The stand-in's own control, which the connector knows nothing of."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = http.session(read=30)

    def post(self, path: str, **values: Any) -> Any:
        answer = self.http.post(f"{self.url}/control/api/{path}", json=values)
        assert answer.ok, answer.text
        return answer.json()

    def get(self, path: str, **query: str) -> Any:
        answer = self.http.get(f"{self.url}/control/api/{path}", params=query)
        assert answer.ok, answer.text
        return answer.json()


def start(url: str) -> Control:
    """A clock that stands still, an app, and an organisation with two accounts at one bank."""
    control = Control(url)
    control.post("clock", set=NOON, freeze=True)
    control.post("apps", client_id=APP, secret=SECRET, redirect_uris=[BACK])
    control.post("organisations", login="bakker", name="Bakkerij Het Zoete Deeg BV")
    control.post("accounts", organisation="bakker", bank="KBC", pace=8, history_days=35, opening="1000.00")
    control.post("accounts", organisation="bakker", bank="KBC", pace=0, kind="savings", name="Spaarrekening")
    return control


class World:
    explanations = EXPLANATIONS

    def __init__(self, url: str) -> None:
        self.url = url
        self.control = start(url)
        self.control.post("settings", token_lifetime=400 * 86400)
        tokens = self.control.post("grants", client_id=APP, organisation="bakker")
        self.secret: str = tokens["access_token"]
        self.gate = RecordingGate()
        self.connection = self.client()
        self.unreachable = self.client("http://127.0.0.1:9")
        accounts = self.control.get("accounts")["accounts"]
        self.numbers = {row["iban"] for row in accounts}
        self.ids = [row["id"] for row in accounts]
        self.account, self.number = accounts[0]["id"], accounts[0]["iban"]

    def session(self) -> requests.Session:
        made = http.session(connect=2, read=1)
        made.headers["Authorization"] = f"Bearer {self.secret}"
        return made

    def client(self, host: str = "") -> Client:
        return Client(self.session(), host or f"{self.url}/ponto-connect", self.gate, sleep=lambda seconds: None)

    def banks(self) -> Banks:
        return Banks(http.session(), f"{self.url}/ponto-connect", self.gate)

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.control.get("clock")["now"])

    @property
    def today(self) -> date:
        return self.now.date()

    def truth(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.control.get("ledger", account=self.number)["rows"]
        return rows

    def booked(self) -> Counter[Fact]:
        self.fetch()
        return Counter(
            (date.fromisoformat(row["date"]), Decimal(row["amount"]))
            for row in self.truth()
            if row["status"] == "booked" and row["transaction"]
        )

    def fetch(self) -> None:
        self.control.post(f"accounts/{self.account}/fetch")

    def pass_days(self, days: int) -> None:
        """Step by step, so that the provider fetches in between."""
        for _ in range(days * 2):
            self.control.post("clock", advance=43_200)
        self.fetch()

    def book(self, amount: Decimal, on: date, text: str) -> None:
        self.control.post("rows", account=self.number, amount=str(amount), date=on.isoformat(), remittance=text)
        self.fetch()

    def announce(self, amount: Decimal, text: str) -> None:
        moments = {"announced": self.now.isoformat(), "booked": (self.now + timedelta(days=2)).isoformat()}
        self.control.post("rows", account=self.number, amount=str(amount), remittance=text, **moments)
        self.fetch()

    def change_ids(self) -> None:
        for place in range(3):
            soon = (self.now + timedelta(hours=1)).isoformat()
            self.control.post("rows", account=self.number, amount=f"60{place}.00", remittance="New id", renumbered=soon)
        self.fetch()
        self.control.post("clock", advance=7200)
        self.fetch()

    def end_consent(self) -> None:
        for account in self.ids:
            self.control.post(f"accounts/{account}/end")
            self.control.post(f"accounts/{account}/fetch")

    def sign(self, address: str) -> None:
        page = self.control.http.get(address)
        assert page.ok
        assert "Renew the consent at KBC" in page.text
        answer = self.control.http.post(address, data={"decision": "allow"}, allow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"{BACK}?state=our-state"

    def fail_next_fetch(self) -> None:
        details = {"code": "financialInstitutionUnavailable", "detail": "The bank does not answer"}
        self.control.post("faults", kind="failing_fetch", endpoint=f"fetch/{self.account}", details=details)

    def finish_fetches(self) -> None:
        self.control.post("clock", advance=5)

    def fault(self, fault: Fault, times: int = 1) -> None:
        self.control.post(
            "faults", kind=KINDS[fault], method="GET", endpoint="accounts/*/transactions", times=times, seconds=1.5
        )

    def expire(self) -> None:
        for grant in self.control.get("grants")["grants"]:
            self.control.post(f"grants/{grant['id']}/revoke")
