"""What the billing pages show."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from sqlalchemy import select

from portal.access import Scope
from portal.billing import facts
from portal.billing.models import Invoice, InvoiceFile, InvoiceLine, Payment, Usage
from portal.billing.payments import Balance, Standing, balance, payments, standings
from portal.billing.rules import Price, month_of, next_month, usage
from portal.kernel import clock
from portal.kernel.errors import Conflict, NotFound
from portal.tenants.models import Tenant

NOUGHT = Decimal(0)


@dataclass(frozen=True, slots=True)
class Running:
    """One item of the month that runs, until and with today."""

    item: str
    accounts: int
    net: Decimal


@dataclass(frozen=True, slots=True)
class Asked:
    """What an item costs a month, and what it will cost from a day on, when that is known."""

    item: str
    amount: Decimal
    next_amount: Decimal | None = None
    next_from: date | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """`prices` empty: everything is free here."""

    invoices: Sequence[Invoice]
    standing: Mapping[uuid.UUID, Standing]  # how each of them stands
    running: Sequence[Running]
    prices: Sequence[Asked]
    firm: Tenant

    @property
    def balance(self) -> Balance:
        return balance(self.invoices, self.standing)

    @property
    def so_far(self) -> Decimal:
        return sum((each.net for each in self.running), NOUGHT)


def overview(scope: Scope) -> Overview:
    """As many questions to the database however many invoices and clients there are."""
    firm, listed = scope.session.get_one(Tenant, scope.tenant_id), invoices(scope)
    standing = standings(scope, listed)
    try:
        prices = facts.the_tariff(scope.session).prices
    except Conflict:  # nobody sends bills from this installation
        return Overview(listed, standing, (), (), firm)
    return Overview(listed, standing, _running(scope, prices), _asked(prices, clock.today()), firm)


def invoices(scope: Scope) -> Sequence[Invoice]:
    """Newest first."""
    query = select(Invoice).where(Invoice.tenant_id == scope.tenant_id)
    return scope.session.scalars(query.order_by(Invoice.issued_on.desc(), Invoice.serial.desc())).all()


def _running(scope: Scope, prices: Sequence[Price]) -> list[Running]:
    today = clock.today()
    month, tomorrow = month_of(today), today + timedelta(days=1)
    found = usage(facts.facts_until(scope, month, tomorrow), prices, [month])
    made = []
    for item, uses in groupby(sorted(found, key=lambda key: key.item), key=lambda key: key.item):
        keys = list(uses)
        net = sum((found[key].net for key in keys), NOUGHT)
        made.append(Running(item, len({key.subject_id for key in keys}), net))
    return made


def _asked(prices: Sequence[Price], today: date) -> list[Asked]:
    made = []
    for item in sorted({price.item for price in prices}):
        mine = [price for price in prices if price.item == item]
        now = [price for price in mine if price.valid_from <= today]
        coming = next((price for price in mine if price.valid_from > today), None)
        amount = now[-1].amount if now else NOUGHT
        made.append(Asked(item, amount, coming.amount if coming else None, coming.valid_from if coming else None))
    return made


@dataclass(frozen=True, slots=True)
class Shown:
    """`credited_by`: the credit note that took it back, when one did."""

    invoice: Invoice
    lines: Sequence[InvoiceLine]
    usages: Sequence[Usage]
    credited_by: Invoice | None
    payments: Sequence[Payment]
    standing: Standing


def invoice(scope: Scope, invoice_id: uuid.UUID) -> Shown:
    """One document with all behind it. Raises NotFound."""
    found = scope.get(Invoice, invoice_id)
    lines = select(InvoiceLine).where(InvoiceLine.tenant_id == scope.tenant_id, InvoiceLine.invoice_id == found.id)
    credit = select(Invoice).where(Invoice.tenant_id == scope.tenant_id, Invoice.credits == found.id)
    return Shown(
        found,
        scope.session.scalars(lines.order_by(InvoiceLine.position)).all(),
        usages(scope, found),
        scope.session.scalars(credit).one_or_none(),
        payments(scope, [found.id]),
        standings(scope, [found])[found.id],
    )


def usages(scope: Scope, found: Invoice) -> Sequence[Usage]:
    """By client account, then item and month."""
    query = select(Usage).where(Usage.tenant_id == scope.tenant_id, Usage.invoice_id == found.id)
    return scope.session.scalars(
        query.order_by(Usage.client_name, Usage.client_id, Usage.item, Usage.subject_name, Usage.month, Usage.price)
    ).all()


def file(scope: Scope, invoice_id: uuid.UUID, kind: str) -> tuple[Invoice, InvoiceFile]:
    """ "pdf" or "ubl", as it went out. Raises NotFound."""
    found = scope.get(Invoice, invoice_id)
    query = select(InvoiceFile).where(
        InvoiceFile.tenant_id == scope.tenant_id, InvoiceFile.invoice_id == found.id, InvoiceFile.kind == kind
    )
    content = scope.session.scalars(query).one_or_none()
    if content is None:
        raise NotFound()
    return found, content


def next_bill_on(today: date) -> date:
    """When the month that runs is billed."""
    return next_month(month_of(today))
