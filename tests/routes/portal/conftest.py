"""A firm with a handful of client accounts that stand in different ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from portal.authorisations.models import Authorisation, Credential
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.sync.models import Standing
from portal.tenants.models import Grant, Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn


@dataclass
class Office:
    """The firm, its people, and what a test adds."""

    database: Database
    vault: Vault
    firm: Tenant
    karin: User
    nadia: User
    browser: Client

    def client(self, name: str, state: str = "active", code: str = "", **more: Any) -> Tenant:
        """A client account that let the firm in and stands so; `login` couples it to an authorisation."""
        login, waiting = more.pop("login", None), more.pop("waiting", 0)
        last_sync = more.pop("last_sync", None)
        client = make.make_tenant(self.database, "client", name, **more)
        make.make_grant(self.database, client, self.firm)
        coupling = make.make_coupling(self.database, client, login) if login else None
        with self.database.scoped(Setting(tenant=client.id)) as session:
            session.merge(
                Standing(
                    tenant_id=client.id, state=state, code=code, values={}, since=clock.now(), waiting_lines=waiting,
                    last_sync_at=last_sync, coupling_id=coupling.id if coupling else None, changed_at=clock.now(),
                )
            )  # fmt: skip
        return client

    def login(self, name: str, state: str = "active", days_left: int = 25) -> Authorisation:
        row = make.make_authorisation(self.database, self.vault, self.firm, name=name, access="a", refresh="r",
                                      state=state)  # fmt: skip
        with self.database.scoped(Setting(tenant=self.firm.id)) as session:
            credential = session.get_one(Credential, (self.firm.id, row.id))
            credential.refresh_expires_at = clock.now() + timedelta(days=days_left)
        return row

    def grant_of(self, client: Tenant, **changes: Any) -> None:
        with self.database.scoped(Setting(tenant=client.id)) as session:
            grant = session.query(Grant).filter_by(tenant_id=client.id, portal_id=self.firm.id).one()
            for name, value in changes.items():
                setattr(grant, name, value)

    def page(self, query: str = "", **more: Any) -> str:
        answer = self.browser.get(f"/p/{self.firm.id}/{query}", **more)
        assert answer.status_code == 200
        return answer.text

    def names(self, query: str = "") -> list[str]:
        """The clients of the list, from top to bottom."""
        return re.findall(r'class="kp-name" href="[^"]+">([^<]+)<', self.page(query))


@pytest.fixture
def office(database: Database, vault: Vault, sign_in: SignIn) -> Office:
    karin = make.make_user(database, "Karin Wouters", locale="en-GB")
    nadia = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    firm = make.make_tenant(
        database, "portal", "Peeters Lambrechts", members={karin: "administrator", nadia: "administrator"}
    )
    return Office(database, vault, firm, karin, nadia, sign_in(karin))
