"""The process that dies: it fetches one account until it comes to the point it was armed for."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from config import Settings
from portal import runtime
from portal.activity.service import set_key
from portal.connectors import registry
from portal.feeds import fetching
from portal.feeds.models import Feed
from portal.kernel import crash, queue
from portal.kernel.vault import Kek, Vault
from tests.feeds import provider

AUDIT_KEY = b"the audit key of the tests"


@dataclass(frozen=True)
class Place:
    """Everything a victim has to know; it starts with nothing but this."""

    environment: Mapping[str, str]
    client: uuid.UUID
    account: uuid.UUID
    bank: str  # what the provider tells, as JSON


def work(place: Place, point: str) -> None:
    """Come back only when the point was never reached."""
    registry.FEEDS[provider.KEY] = "tests.feeds.provider"
    settings = Settings.from_env(place.environment)
    made = runtime.make(settings, pool_size=2)
    queue.connect(None)
    set_key(AUDIT_KEY)
    runtime.set(runtime.Runtime(settings, made.database, Vault([Kek("tests", bytes(range(32)))])))
    bank = bank_of(place.bank)
    crash.arm(point)

    def opener(means: object, feed: Feed, *, person: bool = False, link: str = "") -> provider.Client:
        return provider.Client(bank)

    fetching.fetch(runtime.get(), place.client, place.account, opener)


def bank_of(told: str) -> provider.Bank:
    """The same bank in another process: the same ids, days and amounts."""
    known: dict[str, Any] = json.loads(told)
    bank = provider.Bank()
    for remote, rows in known.items():
        account = provider.Account("")
        for identity, day, amount, words in rows:
            one = provider.transaction(date.fromisoformat(day), amount, words)
            account.told.append(type(one)(identity, one.status, one.line))
        bank.accounts[remote] = account
    return bank
