"""What an app does for a firm: which client accounts it may touch, and what uninstalling it ends."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from portal.access import Scope
from portal.authorisations import service as authorisations
from portal.authorisations.models import Authorisation
from portal.couplings.models import Configuration, Coupling
from portal.couplings.service import end_coupling
from portal.feeds import states
from portal.feeds.models import Feed, State
from portal.kernel.errors import Conflict
from portal.store import service as store
from portal.store.models import AppAccess
from portal.tenants.entering import inside
from portal.tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Row:
    """A client account of the firm, beside one app."""

    id: uuid.UUID
    name: str
    scheme: str
    enterprise_number: str
    dossier_number: str | None  # of the active coupling through this app
    ticked: bool


@dataclass(frozen=True, slots=True)
class Found:
    rows: Sequence[Row]
    matching: int
    total: int
    ticked: int


def clients_beside(scope: Scope, app: str, find: str, only: str, page: int, per: int) -> Found:
    """One page of the firm's clients by name; `only` is "on", "off" or "" for both."""
    wanted = _matching(scope, app, find, only)
    rows = scope.session.execute(wanted.offset((page - 1) * per).limit(per)).all()
    counts = select(func.count(), func.count().filter(_ticked(scope, app))).select_from(Tenant)
    total, ticked = scope.session.execute(counts.where(Tenant.id.in_(select(func.app_clients())))).one()
    matching = scope.session.scalar(select(func.count()).select_from(wanted.order_by(None).subquery())) or 0
    return Found([Row(*row) for row in rows], matching, total, ticked)


def matching_clients(scope: Scope, app: str, find: str, only: str) -> set[uuid.UUID]:
    return {row[0] for row in scope.session.execute(_matching(scope, app, find, only))}


def _ticked(scope: Scope, app: str) -> ColumnElement[bool]:
    return exists().where(
        AppAccess.tenant_id == scope.tenant_id, AppAccess.app == app, AppAccess.client_id == Tenant.id,
        AppAccess.allowed,
    )  # fmt: skip


def _matching(scope: Scope, app: str, find: str, only: str) -> Select[uuid.UUID, str, str, str, str, bool]:
    ticked = _ticked(scope, app)
    query = (
        select(Tenant.id, Tenant.name, Tenant.scheme, Tenant.enterprise_number, Coupling.dossier_number, ticked)
        .outerjoin(Coupling, and_(Coupling.tenant_id == Tenant.id, Coupling.app == app, Coupling.state == "active"))
        .where(Tenant.id.in_(select(func.app_clients())))
        .order_by(func.lower(Tenant.name), Tenant.id)
    )
    if find:
        text, digits = find.lower(), "".join(filter(str.isdigit, find))
        hits = [func.strpos(func.lower(Tenant.name), text) > 0, func.lower(Coupling.dossier_number) == text]
        if digits:
            hits.append(func.strpos(Tenant.enterprise_number, digits) > 0)
        query = query.where(or_(*hits))
    return query.where(ticked if only == "on" else ~ticked) if only in ("on", "off") else query


# ------------------------------------------------------------------ uninstalling


@dataclass(frozen=True, slots=True)
class Ending:
    client_id: uuid.UUID
    coupling_id: uuid.UUID
    name: str
    dossier: str
    configurations: int


@dataclass(frozen=True, slots=True)
class Ends:
    """What uninstalling would end. History, entries and receipts stay."""

    couplings: Sequence[Ending]
    authorisations: Sequence[Authorisation]
    feeds: Sequence[tuple[uuid.UUID, uuid.UUID, str, str]]  # (client, feed, client's name, bank)

    @property
    def configurations(self) -> int:
        return sum(one.configurations for one in self.couplings)


def what_ends(scope: Scope, app: str) -> Ends:
    """Of the tenant in scope: a firm, with all clients it may see, or a client account on its own."""
    active = (
        select(func.count())
        .select_from(Configuration)
        .where(
            Configuration.tenant_id == Coupling.tenant_id,
            Configuration.coupling_id == Coupling.id,
            Configuration.state == "active",
        )
        .scalar_subquery()
    )
    couplings = scope.session.execute(
        select(Coupling.tenant_id, Coupling.id, Tenant.name, Coupling.dossier_number, active)
        .join(Tenant, Tenant.id == Coupling.tenant_id)
        .where(Coupling.authorisation_tenant_id == scope.tenant_id, Coupling.app == app, Coupling.state == "active")
        .order_by(func.lower(Tenant.name))
    ).all()
    through = Feed.via_id == scope.tenant_id
    if scope.kind == "client":
        through = and_(Feed.tenant_id == scope.tenant_id, Feed.via_id.is_(None))
    feeds = scope.session.execute(
        select(Feed.tenant_id, Feed.id, Tenant.name, Feed.institution_name)
        .join(Tenant, Tenant.id == Feed.tenant_id)
        .where(through, Feed.provider == app, Feed.state.in_(states.FETCHING))
        .order_by(func.lower(Tenant.name))
    ).all()
    rows = [row for row, _ in authorisations.list_authorisations(scope, app)]
    return Ends([Ending(*row) for row in couplings], rows, [(*row,) for row in feeds])


def uninstall(scope: Scope, app: str) -> Ends:
    """End all of it and take every tick away. What may still be under way is parked, for a person to judge.

    A log-in that something under way needs is switched off and kept; the others are removed with
    their tokens. Raises Conflict "app.not_installed".
    """
    ends = what_ends(scope, app)
    store.close(scope, app)
    for one in ends.couplings:
        if one.client_id == scope.tenant_id:
            end_coupling(scope, one.coupling_id)
        else:
            with inside(scope, one.client_id) as client:
                end_coupling(client, one.coupling_id)
    for client_id, feed_id, _, _ in ends.feeds:
        if client_id == scope.tenant_id:
            _pause(scope, feed_id)
        else:
            with inside(scope, client_id) as client:
                _pause(client, feed_id)
    for authorisation in ends.authorisations:
        try:
            with scope.session.begin_nested():
                authorisations.remove(scope, authorisation.id)
        except Conflict:
            authorisations.deactivate(scope, authorisation.id)
    return ends


def _pause(scope: Scope, feed_id: uuid.UUID) -> None:
    states.move(scope, scope.get(Feed, feed_id, lock=True), State.PAUSED, "feed.app_uninstalled")
