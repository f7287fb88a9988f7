"""Installing an app, and ticking the client accounts that it may touch.

What is not ticked is not touched: `may_use_app()` in the database is asked again in the transaction
that writes `sending`, before a dossier is read, and before a bank is asked through the firm.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors import registry
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, NotFound
from portal.store.models import AppAccess, Installation

_MAY_USE = text("SELECT may_use_app(:client, :holder, :app)")
_LET_IN = text("SELECT let_app_in(:holder, :app, :now)")


def installations(scope: Scope) -> Mapping[str, Installation]:
    """What is installed on the tenant in scope, by app."""
    query = select(Installation).where(Installation.tenant_id == scope.tenant_id, Installation.state == "installed")
    return {row.app: row for row in scope.session.scalars(query)}


def install(scope: Scope, app: str) -> Installation:
    """Installed already, it stays as it is. The ticks of an earlier installation are kept, but all off."""
    if app not in registry.APPS:
        raise NotFound()
    row = installations(scope).get(app)
    if row is not None:
        return row
    now = clock.now()
    row = Installation(
        tenant_id=scope.tenant_id, id=uuid7(), app=app, state="installed", installed_at=now,
        installed_by=scope.actor.user_id,
    )  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    activity.record(scope, "app.installed", ("installation", row.id), app=registry.app(app).MANIFEST.label)
    return row


def ensure_installed(scope: Scope, app: str) -> None:
    """Whoever connects an app has it installed."""
    if app in registry.APPS:
        install(scope, app)


def close(scope: Scope, app: str) -> Installation:
    """The installation ends, and with it every tick. Raises Conflict "app.not_installed"."""
    row = installations(scope).get(app)
    if row is None:
        raise Conflict("app.not_installed")
    row.state, row.removed_at, row.removed_by = "removed", clock.now(), scope.actor.user_id
    ticked = {client for client, allowed in accesses(scope, app).items() if allowed}
    _write(scope, app, ticked, allowed=False)
    label = registry.app(app).MANIFEST.label
    activity.record(scope, "app.uninstalled", ("installation", row.id), app=label, count=len(ticked))
    scope.session.flush()
    return row


# ------------------------------------------------------------------ access


@dataclass(frozen=True, slots=True)
class Changed:
    gained: int
    lost: int


def accesses(scope: Scope, app: str) -> Mapping[uuid.UUID, bool]:
    """Whether each client account that was ever decided upon is ticked."""
    query = select(AppAccess.client_id, AppAccess.allowed).where(
        AppAccess.tenant_id == scope.tenant_id, AppAccess.app == app
    )
    return dict(scope.session.execute(query).all())


def ticked_counts(scope: Scope) -> Mapping[str, int]:
    """How many of the clients that let the firm in are ticked, by app."""
    query = (
        select(AppAccess.app, func.count())
        .where(AppAccess.tenant_id == scope.tenant_id, AppAccess.allowed)
        .where(AppAccess.client_id.in_(select(func.app_clients())))
        .group_by(AppAccess.app)
    )
    return dict(scope.session.execute(query).all())


def set_access(scope: Scope, app: str, on: Collection[uuid.UUID], off: Collection[uuid.UUID] = ()) -> Changed:
    """Tick and untick; who stands in neither stays as is. From the commit on nothing is sent for who lost it.

    Clients that do not let the firm in are passed over. Raises Conflict "app.not_installed".
    """
    if app not in installations(scope):
        raise Conflict("app.not_installed")
    mine = set(scope.session.scalars(select(func.app_clients())))
    now = {client for client, allowed in accesses(scope, app).items() if allowed}
    gained, lost = (set(on) & mine) - now, (set(off) & now) - set(on)
    _write(scope, app, gained, allowed=True)
    _write(scope, app, lost, allowed=False)
    if gained or lost:
        installation = installations(scope)[app]
        activity.record(
            scope, "app.access_changed", ("installation", installation.id), app=registry.app(app).MANIFEST.label,
            gained=len(gained), lost=len(lost), clients_on=sorted(map(str, gained)), clients_off=sorted(map(str, lost)),
        )  # fmt: skip
    return Changed(len(gained), len(lost))


def _write(scope: Scope, app: str, clients: Collection[uuid.UUID], *, allowed: bool) -> None:
    if not clients:
        return
    common = {"allowed": allowed, "changed_at": clock.now(), "changed_by": scope.actor.user_id}
    rows = [{"tenant_id": scope.tenant_id, "app": app, "client_id": client, **common} for client in clients]
    statement = insert(AppAccess).values(rows)
    key = [AppAccess.tenant_id, AppAccess.app, AppAccess.client_id]
    scope.session.execute(statement.on_conflict_do_update(index_elements=key, set_=common))


def let_in(scope: Scope, holder: uuid.UUID, app: str) -> None:
    """Somebody works in the client account in scope, and couples it: that ticks it where nobody has decided.

    Raises Conflict "app.access_off" when the tick was taken away, or the app uninstalled.
    """
    asked = {"holder": holder, "app": app, "now": clock.now()}
    if not scope.session.scalar(_LET_IN, asked):
        label = registry.app(app).MANIFEST.label if app in registry.APPS else app
        raise Conflict("app.access_off", app=label)


def may_use(scope: Scope, client: uuid.UUID, holder: uuid.UUID, app: str) -> bool:
    return bool(scope.session.scalar(_MAY_USE, {"client": client, "holder": holder, "app": app}))


def firms_installed(scope: Scope) -> Sequence[str]:
    """Apps of the firm through which somebody acts, that may touch the client account in scope."""
    if scope.actor.via_id is None:
        return ()
    query = select(AppAccess.app).where(
        AppAccess.tenant_id == scope.actor.via_id, AppAccess.client_id == scope.tenant_id, AppAccess.allowed
    )
    return scope.session.scalars(query.order_by(AppAccess.app)).all()


def on_offer(scope: Scope) -> set[str]:
    """Apps installed here, or at the firm through which somebody acts unless it took this client off them."""
    places = [tenant for tenant in (scope.tenant_id, scope.actor.via_id) if tenant is not None]
    installed = select(Installation.app).where(Installation.tenant_id.in_(places), Installation.state == "installed")
    refused = select(AppAccess.app).where(
        AppAccess.tenant_id == scope.actor.via_id, AppAccess.client_id == scope.tenant_id, ~AppAccess.allowed
    )
    return set(scope.session.scalars(installed)) - set(scope.session.scalars(refused))
