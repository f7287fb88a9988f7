"""A firm with an authorisation at a provider that answers from memory, and a client that let it in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from portal.authorisations import service as authorisations
from portal.authorisations.models import Authorisation
from portal.connectors import base
from portal.connectors.errors import ConnectorError
from portal.couplings.dossiers import store_dossiers
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount
from portal.routes import _couplings
from portal.tenants.models import Tenant
from tests import factories as make
from tests.couplings.conftest import BOOKS, IBAN
from tests.routes.conftest import Client, SignIn


@dataclass
class Provider:
    """The reading half of a bookkeeping package; `failure` is raised instead of any answer."""

    listed: list[base.Dossier] = field(default_factory=list)
    failure: ConnectorError | None = None
    calls: list[str] = field(default_factory=list)

    def _answer(self, what: str, rows: Sequence[Any]) -> Sequence[Any]:
        self.calls.append(what)
        if self.failure is not None:
            raise self.failure
        return rows

    def dossiers(self) -> Sequence[base.Dossier]:
        return self._answer("dossiers", self.listed)

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        return self._answer("ledger_accounts", BOOKS["ledger_accounts"])

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        return self._answer("journals", BOOKS["journals"])

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        return self._answer("vat_codes", BOOKS["vat_codes"])

    def periods(self, dossier: str) -> Sequence[base.Period]:
        return self._answer("periods", BOOKS["periods"])


@dataclass
class Firm:
    database: Database
    tenant: Tenant
    staff: User
    client: Tenant
    authorisation: Authorisation
    provider: Provider
    browser: Client

    def list_dossiers(self, *dossiers: base.Dossier) -> None:
        self.provider.listed = list(dossiers)
        with self.database.scoped(Setting(tenant=self.tenant.id, portal=self.tenant.id)) as session:
            store_dossiers(make.scope_in(session, self.tenant), self.authorisation.id, dossiers)

    def own(self, code: str = "1", **more: Any) -> base.Dossier:
        """The dossier that certainly belongs to the client."""
        return dossier(code, self.client.name, self.client.enterprise_number, **more)

    def url(self, path: str, **query: str) -> str:
        found = "&".join(f"{key}={value}" for key, value in query.items())
        return f"/c/{self.client.id}/couplings{path}" + (f"?{found}" if found else "")


def dossier(code: str, name: str, number: str = "", **more: Any) -> base.Dossier:
    values: dict[str, Any] = {"status": base.DossierStatus.ACTIVE, "country": "BE", "currency": "EUR"} | more
    return base.Dossier(code=code, number=f"20{code}", name=name, enterprise_number=number, **values)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    made = Provider()
    monkeypatch.setattr(authorisations, "connect", lambda *_args, **_more: made)
    monkeypatch.setattr(_couplings, "trial", type(_couplings.trial)())
    return made


@pytest.fixture
def firm(database: Database, vault: Vault, provider: Provider, sign_in: SignIn) -> Firm:
    staff = make.make_user(database, "Karin Wouters", locale="en-GB")
    tenant = make.make_tenant(database, "portal", "Peeters Lambrechts", members={staff: "staff"})
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL")
    make.make_grant(database, client, tenant)
    authorisation = make.make_authorisation(database, vault, tenant, name=f"Exact {uuid.uuid4().hex[:6]}")
    return Firm(database, tenant, staff, client, authorisation, provider, sign_in(staff))


@pytest.fixture
def bank(database: Database, firm: Firm) -> BankAccount:
    return make.make_bank_account(database, firm.client, IBAN)
