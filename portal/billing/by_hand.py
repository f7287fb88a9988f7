"""What who runs the installation does from a shell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import text

from portal.access import Scope
from portal.billing import closing
from portal.billing.closing import Means
from portal.billing.models import Invoice
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
    with made.database.scoped() as session:
        row = session.execute(text("SELECT tenant_id, id FROM invoice_of_number(:number)"), {"number": number}).first()
    if row is None:
        raise NotFound()
    with made.database.scoped(Setting(tenant=row.tenant_id, portal=row.tenant_id)) as session:
        scope = Scope.system(session, row.tenant_id, "portal")
        return _told(closing.credit_invoice(scope, Means(made.vault, made.settings.base_url), row.id, reason))


def _told(invoice: Invoice) -> str:
    return f"{invoice.number}, {invoice.gross:.2f} EUR, to {invoice.buyer['email']}"
