"""A client account with a bank at the provider in memory, linked or about to be."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select

from portal.access import Actor, Scope
from portal.feeds import accounts, consents, fetching, linking, visits
from portal.feeds.linking import Choice, Contact
from portal.feeds.models import Feed, FeedAccount, FeedFetch
from portal.identity.models import User
from portal.kernel.db import Database, Setting, set_scope
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount, StatementLine
from portal.runtime import Runtime
from portal.tenants.models import Tenant
from tests import factories as make
from tests.feeds import provider
from tests.sync.office import settings

CHOICE = Choice(provider.KEY, "live", "kbc", "KBC", "BE")
BROWSER = "a secret of this browser"


@dataclass
class Office:
    database: Database
    vault: Vault
    firm: Tenant
    client: Tenant
    owner: User
    bank: provider.Bank
    means: Runtime = field(init=False)

    def __post_init__(self) -> None:
        self.means = Runtime(settings(), self.database, self.vault)

    @contextmanager
    def scope(self, user: User | None = None, via: Tenant | None = None) -> Iterator[Scope]:
        with self.database.session(Setting(tenant=self.client.id)) as session, session.begin():
            scope = Scope.system(session, self.client.id)
            scope.tenant_name = self.client.name
            if user is not None:
                scope.actor = Actor(user.id, user.name, via.id if via else None)
                set_scope(session, Setting(tenant=self.client.id, via=via.id if via else None, user=user.id))
            yield scope

    # ------------------------------------------------------------------ what people do

    def begin(self, via: Tenant | None = None, **contact: str) -> tuple[uuid.UUID, str]:
        """The feed, and the state with which somebody is at the provider."""
        with self.scope(self.owner, via) as scope:
            feed, url = linking.begin(
                self.means, scope, uuid.uuid4(), BROWSER, CHOICE, Contact(**(contact or {"email": self.owner.email}))
            )
            return feed.id, parse_qs(urlsplit(url).query)["state"][0]

    def come_back(self, feed_id: uuid.UUID, state: str, link: str = "") -> None:
        visits.claim_visit(self.means, self.client.id, state, BROWSER)
        with self.scope(self.owner) as scope:
            linking.attach(self.means, scope, scope.get(Feed, feed_id), link or self.bank.link)

    def link(self, via: Tenant | None = None) -> uuid.UUID:
        """From nothing to a connected feed with every account ticked."""
        feed_id, state = self.begin(via)
        self.come_back(feed_id, state)
        self.tick(feed_id)
        return feed_id

    def tick(self, feed_id: uuid.UUID) -> int:
        with self.scope(self.owner) as scope:
            feed = scope.get(Feed, feed_id)
            return accounts.choose(scope, feed, {row.id for row in consents.accounts_of(scope, feed)})

    # ------------------------------------------------------------------ what jobs do, and what is there

    def fetch(self, feed_id: uuid.UUID) -> None:
        for row in self.accounts(feed_id):
            fetching.fetch(self.means, self.client.id, row.id)

    def feed(self, feed_id: uuid.UUID) -> Feed:
        with self.scope() as scope:
            return scope.get(Feed, feed_id)

    def accounts(self, feed_id: uuid.UUID) -> list[FeedAccount]:
        with self.scope() as scope:
            return list(consents.accounts_of(scope, scope.get(Feed, feed_id)))

    def all(self, model: type[Any]) -> list[Any]:
        with self.scope() as scope:
            return list(scope.session.scalars(select(model).where(model.tenant_id == self.client.id)))

    def fetches(self) -> list[FeedFetch]:
        return sorted(self.all(FeedFetch), key=lambda row: row.started_at)

    def stored(self) -> list[tuple[str, str]]:
        """Every line, as (account number, amount)."""
        numbers = {row.id: row.number for row in self.all(BankAccount)}
        return sorted((numbers[line.bank_account_id], str(line.amount)) for line in self.all(StatementLine))

    def told(self) -> list[tuple[str, str]]:
        return sorted(
            (account.number, str(one.line.amount)) for account in self.bank.accounts.values() for one in account.told
        )


def open_office(database: Database, vault: Vault, accounts: int = 1) -> Office:
    owner = make.make_user(database, "Claire Delmotte", locale="fr-BE")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts")
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})
    make.make_grant(database, client, firm)
    bank = provider.Bank(link=f"link-{uuid.uuid4().hex}")
    for _ in range(accounts):
        bank.accounts[f"a-{uuid.uuid4().hex[:8]}"] = provider.Account(make.belgian_iban(next(make._counter)))
    bank.renew(180)
    provider.BANKS[bank.link] = bank
    return Office(database, vault, firm, client, owner, bank)
