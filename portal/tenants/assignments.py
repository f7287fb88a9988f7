"""Who of a firm looks after which client account, until further notice or for a time.

People who are limited to what is assigned to them see nothing else (the database says so, see
`app_assigned`); for all others it is a note.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, text, update

from portal.access import Permission, Right, Scope
from portal.activity.service import record
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from portal.tenants.models import Assignment, Membership, Tenant

LONGEST = timedelta(days=92)
REASON_LENGTH = 300
_CLIENTS = text("SELECT app_clients()")


def lasting() -> ColumnElement[bool]:
    """By the clock of the database, as the policies judge it."""
    return or_(Assignment.ends_at.is_(None), Assignment.ends_at > func.now())


# ------------------------------------------------------------------------------- what would change


@dataclass(frozen=True, slots=True)
class Person:
    user_id: uuid.UUID
    membership_id: uuid.UUID
    name: str
    role: str
    assigned_only: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What assigning, or ending that, would do. `changed` and `same` are (client id, name) by name."""

    person: Person | None
    changed: Sequence[tuple[uuid.UUID, str]]
    same: Sequence[tuple[uuid.UUID, str]]


def plan(scope: Scope, client_ids: Collection[uuid.UUID], person: Person | None, *, end: bool) -> Plan:
    """`person` None: everybody, which only an end can mean. Raises NotFound for what is not the firm's."""
    names = _reachable(scope, client_ids)
    open_now = {
        row.client_id
        for row in _lasting_rows(scope, names, person)
        if end or row.ends_at is None  # what is given for a time can become so until further notice
    }
    listed = sorted(names.items(), key=lambda pair: (pair[1].lower(), str(pair[0])))
    return Plan(
        person,
        [pair for pair in listed if (pair[0] in open_now) == end],
        [pair for pair in listed if (pair[0] in open_now) != end],
    )


def person_of(scope: Scope, user_id: uuid.UUID) -> Person:
    """A living member. Raises NotFound."""
    found = next((person for person in people(scope) if person.user_id == user_id), None)
    if found is None:
        raise NotFound()
    return found


def people(scope: Scope) -> Sequence[Person]:
    """One's own people by name."""
    query = (
        select(User.id, Membership.id, User.name, Membership.role, Membership.assigned_only)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.tenant_id == scope.tenant_id, Membership.ended_at.is_(None))
        .order_by(func.lower(User.name), User.id)
    )
    return [Person(*row) for row in scope.session.execute(query)]


def _reachable(scope: Scope, client_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    """Names of these clients; NotFound unless the person who acts reaches every one of them."""
    allowed = set(scope.session.scalars(_CLIENTS))
    if not set(client_ids) <= allowed:
        raise NotFound()
    query = select(Tenant.id, Tenant.name).where(Tenant.id.in_(client_ids))
    return {row.id: row.name for row in scope.session.execute(query)}


def _lasting_rows(
    scope: Scope, client_ids: Iterable[uuid.UUID], person: Person | None, *, lock: bool = False
) -> Sequence[Assignment]:
    query = select(Assignment).where(
        Assignment.tenant_id == scope.tenant_id, Assignment.client_id.in_(list(client_ids)), lasting()
    )
    if person is not None:
        query = query.where(Assignment.user_id == person.user_id)
    return scope.session.scalars(query.with_for_update() if lock else query).all()


# ------------------------------------------------------------------------------- changing it


def assign(scope: Scope, client_ids: Collection[uuid.UUID], user_id: uuid.UUID) -> int:
    """Until further notice; only clients that let this firm in count. Returns for how many it is new.

    Raises Forbidden when it would widen what somebody sees and the actor may not say so.
    """
    _one_at_a_time(scope)
    person = person_of(scope, user_id)
    _may_change(scope, [person])
    _not_for_oneself(scope, person)
    planned = plan(scope, client_ids, person, end=False)
    changed = [client_id for client_id, _ in planned.changed]
    for row in _lasting_rows(scope, changed, person, lock=True):
        row.ends_at, row.reason = None, ""
        changed.remove(row.client_id)
    scope.session.add_all(
        Assignment(tenant_id=scope.tenant_id, client_id=client_id, user_id=user_id, given_by=scope.actor.user_id)
        for client_id in changed
    )
    if planned.changed:
        _record(scope, "clients.assigned", person.name, planned)
    scope.session.flush()
    return len(planned.changed)


def unassign(scope: Scope, client_ids: Collection[uuid.UUID], user_id: uuid.UUID | None) -> int:
    """End it for one person, or for everybody; what was given for a time too. Returns for how many clients."""
    _one_at_a_time(scope)
    planned = plan(scope, client_ids, person_of(scope, user_id) if user_id else None, end=True)
    rows = _lasting_rows(scope, [client_id for client_id, _ in planned.changed], planned.person, lock=True)
    known = {person.user_id: person for person in people(scope)}
    _may_change(scope, [known[row.user_id] for row in rows if row.user_id in known])
    _end(scope, rows)
    if planned.changed:
        _record(scope, "clients.unassigned", planned.person.name if planned.person else "", planned)
    return len(planned.changed)


def end_all(scope: Scope, user_id: uuid.UUID) -> int:
    """For somebody who leaves. Returns how many client accounts that were."""
    query = select(Assignment).where(Assignment.tenant_id == scope.tenant_id, Assignment.user_id == user_id, lasting())
    rows = scope.session.scalars(query.with_for_update()).all()
    _end(scope, rows)
    return len({row.client_id for row in rows})


def give_for_a_time(
    scope: Scope, client_ids: Collection[uuid.UUID], user_id: uuid.UUID, ends_at: datetime, reason: str
) -> int:
    """See these client accounts until then. Ends by the time itself. Raises Forbidden, Invalid and Conflict.

    `ends_at`: aware. Who sees every client, or has this one until further notice, needs none: Conflict.
    """
    scope.require(Permission.TEAM, Right.EDIT)
    _one_at_a_time(scope)
    tidy, now = " ".join(reason.split())[:REASON_LENGTH], clock.now()
    if not tidy:
        raise Invalid("assignment.reason_empty", field="reason")
    if not now < ends_at <= now + LONGEST:
        raise Invalid("assignment.end", field="ends_at", days=LONGEST.days)
    person = person_of(scope, user_id)
    _not_for_oneself(scope, person)
    planned = plan(scope, client_ids, person, end=False)
    if not person.assigned_only:
        raise Conflict("assignment.sees_all", name=person.name)
    chosen = [client_id for client_id, _ in planned.changed]
    if not chosen:
        raise Conflict("assignment.has_already", name=person.name)
    _end(scope, _lasting_rows(scope, chosen, person, lock=True))
    for client_id, name in planned.changed:
        row = Assignment(
            tenant_id=scope.tenant_id, client_id=client_id, user_id=user_id, ends_at=ends_at,
            reason=tidy, given_by=scope.actor.user_id,
        )  # fmt: skip
        scope.session.add(row)
        record(
            scope, "assignment.given", ("tenant", client_id), name=person.name, client=name, until=ends_at,
            reason=tidy,
        )  # fmt: skip
    scope.session.flush()
    return len(chosen)


def _end(scope: Scope, rows: Iterable[Assignment]) -> None:
    """Over from this transaction on; nothing is left to tell later."""
    query = update(Assignment).where(
        Assignment.tenant_id == scope.tenant_id, Assignment.id.in_([row.id for row in rows])
    )
    scope.session.flush()
    scope.session.execute(query.values(ends_at=func.greatest(func.now(), Assignment.starts_at), told_at=clock.now()))


def _may_change(scope: Scope, persons: Iterable[Person]) -> None:
    """Where it decides what somebody sees it is a matter of the team; elsewhere a note that staff may make."""
    if any(person.assigned_only for person in persons):
        scope.require(Permission.TEAM, Right.EDIT)
    elif not (scope.may(Permission.TEAM, Right.EDIT) or scope.may(Permission.RUNS, Right.CREATE)):
        raise Forbidden(permission=Permission.TEAM, right=Right.EDIT)


def _not_for_oneself(scope: Scope, person: Person) -> None:
    """Nobody who is limited to what is assigned lengthens what was given to them for a time."""
    if person.user_id == scope.actor.user_id:
        scope.require_every_client()


def _record(scope: Scope, tag: str, name: str, planned: Plan) -> None:
    """One line for all of them, with the first names: a list of five hundred says less."""
    shown = ", ".join(client for _, client in planned.changed[:5])
    ids = [str(client_id) for client_id, _ in planned.changed]
    record(scope, tag, ("tenant", scope.tenant_id), count=len(ids), name=name, clients=shown, ids=ids)


def _one_at_a_time(scope: Scope) -> None:
    scope.session.get(Tenant, scope.tenant_id, with_for_update={"key_share": True}, populate_existing=True)


# ------------------------------------------------------------------------------- who is limited


def limit_person(scope: Scope, membership_id: uuid.UUID | str, on: bool) -> Membership:
    """Whether this person sees assigned clients alone. Raises Conflict for an administrator, and Forbidden for
    whoever would let others see more than they do."""
    scope.require(Permission.USERS, Right.EDIT)
    if not on:
        scope.require_every_client()
    row = scope.get(Membership, membership_id, lock=True)
    if row.ended_at is not None:
        raise NotFound()
    if on and row.role == "administrator":
        raise Conflict("assignment.administrator")
    if row.assigned_only != on:
        row.assigned_only = on
        name = scope.session.get_one(User, row.user_id).name
        record(scope, "member.limited" if on else "member.unlimited", ("user", row.user_id), name=name)
    return row


def limit_firm(scope: Scope, on: bool) -> int:
    """The same for everybody but administrators, and for whoever comes later. Returns for how many it changed."""
    scope.require(Permission.USERS, Right.EDIT)
    if not on:
        scope.require_every_client()
    _one_at_a_time(scope)
    tenant = scope.session.get_one(Tenant, scope.tenant_id)
    tenant.assigned_only = on
    others = update(Membership).where(
        Membership.tenant_id == scope.tenant_id, Membership.ended_at.is_(None), Membership.role != "administrator",
        Membership.assigned_only != on,
    )  # fmt: skip
    changed = scope.session.scalars(others.values(assigned_only=on).returning(Membership.id)).all()
    tag = "portal.limited" if on else "portal.unlimited"
    record(scope, tag, ("tenant", scope.tenant_id), count=len(changed))
    return len(changed)


# ------------------------------------------------------------------------------- seeing


@dataclass(frozen=True, slots=True)
class Care:
    """One person and one client account, now."""

    id: uuid.UUID
    client_id: uuid.UUID
    client: str
    user_id: uuid.UUID
    person: str
    starts_at: datetime
    ends_at: datetime | None
    reason: str


def cared_for(scope: Scope, user_id: uuid.UUID | None = None) -> Sequence[Care]:
    """Who looks after whom, by client and person; only clients that the actor sees and that let the firm in."""
    query = (
        select(Assignment.id, Assignment.client_id, Tenant.name, Assignment.user_id, User.name,
               Assignment.starts_at, Assignment.ends_at, Assignment.reason)
        .join(Tenant, Tenant.id == Assignment.client_id)
        .join(User, User.id == Assignment.user_id)
        .where(Assignment.tenant_id == scope.tenant_id, lasting(), Assignment.client_id.in_(select(func.app_clients())))
        .order_by(func.lower(Tenant.name), func.lower(User.name), Assignment.id)
    )  # fmt: skip
    if user_id is not None:
        query = query.where(Assignment.user_id == user_id)
    return [Care(*row) for row in scope.session.execute(query)]


def cared_for_by_nobody(scope: Scope) -> Sequence[tuple[uuid.UUID, str]]:
    """(id, name) of the firm's clients that nobody looks after."""
    cared = select(Assignment.client_id).where(Assignment.tenant_id == scope.tenant_id, lasting())
    query = select(Tenant.id, Tenant.name).where(
        Tenant.id.in_(select(func.app_clients())), Tenant.closed_at.is_(None), Tenant.id.not_in(cared)
    )
    return [(row.id, row.name) for row in scope.session.execute(query.order_by(func.lower(Tenant.name), Tenant.id))]


def tell_ended(database: Database, limit: int = 200) -> int:
    """Write down in the log which assignments came to their end by the time itself; how many."""
    with database.scoped() as session:
        due = session.execute(
            text("SELECT tenant_id, id FROM ended_assignments(:now, :limit)"), {"now": clock.now(), "limit": limit}
        ).all()
    for tenant_id, assignment_id in due:
        with database.scoped(Setting(tenant=tenant_id, portal=tenant_id)) as session:
            _tell(Scope.system(session, tenant_id, "portal"), assignment_id)
    return len(due)


def _tell(scope: Scope, assignment_id: uuid.UUID) -> None:
    row = scope.get(Assignment, assignment_id, lock=True)
    if row.told_at is not None or row.ends_at is None:
        return
    row.told_at = clock.now()
    client = scope.session.scalar(select(Tenant.name).where(Tenant.id == row.client_id)) or ""
    name = scope.session.get_one(User, row.user_id).name
    record(scope, "assignment.ended", ("tenant", row.client_id), name=name, client=client, reason=row.reason)
