"""Closing a month, correcting what was billed before, and taking a document back.

`settle` bills the difference between what is due and what was billed, so it can run at any time,
and twice: the second time there is none.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import and_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.billing import facts, issuing
from portal.billing.issuing import Draft
from portal.billing.models import ClosedMonth, Invoice, InvoiceLine, Usage
from portal.billing.rules import Key, Use, differences, month_of, months, next_month, usage
from portal.billing.vat import Treatment
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Means:
    """What a closing needs besides its scope. `base_url`: where people read the document."""

    vault: Vault
    base_url: str
    seller: str = ""  # key; the one that was set last when empty
    on: date | None = None  # the date of the documents; today when None


def last_month() -> date:
    """The first day of the month that was over last."""
    return month_of(month_of(clock.today()) - timedelta(days=1))


def close_month(scope: Scope, means: Means, month: date) -> Invoice | None:
    """Close this month, and those before it that are open, and bill them. None: nothing to bill.

    Raises Conflict("billing.not_over") for a month that still runs, "billing.no_seller", "billing.no_rate".
    """
    if next_month(month) > (means.on or clock.today()):
        raise Conflict("billing.not_over", month=month)
    first = facts.first_day(scope)
    if first is None or first >= next_month(month):
        return None
    _one_at_a_time(scope)
    before = set(facts.closed_months(scope))
    fresh = [each for each in months(first, month) if each not in before]
    if fresh:
        rows = [{"tenant_id": scope.tenant_id, "month": each, "closed_at": clock.now()} for each in fresh]
        scope.session.execute(insert(ClosedMonth).values(rows))
    return settle(scope, means, fresh)


def settle(scope: Scope, means: Means, fresh: Sequence[date] = ()) -> Invoice | None:
    """Bill, or give back, what the closed months differ from what was billed; `fresh` ones are no correction."""
    _one_at_a_time(scope)
    tariff, closed = facts.the_tariff(scope.session, means.seller), facts.closed_months(scope)
    before, known = facts.billed(scope), facts.known_clients(scope)
    due = usage(facts.facts(scope, closed), tariff.prices, closed)
    # Of a client account that was deleted nothing is known any more: what was billed stays.
    found = [(key, use) for key, use in differences(due, before) if key.client_id in known]
    if not sum((use.net for _, use in found), start=0):
        return None  # what cancels out waits for the next document
    draft = Draft(max(closed), tuple(found), frozenset(fresh), refers_to=_documents_of(scope, found))
    return issuing.issue(scope, means.vault, means.base_url, tariff, draft, means.on or clock.today())


def credit_invoice(scope: Scope, means: Means, invoice_id: uuid.UUID, reason: str) -> Invoice:
    """Take an invoice back whole. What it billed is due again with the next closing, as the facts then are.

    Raises Conflict("billing.credited" | "billing.is_credit").
    """
    _one_at_a_time(scope)
    invoice = scope.get(Invoice, invoice_id)
    if invoice.kind != "invoice":
        raise Conflict("billing.is_credit", number=invoice.number)
    taken = select(Invoice.number).where(Invoice.tenant_id == scope.tenant_id, Invoice.credits == invoice.id)
    if (number := scope.session.scalar(taken)) is not None:
        raise Conflict("billing.credited", number=invoice.number, by=number)
    found, taxed = _taken_back(scope, invoice)
    tariff = replace(facts.the_tariff(scope.session, means.seller), seller=issuing.seller_of(scope, invoice))
    draft = Draft(
        invoice.month,
        found,
        frozenset(),
        _reference(invoice),
        credits=invoice,
        taxed=taxed,
        reason=reason.strip()[:300],
    )
    return issuing.issue(scope, means.vault, means.base_url, tariff, draft, means.on or clock.today())


def _taken_back(scope: Scope, invoice: Invoice) -> tuple[list[tuple[Key, Use]], dict[Key, Treatment]]:
    """Everything that an invoice billed, turned round, and how it was taxed."""
    query = (
        select(Usage, InvoiceLine.category, InvoiceLine.rate)
        .join(
            InvoiceLine,
            and_(InvoiceLine.tenant_id == Usage.tenant_id, InvoiceLine.invoice_id == Usage.invoice_id,
                 InvoiceLine.position == Usage.position),
        )
        .where(Usage.tenant_id == scope.tenant_id, Usage.invoice_id == invoice.id)
        .order_by(Usage.position, Usage.id)
    )  # fmt: skip
    found, taxed = [], {}
    for row, category, rate in scope.session.execute(query):
        key = Key(row.month, row.client_id, row.item, row.subject_id, row.price)
        found.append((key, Use(-row.days, row.of_days, -row.net, row.client_name, row.subject_name)))
        taxed[key] = Treatment(category, rate)
    return found, taxed


def _one_at_a_time(scope: Scope) -> None:
    """Two closings of one portal come one after the other."""
    scope.session.get(Tenant, scope.tenant_id, with_for_update={"key_share": True}, populate_existing=True)


def _documents_of(scope: Scope, found: Sequence[tuple[Key, Use]]) -> tuple[dict[str, str], ...]:
    """The invoices in which the months that are given back were billed."""
    lowered = {key.month for key, use in found if use.net < 0}
    if not lowered:
        return ()
    mine = (Invoice.tenant_id == scope.tenant_id, Invoice.kind == "invoice")
    theirs = select(Usage.invoice_id).where(Usage.tenant_id == scope.tenant_id, Usage.month.in_(lowered))
    query = select(Invoice).where(*mine, Invoice.id.in_(theirs)).order_by(Invoice.issued_on, Invoice.serial)
    return tuple(each for invoice in scope.session.scalars(query) for each in _reference(invoice))


def _reference(invoice: Invoice) -> tuple[dict[str, str], ...]:
    return ({"number": invoice.number, "issued_on": invoice.issued_on.isoformat()},)


# ------------------------------------------------------------------ for jobs and the shell


def portals_to_bill(session: Session, month: date, limit: int) -> list[uuid.UUID]:
    """Portals whose closing of this month is due; none as long as nobody sends bills here."""
    return list(session.scalars(text("SELECT portals_to_bill(:month, :limit)"), {"month": month, "limit": limit}))


def in_portal(database: Database, portal_id: uuid.UUID, act: Callable[[Scope], object]) -> None:
    """Do something as the product itself in a portal, in one transaction."""
    with database.scoped(Setting(tenant=portal_id, portal=portal_id)) as session:
        act(Scope.system(session, portal_id, "portal"))
