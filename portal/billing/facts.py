"""What the database knows of a portal's usage, prices and earlier documents."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.billing.models import ClosedMonth, PriceRow, Seller, Usage, VatRate
from portal.billing.rules import Fact, Key, Price, Use, next_month
from portal.billing.vat import Rate
from portal.kernel.errors import Conflict
from portal.tenants.models import Management

_FACTS = text("SELECT * FROM facts_to_bill(:since, :until)")


@dataclass(frozen=True, slots=True)
class Tariff:
    """Who sends the bills, and at what prices and rates."""

    seller: Seller
    prices: Sequence[Price]
    rates: Sequence[Rate]


def the_tariff(session: Session, seller_key: str = "") -> Tariff:
    """Of the seller with this key, or of the one whose data was set last. Raises Conflict("billing.no_seller")."""
    query = select(Seller).order_by(Seller.changed_at.desc()).limit(1)
    seller = session.scalars(query.where(Seller.key == seller_key) if seller_key else query).one_or_none()
    if seller is None:
        raise Conflict("billing.no_seller")
    prices = session.scalars(select(PriceRow).where(PriceRow.seller_id == seller.id).order_by(PriceRow.valid_from))
    rates = session.scalars(select(VatRate).where(VatRate.seller_id == seller.id).order_by(VatRate.valid_from))
    return Tariff(
        seller,
        [Price(p.item, p.valid_from, p.amount) for p in prices],
        [Rate(r.country, r.valid_from, r.rate) for r in rates],
    )


def facts(scope: Scope, months: Sequence[date]) -> list[Fact]:
    """Of the portal of the scope, in these months, also of client accounts that it can no longer read."""
    return facts_until(scope, min(months), next_month(max(months))) if months else []


def facts_until(scope: Scope, since: date, until: date) -> list[Fact]:
    """From a day until another, which is not in it."""
    return [Fact(*row) for row in scope.session.execute(_FACTS, {"since": since, "until": until})]


def first_day(scope: Scope) -> date | None:
    """The first day on which the portal managed a client account."""
    return scope.session.scalar(select(func.min(Management.starts_on)).where(Management.portal_id == scope.tenant_id))


def known_clients(scope: Scope) -> set[uuid.UUID]:
    """Client accounts of which the portal's management is on record: all, but those that were deleted."""
    return set(scope.session.scalars(select(Management.tenant_id).where(Management.portal_id == scope.tenant_id)))


def closed_months(scope: Scope) -> list[date]:
    query = select(ClosedMonth.month).where(ClosedMonth.tenant_id == scope.tenant_id)
    return list(scope.session.scalars(query.order_by(ClosedMonth.month)))


def billed(scope: Scope) -> dict[Key, Use]:
    """What all documents of the portal so far add up to."""
    query = (
        select(
            Usage.month, Usage.client_id, Usage.item, Usage.subject_id, Usage.price, func.sum(Usage.days),
            func.max(Usage.of_days), func.sum(Usage.net), func.max(Usage.client_name), func.max(Usage.subject_name),
        )
        .where(Usage.tenant_id == scope.tenant_id)
        .group_by(Usage.month, Usage.client_id, Usage.item, Usage.subject_id, Usage.price)
    )  # fmt: skip
    rows = scope.session.execute(query)
    return {
        Key(month, client_id, item, subject_id, price): Use(int(days), of_days, net, client, subject)
        for month, client_id, item, subject_id, price, days, of_days, net, client, subject in rows
    }
