"""Activating, overwriting and ending couplings.

A coupling that is replaced stays, ended, with its entries and receipts. Postings that are
under way when that happens stay with it: one whose outcome is uncertain is looked up and
settled through the old coupling and its authorisation, because that is where it may have
been booked; one that was not sent yet is not sent any more.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from portal.access import Permission, Right, Scope
from portal.activity import service as activity
from portal.authorisations.models import Authorisation, State
from portal.couplings.dossiers import taken
from portal.couplings.models import Configuration, Coupling, Dossier
from portal.couplings.proposals import certain_matches, obstacle
from portal.kernel import clock, queue
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, NotFound, PortalError
from portal.store import service as store
from portal.tenants.entering import inside
from portal.tenants.models import Grant, Tenant

REPLACED, ENDED = "replaced", "ended"


def authorisations_for(scope: Scope, app: str) -> Sequence[Authorisation]:
    """Those of the client itself and, when a firm acts in its account, the firm's."""
    holders = [holder for holder in (scope.tenant_id, scope.actor.via_id) if holder]
    query = select(Authorisation).where(
        Authorisation.tenant_id.in_(holders), Authorisation.app == app, Authorisation.removed_at.is_(None)
    )
    return scope.session.scalars(query.order_by(Authorisation.tenant_id != scope.portal_id, Authorisation.name)).all()


def authorisation_for(scope: Scope, authorisation_id: uuid.UUID | str) -> Authorisation:
    """One that may be used for the client in scope. Raises NotFound for any other."""
    try:
        key = uuid.UUID(str(authorisation_id))
    except ValueError:
        raise NotFound() from None
    holders = [holder for holder in (scope.tenant_id, scope.actor.via_id) if holder]
    query = select(Authorisation).where(
        Authorisation.tenant_id.in_(holders), Authorisation.id == key, Authorisation.removed_at.is_(None)
    )
    row = scope.session.scalars(query).one_or_none()
    if row is None or not _may_use(scope, row.tenant_id):
        raise NotFound()
    return row


def active_coupling(scope: Scope, app: str, *, lock: bool = False) -> Coupling | None:
    query = select(Coupling).where(
        Coupling.tenant_id == scope.tenant_id, Coupling.app == app, Coupling.state == "active"
    )
    return scope.session.scalars(query.with_for_update() if lock else query).one_or_none()


def activate_coupling(scope: Scope, authorisation: Authorisation, dossier_code: str) -> Coupling:
    """Couple the client account in scope to a dossier.

    Raises Conflict: "coupling.exists" (overwrite it instead), "coupling.authorisation_off", a
    "coupling.dossier_…" for one that cannot be coupled; NotFound for one that is not listed.
    """
    dossier = usable_dossier(scope, authorisation, dossier_code)
    if active_coupling(scope, authorisation.app, lock=True) is not None:
        raise Conflict("coupling.exists")
    row = _insert(scope, authorisation, dossier, None)
    _record(scope, "coupling.activated", row)
    return row


def overwrite_coupling(
    scope: Scope, coupling_id: uuid.UUID | str, authorisation: Authorisation, dossier_code: str
) -> Coupling:
    """Replace an active coupling by another; the old one is kept for its history.

    Configurations move along when the dossier stays the same, for their journals and accounts
    then still hold; otherwise they are switched off. Raises as `activate_coupling` does, and
    Conflict("coupling.same") when nothing would change, "coupling.ended" when it is no longer active.
    """
    scope.require_every_account()
    old = scope.get(Coupling, coupling_id, lock=True)
    if old.state != "active":
        raise Conflict("coupling.ended", number=old.dossier_number)
    if (old.authorisation_tenant_id, old.authorisation_id, old.dossier_code) == (
        authorisation.tenant_id,
        authorisation.id,
        dossier_code,
    ):
        raise Conflict("coupling.same", number=old.dossier_number)
    dossier = usable_dossier(scope, authorisation, dossier_code)
    same = _same_dossier(old, authorisation, dossier)
    _end(scope, old, REPLACED)
    row = _insert(scope, authorisation, dossier, old.id)
    if same:
        _move_configurations(scope, old, row)
    else:
        _switch_off_configurations(scope, old)
    _record(scope, "coupling.overwritten", row, before=old.dossier_number, before_authorisation=old.authorisation_name)
    return row


def end_coupling(scope: Scope, coupling_id: uuid.UUID | str) -> Coupling:
    """Stop it: nothing is drafted or sent for it any more. Raises Conflict("coupling.ended") the second time."""
    scope.require_every_account()
    row = scope.get(Coupling, coupling_id, lock=True)
    if row.state != "active":
        raise Conflict("coupling.ended", number=row.dossier_number)
    _end(scope, row, ENDED)
    _switch_off_configurations(scope, row)
    _record(scope, "coupling.ended", row)
    return row


# ------------------------------------------------------------------ before overwriting


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the page before overwriting: `part`, `now`, `then`; `effect` replaced|stays|off|new."""

    part: str
    now: Mapping[str, object]
    then: Mapping[str, object]
    effect: str


def preview_overwrite(
    scope: Scope, old: Coupling, authorisation: Authorisation, dossier: Dossier, *, booked: int, under_way: int
) -> list[Change]:
    """What replacing would do. `booked` and `under_way` count the old coupling's postings."""
    same_login = (old.authorisation_tenant_id, old.authorisation_id) == (authorisation.tenant_id, authorisation.id)
    same = _same_dossier(old, authorisation, dossier)
    count = len(configurations_of(scope, old.id))
    return [
        Change(
            "authorisation",
            {"name": old.authorisation_name, "own": old.authorisation_tenant_id == scope.tenant_id},
            {"name": authorisation.name, "own": authorisation.tenant_id == scope.tenant_id},
            "stays" if same_login else "replaced",
        ),
        Change(
            "dossier",
            {"number": old.dossier_number, "name": old.dossier_name},
            {"number": dossier.number, "name": dossier.name},
            "stays" if same else "replaced",
        ),
        Change("configurations", {"count": count}, {"count": count if same else 0}, "stays" if same else "off"),
        Change("history", {"count": booked}, {"count": booked}, "stays"),
        Change("under_way", {"count": under_way}, {"count": under_way}, "stays"),
    ]


def configurations_of(scope: Scope, coupling_id: uuid.UUID) -> Sequence[Configuration]:
    query = select(Configuration).where(
        Configuration.tenant_id == scope.tenant_id,
        Configuration.coupling_id == coupling_id,
        Configuration.state != "deleted",
    )
    return scope.session.scalars(query.order_by(Configuration.created_at, Configuration.id)).all()


def history(scope: Scope) -> Sequence[Coupling]:
    """All couplings the client account has had, newest first."""
    query = select(Coupling).where(Coupling.tenant_id == scope.tenant_id)
    return scope.session.scalars(query.order_by(Coupling.activated_at.desc(), Coupling.id.desc())).all()


# ------------------------------------------------------------------ many at once


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one client in a bulk activation: a dossier number, or the code why not."""

    client_id: uuid.UUID
    client_name: str
    dossier_number: str = ""
    code: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


def activate_certain(scope: Scope, authorisation: Authorisation, client_ids: Collection[uuid.UUID]) -> list[Outcome]:
    """Couple every client of the portal in scope whose dossier is certain; say why for the others.

    Each client stands on its own: one that cannot be coupled leaves the others as they are.
    """
    matches = certain_matches(scope, authorisation, client_ids)
    grants = {grant.tenant_id: grant for grant in _grants(scope, client_ids)}
    coupled = _coupled(scope, authorisation.app, client_ids)
    names = select(Tenant.id, Tenant.name).where(Tenant.id.in_(client_ids)).order_by(Tenant.name, Tenant.id)
    clients = [(client_id, name) for client_id, name in scope.session.execute(names) if client_id in grants]
    outcomes = []
    for client_id, name in clients:
        if client_id in coupled:
            outcomes.append(Outcome(client_id, name, code="coupling.exists"))
        elif client_id not in matches:
            outcomes.append(Outcome(client_id, name, code="coupling.no_certain_dossier"))
        elif not scope.inside(client_id, name, grants[client_id].role).may(Permission.COUPLINGS, Right.CREATE):
            outcomes.append(Outcome(client_id, name, code="coupling.reader"))
        else:
            dossier = matches[client_id].dossier
            outcomes.append(_activate_in(scope, authorisation, client_id, name, dossier))
    return outcomes


def _activate_in(
    portal: Scope, authorisation: Authorisation, client_id: uuid.UUID, name: str, dossier: Dossier
) -> Outcome:
    code = dossier.code
    try:
        with inside(portal, client_id, name) as scope:
            row = activate_coupling(scope, authorisation, code)
            return Outcome(client_id, name, dossier_number=row.dossier_number)
    except PortalError as error:
        return Outcome(client_id, name, code=error.code, values=error.values)


def _grants(scope: Scope, client_ids: Collection[uuid.UUID]) -> Sequence[Grant]:
    query = select(Grant).where(
        Grant.portal_id == scope.tenant_id, Grant.tenant_id.in_(client_ids), Grant.state == "active"
    )
    today = clock.today()
    return [grant for grant in scope.session.scalars(query) if grant.ends_on is None or grant.ends_on >= today]


def _coupled(scope: Scope, app: str, client_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    query = select(Coupling.tenant_id).where(
        Coupling.tenant_id.in_(client_ids), Coupling.app == app, Coupling.state == "active"
    )
    return set(scope.session.scalars(query))


# ------------------------------------------------------------------ steps


def usable_dossier(scope: Scope, authorisation: Authorisation, code: str) -> Dossier:
    """The dossier of that code, if it can be coupled now. Raises NotFound and Conflict."""
    if not _may_use(scope, authorisation.tenant_id):
        raise NotFound()
    if authorisation.state != State.ACTIVE:
        raise Conflict("coupling.authorisation_off", name=authorisation.name)
    query = select(Dossier).where(
        Dossier.tenant_id == authorisation.tenant_id,
        Dossier.authorisation_id == authorisation.id,
        Dossier.code == code,
    )
    dossier = scope.session.scalars(query).one_or_none()
    if dossier is None:
        raise NotFound()
    hindrance = obstacle(dossier, taken(scope, authorisation))
    if hindrance is not None:
        values = {"number": dossier.number, "name": dossier.name}
        raise Conflict(f"coupling.dossier_{hindrance.code}", **values, **hindrance.values)
    return dossier


def _may_use(scope: Scope, holder: uuid.UUID) -> bool:
    if holder not in (scope.tenant_id, scope.actor.via_id):
        return False
    query = text("SELECT may_use_authorisation(:client, :holder)")
    return bool(scope.session.scalar(query, {"client": scope.tenant_id, "holder": holder}))


def _insert(scope: Scope, authorisation: Authorisation, dossier: Dossier, replaces: uuid.UUID | None) -> Coupling:
    store.let_in(scope, authorisation.tenant_id, authorisation.app)
    row = Coupling(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        app=authorisation.app,
        authorisation_tenant_id=authorisation.tenant_id,
        authorisation_id=authorisation.id,
        authorisation_name=authorisation.name,
        dossier_code=dossier.code,
        dossier_number=dossier.number,
        dossier_name=dossier.name,
        country=dossier.country,
        currency=dossier.currency,
        state="active",
        activated_at=clock.now(),
        activated_by=scope.actor.user_id,
        replaces_id=replaces,
    )
    number = dossier.number
    try:
        with scope.session.begin_nested():
            scope.session.add(row)
    except IntegrityError as error:
        # Somebody was faster: another coupling of this client, or another client on this dossier.
        if "uq_couplings_dossier" in str(error.orig):
            raise Conflict("coupling.dossier_taken", number=number) from None
        if "uq_couplings_active" in str(error.orig):
            raise Conflict("coupling.exists") from None
        raise
    queue.ring(scope.session, "couplings.refresh", row.tenant_id, row.id)
    return row


def _end(scope: Scope, row: Coupling, code: str) -> None:
    row.state, row.ended_code = "ended", code
    row.ended_at, row.ended_by = clock.now(), scope.actor.user_id
    scope.session.flush()


def _same_dossier(old: Coupling, authorisation: Authorisation, dossier: Dossier) -> bool:
    """A provider's code names one dossier, through whatever log-in it is reached."""
    return (old.app, old.dossier_code) == (authorisation.app, dossier.code)


def _move_configurations(scope: Scope, old: Coupling, new: Coupling) -> None:
    mine = update(Configuration).where(Configuration.tenant_id == scope.tenant_id, Configuration.coupling_id == old.id)
    scope.session.execute(mine.values(coupling_id=new.id))


def _switch_off_configurations(scope: Scope, row: Coupling) -> None:
    mine = update(Configuration).where(
        Configuration.tenant_id == scope.tenant_id,
        Configuration.coupling_id == row.id,
        Configuration.state == "active",
    )
    scope.session.execute(mine.values(state="inactive", next_due_at=None, changed_at=clock.now()))


def _record(scope: Scope, tag: str, row: Coupling, **more: Any) -> None:
    activity.record(
        scope,
        tag,
        ("coupling", row.id),
        context=row.authorisation_id,
        number=row.dossier_number,
        name=row.dossier_name,
        authorisation=row.authorisation_name,
        **more,
    )
