"""What billing keeps: who sends the bills, an invoice to a portal, and the facts behind it."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.billing import configuring
from portal.billing.models import ClosedMonth, Invoice, InvoiceFile, InvoiceLine, Payment, Seller, Usage
from portal.demo.billing import PRICE_LIST
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.tenants.models import Management, Tenant


def set_prices(owner_url: str) -> None:
    """As who runs the installation does, and those of the demo."""
    configuring.load_as_owner(owner_url, configuring.read(PRICE_LIST.read_text(encoding="utf-8")))


def managed(session: Session, client: Tenant, portal: Tenant) -> None:
    """The client account was the firm's for ten days."""
    session.add(
        Management(tenant_id=client.id, id=uuid7(), portal_id=portal.id, starts_on=date(2026, 3, 1),
                   stops_on=date(2026, 3, 11), noted_at=clock.now())
    )  # fmt: skip


def billed(session: Session, portal: Tenant, client: Tenant, mark: str) -> dict[str, uuid.UUID]:
    """An invoice for those ten days."""
    seller = session.scalars(select(Seller).where(Seller.key == "main")).one()
    month, key, now, common = date(2026, 3, 1), uuid7(), clock.now(), {"tenant_id": portal.id}
    party = dict.fromkeys(("street", "postcode", "city", "email", "bic"), "") | {
        "name": f"{mark}firm", "country": "BE", "enterprise_number": "0945217389", "vat_number": "BE0945217389",
        "iban": "BE71096123456769",
    }  # fmt: skip
    session.add(ClosedMonth(**common, month=month, closed_at=now))
    session.add(
        Invoice(**common, id=key, seller_id=seller.id, kind="invoice", year=2026, month=month,
                issued_on=date(2026, 4, 1), due_on=date(2026, 5, 1), net=Decimal("1.45"), vat=Decimal("0.30"),
                gross=Decimal("1.75"), line_count=1, seller=party, buyer=party, locale="nl-BE", refers_to=[],
                vat_rows=[{"category": "S", "rate": "0.2100", "net": "1.45", "vat": "0.30"}], issued_at=now)
    )  # fmt: skip
    session.flush()
    counted = {"month": month, "item": "client_account", "of_days": 31, "price": Decimal("4.50"), "position": 1}
    session.add(
        InvoiceLine(**common, **counted, invoice_id=key, correction=False, client_name=f"{mark}x", subject_name="",
                    unit="day", quantity=10, net=Decimal("1.45"), category="S", rate=Decimal("0.21"))
    )  # fmt: skip
    session.add(
        Usage(**common, **counted, invoice_id=key, client_id=client.id, client_name=f"{mark}x", subject_id=client.id,
              subject_name="", days=10, net=Decimal("1.45"))
    )  # fmt: skip
    session.add(
        Payment(**common, invoice_id=key, amount=Decimal("1.00"), currency="EUR", paid_on=date(2026, 4, 2),
                noted_at=now, noted_by=f"{mark}n")
    )  # fmt: skip
    for kind in ("pdf", "ubl"):
        content = f"{mark}{kind}".encode()
        digest = hashlib.sha256(content).digest()
        session.add(InvoiceFile(**common, invoice_id=key, kind=kind, content=content, sha256=digest))
    return {"invoice_id": key}
