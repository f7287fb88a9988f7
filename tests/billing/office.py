"""A seller with its own price list, firms, and client accounts under their management."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, select

from portal.access import Scope
from portal.billing import closing, configuring
from portal.billing.closing import Means
from portal.billing.models import Invoice, InvoiceFile, InvoiceLine, Usage
from portal.feeds.models import FeedSpan
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.vault import Vault
from portal.tenants import management
from portal.tenants.models import Management, Tenant
from tests import factories as make
from tests.conftest import Urls

_serial = itertools.count(1)
SELLER = """
[seller]
name = "Koppelpoort BV"
street = "Poortstraat 1"
postcode = "2800"
city = "Mechelen"
country = "BE"
enterprise_number = "0945.217.389"
vat_number = "BE0945217389"
iban = "BE71 0961 2345 6769"
bic = "GKCCBEBB"
email = "billing@koppelpoort.example"
prefix = "{prefix}"
due_days = 30
"""
RATES = "".join(
    f'\n[[vat]]\ncountry = "{country}"\nvalid_from = 2020-01-01\nrate = "{rate}"\n'
    for country, rate in (("BE", 21), ("NL", 21), ("FR", 20))
)


def price(item: str, valid_from: str, amount: str) -> str:
    return f'\n[[price]]\nitem = "{item}"\nvalid_from = {valid_from}\namount = "{amount}"\n'


PRICES = price("client_account", "2024-01-01", "4.50") + price("ponto_account", "2024-01-01", "3.00")


class Office:
    """One seller; its documents are numbered on their own."""

    def __init__(self, database: Database, urls: Urls, vault: Vault, prices: str = PRICES) -> None:
        self.database, self._urls, self.vault = database, urls, vault
        self.key = f"seller{next(_serial)}-{uuid.uuid4().hex[:6]}"
        self.prefix = f"T{next(_serial)}{uuid.uuid4().hex[:4]}".upper()
        self.load(prices)

    def load(self, prices: str) -> None:
        """As an operator does: as the owner of the schema."""
        listed = configuring.read(SELLER.format(prefix=self.prefix) + prices + RATES)
        configuring.load_as_owner(self._urls.owner, listed, self.key)

    def firm(self, name: str = "Peeters Lambrechts", **more: Any) -> Tenant:
        details = {"street": "Grote Markt 12", "postcode": "2800", "city": "Mechelen"} | more
        if "country" not in details:
            number = make.kbo(next(_serial))
            details |= {"enterprise_number": number, "vat_number": f"BE{number}"}
        return make.make_tenant(self.database, "portal", name, **details)

    def client(self, firm: Tenant, name: str, starts_on: date, stops_on: date | None = None) -> Tenant:
        """A client account that this firm managed from a day until another."""
        made = make.make_tenant(self.database, "client", name)
        make.make_grant(self.database, made, firm)
        self.manage(made, firm, starts_on, stops_on)
        return made

    def manage(self, client: Tenant, firm: Tenant, starts_on: date, stops_on: date | None = None) -> None:
        with self.database.scoped(Setting(tenant=client.id)) as session:
            scope = Scope.system(session, client.id)
            management.begin_management(scope, firm.id, starts_on)
            session.flush()
            if stops_on is not None:
                management.end_management(scope, stops_on)

    def link(self, client: Tenant, starts_on: date, stops_on: date | None = None, provider: str = "ponto") -> uuid.UUID:
        """A bank account that was linked on these days, as the database would have noted."""
        account = uuid7()
        with self.admin() as admin, admin.scoped() as session:
            session.add(
                FeedSpan(tenant_id=client.id, id=uuid7(), feed_account_id=account, provider=provider,
                         number=make.belgian_iban(next(_serial)), starts_on=starts_on, stops_on=stops_on)
            )  # fmt: skip
        return account

    def means(self, on: date | None = None) -> Means:
        return Means(self.vault, "https://portal.example", self.key, on)

    @contextmanager
    def admin(self) -> Iterator[Database]:
        """As whoever may do anything: no policy binds it."""
        made = Database(self._urls.admin, pool_size=1)
        yield made
        made.engine.dispose()

    def forget_management(self, client: Tenant) -> None:
        """As when the client account is deleted."""
        with self.admin() as admin, admin.scoped() as session:
            session.execute(delete(Management).where(Management.tenant_id == client.id))

    @contextmanager
    def inside(self, firm: Tenant) -> Iterator[Scope]:
        with self.database.scoped(Setting(tenant=firm.id, portal=firm.id)) as session:
            yield Scope.system(session, firm.id, "portal")

    def close(self, firm: Tenant, month: date, on: date | None = None) -> Invoice | None:
        """Close a month, on the day after it unless told."""
        on = on or (month.replace(day=28) + timedelta(days=4)).replace(day=1)
        with self.inside(firm) as scope:
            return closing.close_month(scope, self.means(on), month)

    def invoices(self, firm: Tenant) -> list[Invoice]:
        with self.inside(firm) as scope:
            return list(scope.session.scalars(select(Invoice).order_by(Invoice.issued_on, Invoice.serial)))

    def lines(self, firm: Tenant, invoice: Invoice) -> list[InvoiceLine]:
        return self._of(InvoiceLine, firm, invoice, InvoiceLine.position)

    def usages(self, firm: Tenant, invoice: Invoice) -> list[Usage]:
        return self._of(Usage, firm, invoice, Usage.position)

    def content(self, firm: Tenant, invoice: Invoice, kind: str) -> bytes:
        files: list[InvoiceFile] = self._of(InvoiceFile, firm, invoice, InvoiceFile.kind)
        return next(file.content for file in files if file.kind == kind)

    def _of(self, model: Any, firm: Tenant, invoice: Invoice, order: Any) -> list[Any]:
        with self.inside(firm) as scope:
            return list(scope.session.scalars(select(model).where(model.invoice_id == invoice.id).order_by(order)))
