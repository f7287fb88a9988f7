"""What who runs the installation does from a shell."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from portal.access import Scope
from portal.billing import closing, payments, reading
from portal.billing.closing import Means
from portal.billing.models import CURRENCY, Invoice
from portal.kernel.db import Setting
from portal.kernel.errors import NotFound
from portal.runtime import Runtime

MANY = 100_000


def close_all(made: Runtime, month: date) -> Iterator[str]:
    """A line for each portal whose month was open."""
    with made.database.scoped() as session:
        portals = closing.portals_to_bill(session, month, MANY)
    means = Means(made.vault, made.settings.base_url)
    for portal_id in portals:
        with made.database.scoped(Setting(tenant=portal_id, portal=portal_id)) as session:
            invoice = closing.close_month(Scope.system(session, portal_id, "portal"), means, month)
        yield f"{portal_id}: {_told(invoice) if invoice else 'nothing to bill'}"


def credit(made: Runtime, number: str, reason: str) -> str:
    """Raises NotFound, and what `closing.credit_invoice` raises."""
    with _document(made, number) as (scope, invoice_id):
        return _told(closing.credit_invoice(scope, Means(made.vault, made.settings.base_url), invoice_id, reason))


def paid(made: Runtime, number: str, on: date, by: str, amount: Decimal | None = None) -> str:
    """Note a payment. Raises NotFound, and what `payments.pay` raises."""
    with _document(made, number) as (scope, invoice_id):
        row = payments.pay(scope, invoice_id, on, by, amount)
        return f"{number}: {row.amount:.2f} {row.currency} paid on {row.paid_on}"


def unpaid(made: Runtime, number: str, by: str) -> str:
    """Undo the last payment of a document. Raises NotFound, and what `payments.undo` raises."""
    with _document(made, number) as (scope, invoice_id):
        row = payments.undo(scope, invoice_id, by)
        return f"{number}: {row.amount:.2f} {row.currency}"


def still_open(made: Runtime) -> Iterator[str]:
    """A line for each portal that owes something or has something to come, and one for each late invoice of it."""
    with made.database.scoped() as session:
        portals = session.scalars(text("SELECT billed_portals()")).all()
    for portal_id in portals:
        with made.database.scoped(Setting(tenant=portal_id, portal=portal_id)) as session:
            scope = Scope.system(session, portal_id, "portal")
            listed = reading.invoices(scope)
            standing = payments.standings(scope, listed)
        owed = payments.balance(listed, standing)
        if owed.open:
            yield f"{listed[0].buyer['name']}: {owed.open:.2f} {CURRENCY} open, {owed.overdue:.2f} {CURRENCY} overdue"
        for each in listed:
            if standing[each.id].overdue:
                yield f"  {each.number}, due {each.due_on}: {standing[each.id].rest:.2f} {CURRENCY}"


@contextmanager
def _document(made: Runtime, number: str) -> Iterator[tuple[Scope, uuid.UUID]]:
    """In the portal that this document is of. Raises NotFound."""
    with made.database.scoped() as session:
        row = session.execute(text("SELECT tenant_id, id FROM invoice_of_number(:number)"), {"number": number}).first()
    if row is None:
        raise NotFound()
    with made.database.scoped(Setting(tenant=row.tenant_id, portal=row.tenant_id)) as session:
        yield Scope.system(session, row.tenant_id, "portal"), row.id


def _told(invoice: Invoice) -> str:
    return f"{invoice.number}, {invoice.gross:.2f} EUR, to {invoice.buyer['email']}"
