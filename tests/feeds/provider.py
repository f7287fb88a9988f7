"""A feed provider in memory: banks whose transactions grow, consents that end, failures to order.

It is the oracle too: `told` is what the bank knows, whatever the product stored.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import requests

from portal.connectors.base import Gate, Identity
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected
from portal.connectors.feed import (
    Attempt,
    Beginning,
    FeedAccount,
    FeedPage,
    FeedTransaction,
    Fetch,
    Institution,
    LinkStatus,
    Notice,
    RefreshStatus,
    TransactionStatus,
)
from portal.connectors.login import AuthMode
from portal.connectors.manifest import Capabilities, Limits, Manifest
from portal.connectors.statement import StatementLine
from portal.kernel import clock

KEY = "pretendbank"
MANIFEST = Manifest(
    key=KEY, label="Pretend Feed", kind="feed", auth=AuthMode.KEY, hosts={"live": "https://feed.invalid"}, reads=(),
    sends=(), never=(), capabilities=Capabilities(), limits=Limits(), countries=("BE",), maturity="sandbox",
)  # fmt: skip
EXPLANATIONS: dict[str, Any] = {}
_serial = itertools.count(1)


@dataclass
class Account:
    number: str
    currency: str = "EUR"
    name: str = "Current account"
    told: list[FeedTransaction] = field(default_factory=list)
    pending: list[FeedTransaction] = field(default_factory=list)
    available: bool = True


@dataclass
class Bank:
    """The server's side of one link."""

    link: str = "link-1"
    customer: str = "customer-1"
    accounts: dict[str, Account] = field(default_factory=dict)
    consent_ends_at: datetime | None = None
    next_refresh_at: datetime | None = None
    ended: str = ""
    attempt: Attempt | None = None
    failures: list[ConnectorError] = field(default_factory=list)  # of the next calls that read
    calls: list[str] = field(default_factory=list)
    refreshes: dict[str, list[RefreshStatus]] = field(default_factory=dict)
    refresh_fails: list[ConnectorError] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    page: int = 2
    revoked: bool = False

    def grow(self, account: str, *movements: tuple[date, str]) -> list[FeedTransaction]:
        made = [transaction(day, amount) for day, amount in movements]
        self.accounts[account].told += made
        return made

    def renew(self, days: int) -> None:
        self.ended, self.consent_ends_at = "", clock.now() + timedelta(days=days)


def transaction(day: date, amount: str, words: str = "") -> FeedTransaction:
    number = next(_serial)
    line = StatementLine(day, day, Decimal(amount), words or f"Invoice {number}", "Colruyt", "", "")
    return FeedTransaction(f"t{number}", TransactionStatus.BOOKED, line)


@dataclass
class Client:
    bank: Bank
    link: str = ""

    def _read(self, name: str) -> None:
        self.bank.calls.append(name)
        if self.bank.failures:
            raise self.bank.failures.pop(0)
        if self.bank.ended or self.bank.revoked:
            raise AuthorisationExpired(self.bank.ended or f"{KEY}.revoked", values={"request_id": "r-1"})

    def identity(self) -> Identity:
        self._read("identity")
        if self.link not in ("", self.bank.link):
            return Identity("somebody-else", "", "", "", "")
        return Identity(self.bank.customer, "", "", "", "")

    def accounts(self) -> Sequence[FeedAccount]:
        self._read("accounts")
        return [
            FeedAccount(key, one.number, one.currency, one.name, "Delmotte", "checking", "KBC", Decimal("10.00"),
                        clock.now(), None, one.available)
            for key, one in self.bank.accounts.items()
        ]  # fmt: skip

    def transactions(self, account: str, cursor: str = "") -> Iterator[FeedPage]:
        self._read("transactions")
        told = self.bank.accounts[account].told
        at = int(cursor or 0)
        while True:
            some = told[at : at + self.bank.page]
            at += len(some)
            yield FeedPage(some, str(at))
            if at >= len(told):
                return
            self._read("page")

    def pending(self, account: str) -> Sequence[FeedTransaction]:
        self._read("pending")
        return self.bank.accounts[account].pending

    def status(self) -> LinkStatus:
        self.bank.calls.append("status")
        return LinkStatus(
            self.bank.consent_ends_at, self.bank.next_refresh_at, clock.now(), self.bank.attempt, self.bank.ended
        )

    def refresh(self, account: str, customer_address: str) -> str:
        self.bank.calls.append("refresh")
        if self.bank.refresh_fails:
            raise self.bank.refresh_fails.pop(0)
        self.bank.addresses.append(customer_address)
        made = f"f{len(self.bank.addresses)}"
        self.bank.refreshes.setdefault(made, [RefreshStatus.RUNNING, RefreshStatus.DONE])
        return made

    def refreshed(self, refresh: str) -> Attempt:
        steps = self.bank.refreshes[refresh]
        return Attempt(steps.pop(0) if len(steps) > 1 else steps[0])

    def renewal(self, return_to: str, state: str, account: str = "") -> str:
        self.bank.calls.append("renewal")
        return f"https://feed.invalid/renew?return_to={return_to}&state={state}"

    def revoke(self) -> None:
        self.bank.revoked = True


# What the module of a connector offers; tests put their bank here.
BANKS: dict[str, Bank] = {}
INSTITUTIONS = [Institution("kbc", "KBC", "BE", "KREDBEBB"), Institution("argenta", "Argenta", "BE", "ARSPBE22")]


@dataclass
class Banks:
    def institutions(self, country: str) -> Sequence[Institution]:
        return [one for one in INSTITUTIONS if one.country == country]

    def begin(
        self, institution: str, return_to: str, state: str, *, person: str, customer: str = "", locale: str = "en"
    ) -> Beginning:
        return Beginning(f"https://feed.invalid/connect?return_to={return_to}&state={state}", customer or "customer-1")


def connect(session: requests.Session, host: str, gate: Gate, link: str = "") -> Client:
    if link not in BANKS:
        raise Rejected(f"{KEY}.link_unknown")
    return Client(BANKS[link], link)


def directory(session: requests.Session, host: str, gate: Gate) -> Banks:
    return Banks()


def callbacks(
    url: str, headers: Mapping[str, str], body: bytes, now: datetime, *, host: str, application: str, fetch_keys: Fetch
) -> Sequence[Notice]:
    if headers.get("Signature") != "right":
        raise Rejected(f"{KEY}.callback_signature")
    event, link, account, state = body.decode().split("|")
    return [Notice(event, link, account, state)]
