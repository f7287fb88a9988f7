"""What was paid of the documents: noted once for ever; a mistake is undone by a row that turns it round.

An invoice is paid in one or several parts, a credit note paid back. What is open of a firm is what
its invoices ask, less its credit notes, less what was paid: one sum, whatever was taken back.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from portal.access import Scope
from portal.activity.service import record
from portal.billing.models import CURRENCY, Invoice, Payment
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.tenants.models import Tenant

NOUGHT = Decimal(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a document stands. `paid` and `rest` as printed on it, never negative; `paid_on`: the last day, if any.

    `settled`: nothing is open. An invoice that was taken back whole is, whatever was paid.
    """

    paid: Decimal
    rest: Decimal
    paid_on: date | None
    settled: bool
    overdue: bool


def pay(scope: Scope, invoice_id: uuid.UUID, on: date, by: str, amount: Decimal | None = None) -> Payment:
    """Note a payment in euro, of all that is open when no amount is given. `by`: whose word it is.

    Raises NotFound, Conflict "billing.settled", Invalid "billing.amount" and "billing.paid_in_future".
    """
    invoice = _locked(scope, invoice_id)
    now = standings(scope, [invoice])[invoice.id]
    wanted = now.rest if amount is None else amount
    if now.settled:
        raise Conflict("billing.settled", number=invoice.number)
    if not (wanted.is_finite() and NOUGHT < wanted <= now.rest and wanted == wanted.quantize(Decimal("0.01"))):
        raise Invalid("billing.amount", field="amount", rest=f"{now.rest:.2f}", currency=CURRENCY)
    if on > clock.today():
        raise Invalid("billing.paid_in_future", field="on", on=on)
    row = Payment(
        tenant_id=scope.tenant_id, id=uuid7(), invoice_id=invoice.id, amount=wanted, currency=CURRENCY, paid_on=on,
        noted_at=clock.now(), noted_by=by.strip()[:120],
    )  # fmt: skip
    scope.session.add(row)
    record(
        scope, "billing.paid", ("invoice", invoice.id), number=invoice.number, amount=f"{wanted:.2f}",
        currency=CURRENCY, on=on, by=row.noted_by,
    )  # fmt: skip
    scope.session.flush()
    return row


def undo(scope: Scope, invoice_id: uuid.UUID, by: str) -> Payment:
    """Turn the last payment of a document round. Raises NotFound, and Conflict "billing.not_paid"."""
    invoice = _locked(scope, invoice_id)
    last = next(iter(reversed(standing_payments(payments(scope, [invoice.id])))), None)
    if last is None:
        raise Conflict("billing.not_paid", number=invoice.number)
    row = Payment(
        tenant_id=scope.tenant_id, id=uuid7(), invoice_id=invoice.id, amount=-last.amount, currency=last.currency,
        paid_on=last.paid_on, noted_at=clock.now(), noted_by=by.strip()[:120], undoes=last.id,
    )  # fmt: skip
    scope.session.add(row)
    record(
        scope, "billing.payment_undone", ("invoice", invoice.id), number=invoice.number, amount=f"{last.amount:.2f}",
        currency=last.currency, by=row.noted_by,
    )  # fmt: skip
    scope.session.flush()
    return row


def _locked(scope: Scope, invoice_id: uuid.UUID) -> Invoice:
    """Documents themselves are written once and cannot be locked: the portal is, as while it is billed."""
    scope.session.get(Tenant, scope.tenant_id, with_for_update={"key_share": True}, populate_existing=True)
    return scope.get(Invoice, invoice_id)


def payments(scope: Scope, invoice_ids: Iterable[uuid.UUID] | None = None) -> Sequence[Payment]:
    """All that was noted, with what was undone, oldest first; of all documents when none are named."""
    query = select(Payment).where(Payment.tenant_id == scope.tenant_id).order_by(Payment.noted_at, Payment.id)
    if invoice_ids is not None:
        query = query.where(Payment.invoice_id.in_(list(invoice_ids)))
    return scope.session.scalars(query).all()


def standing_payments(noted: Sequence[Payment]) -> Sequence[Payment]:
    """Those that were not undone, and are no undoing."""
    undone = {row.undoes for row in noted}
    return [row for row in noted if row.undoes is None and row.id not in undone]


def standings(scope: Scope, invoices: Sequence[Invoice]) -> Mapping[uuid.UUID, Standing]:
    """How each of these stands today; two queries for all of them."""
    by_invoice: dict[uuid.UUID, list[Payment]] = defaultdict(list)
    for row in standing_payments(payments(scope, [invoice.id for invoice in invoices])):
        by_invoice[row.invoice_id].append(row)
    taken = select(Invoice.credits).where(Invoice.tenant_id == scope.tenant_id, Invoice.credits.is_not(None))
    credited = set(scope.session.scalars(taken))
    return {each.id: _standing(each, by_invoice[each.id], credited) for each in invoices}


def _standing(invoice: Invoice, paid: Sequence[Payment], credited: set[uuid.UUID | None]) -> Standing:
    total = sum((row.amount for row in paid), NOUGHT)
    settled = total >= invoice.gross or invoice.id in credited
    overdue = invoice.kind == "invoice" and not settled and invoice.due_on < clock.today()
    rest = NOUGHT if settled else invoice.gross - total
    return Standing(total, rest, max((row.paid_on for row in paid), default=None), settled, overdue)


@dataclass(frozen=True, slots=True)
class Balance:
    """What a firm owes in all, less what is in its favour (negative: it has money to come), and what is late of it."""

    open: Decimal
    overdue: Decimal


def balance(invoices: Sequence[Invoice], standing: Mapping[uuid.UUID, Standing]) -> Balance:
    """Of all documents of a firm."""
    signed = ((each.gross - standing[each.id].paid) * (-1 if each.kind == "credit" else 1) for each in invoices)
    late = (standing[each.id].rest for each in invoices if standing[each.id].overdue)
    return Balance(sum(signed, NOUGHT), sum(late, NOUGHT))
