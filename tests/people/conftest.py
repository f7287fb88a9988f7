"""A firm with somebody for everything, and clients that let it in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal import runtime
from portal.access import Actor, Scope
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount
from portal.routes._access import scope_of
from portal.tenants.models import Grant, Membership, Tenant
from tests import factories as make
from tests.conftest import Urls
from tests.routes.conftest import settings_for_tests


@dataclass(frozen=True)
class Firm:
    database: Database
    firm: Tenant
    client: Tenant
    grant: Grant
    accounts: tuple[BankAccount, BankAccount]
    head: User
    head_membership: Membership
    other: User
    other_membership: Membership  # of somebody with no role but job roles

    @contextmanager
    def scope(self, user: User | None = None, tenant: Tenant | None = None) -> Iterator[Scope]:
        """As this person comes in; nothing is kept, and it is not limited to reading."""
        user, tenant = user or self.head, tenant or self.firm
        with self.database.scoped() as session:
            token = sessions.start(session, user, second_factor=True)
        with self.database.scoped() as session:
            found = sessions.enter(session, token, tenant.id)
            assert found is not None
            assert found.role is not None
            portal = tenant.id if tenant.kind == "portal" else None
            session.info["setting"] = Setting(tenant.id, portal, found.via_id, user.id)
            yield scope_of(session, tenant.id, tenant.kind, found)

    @contextmanager
    def product(self, tenant: Tenant | None = None) -> Iterator[Scope]:
        tenant = tenant or self.firm
        with self.database.scoped() as session:
            yield Scope.system(session, tenant.id, tenant.kind, Actor(self.head.id, self.head.name))

    def pair(self, number: int = 0) -> list[str]:
        return [str(self.client.id), str(self.accounts[number].id)]


@pytest.fixture(autouse=True)
def _running(tmp_path: Path, database_urls: Urls, database: Database, vault: Vault) -> None:
    runtime.set(runtime.Runtime(settings_for_tests(tmp_path, database_urls), database, vault))


@pytest.fixture
def firm(database: Database) -> Firm:
    head, other = make.make_user(database, "Nadia", locale="en-GB"), make.make_user(database, "Tom", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Peeters")
    client = make.make_tenant(database, "client", "Delmotte")
    return Firm(
        database, firm, client, make.make_grant(database, client, firm),
        (make.make_bank_account(database, client), make.make_bank_account(database, client)),
        head, make.make_member(database, firm, head, "administrator"),
        other, make.make_member(database, firm, other, "custom"),
    )  # fmt: skip


NOWHERE = str(uuid.UUID(int=7))
