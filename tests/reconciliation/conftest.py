"""An office whose bakery sells and buys: bank lines and documents, made the short way."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors import registry
from portal.connectors.base import LedgerAccount
from portal.couplings.books import store_books
from portal.documents.models import Document, DocumentFile
from portal.kernel import clock
from portal.kernel.db import Database, uuid7
from portal.kernel.vault import Vault
from portal.ledger.models import StatementLine
from portal.tenants.names import name_key
from tests.sync.office import Office, open_office

DAY = date(2024, 3, 10)
CUSTOMER = "BE68539007547034"
_serial = itertools.count(1)


@dataclass
class Desk:
    """Where lines and documents meet."""

    office: Office

    def line(self, amount: str, day: date = DAY, **said: Any) -> uuid.UUID:
        """A bank line that nobody drafted yet."""
        statement = self.office.bank_says((day, amount))
        with self.office.scope() as scope:
            row = scope.session.query(StatementLine).filter_by(statement_id=statement).one()
            for name, value in said.items():
                setattr(row, name, value)
            return row.id

    def document(self, due: str, *, day: date = DAY - timedelta(days=20), **told: Any) -> uuid.UUID:
        """An open one: what comes in is a sale, what goes out a purchase."""
        serial, amount, now = next(_serial), Decimal(due), clock.now()
        number, tenant = told.pop("number", f"V24-{serial:05d}"), self.office.client.id
        name = told.pop("party_name", "Garage Peeters BV")
        with self.office.scope() as scope:
            file = DocumentFile(
                tenant_id=tenant, id=uuid7(), filename="a.xml", size=1, sha256=b"x", format="ubl", source="upload",
                state="stored", stored=1, created_at=now,
            )  # fmt: skip
            scope.session.add(file)
            scope.session.flush()
            values: dict[str, Any] = {
                "direction": "sales" if amount > 0 else "purchase", "kind": "invoice", "format": "ubl",
                "number": number, "number_key": "".join(filter(str.isalnum, number)).upper(),
                "issuer_key": "" if amount > 0 else "kbo:9", "date": day, "currency": "EUR", "party_name": name,
                "party_words": name_key(name), "party_key": "kbo:1", "party_country": "BE", "party_vat": "",
                "party_enterprise": "", "party_iban": "", "payment_reference": "", "net": abs(amount),
                "vat": Decimal(0), "gross": abs(amount), "payable": abs(amount), "due": amount,
                "content_hash": uuid.uuid4().bytes, "created_at": now,
            } | told  # fmt: skip
            row = Document(tenant_id=tenant, id=uuid7(), file_id=file.id, **values)
            scope.session.add(row)
            return row.id

    def see(self, line_id: uuid.UUID) -> StatementLine:
        with self.office.scope() as scope:
            row = scope.get(StatementLine, line_id)
            scope.session.expunge(row)
            return row

    def settled(self, document_id: uuid.UUID) -> Decimal:
        with self.office.scope() as scope:
            return scope.get(Document, document_id).settled


@pytest.fixture(autouse=True, scope="session")
def _pretend() -> Iterator[None]:
    """Put the package in memory on the list of connectors."""
    others = "pretend" in registry.CONNECTORS
    registry.CONNECTORS["pretend"] = "tests.sync.provider"
    yield
    if not others:
        registry.CONNECTORS.pop("pretend", None)


@pytest.fixture
def desk(database: Database, vault: Vault) -> Desk:
    return open_desk(database, vault)


def open_desk(database: Database, vault: Vault) -> Desk:
    """With customers on 400000, suppliers on 440000 and suspense on 499000."""
    office = open_office(database, vault)
    accounts = [
        LedgerAccount("400000", "Klanten", "4", "receivable"),
        LedgerAccount("440000", "Leveranciers", "5", "payable"),
        LedgerAccount("499000", "Wachtrekening", "6", "general"),
        LedgerAccount("550000", "Bank", "7", "bank"),
    ]
    with office.scope() as scope:
        store_books(scope, office.coupling.id, {"ledger_accounts": accounts})
    return Desk(office)
