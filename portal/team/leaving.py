"""A colleague leaves: what hangs on this person, whom it goes to, and the end.

Shown before anything is done. Log-ins at packages get another owner, clients another person; then
membership, sessions and calendar link end in one transaction, and nothing of a client is lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, text, update

from portal.access import Permission, Right, Scope
from portal.activity.service import record
from portal.approvals.models import Task, Version
from portal.authorisations.heartbeat import next_use
from portal.authorisations.models import Authorisation, Credential
from portal.authorisations.service import set_owner, uses
from portal.authorisations.states import health
from portal.feeds.models import CalendarLink
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.tenants import assignments
from portal.tenants.assignments import Care, Person
from portal.tenants.models import Membership
from portal.tenants.service import end_membership

_KEYS = text("SELECT * FROM keys_made_by(:user)")


@dataclass(frozen=True, slots=True)
class Held:
    """A log-in at a package of which the person is owner or deputy.

    `own_login`: it is this person's own at the provider, so somebody else has to log in before it is
    closed there. `couplings` hang on it. `next_use`: when it is kept alive next; None where none is needed.
    """

    authorisation: Authorisation
    health: str
    is_owner: bool
    own_login: bool
    couplings: int
    next_use: datetime | None


@dataclass(frozen=True, slots=True)
class Key:
    """A key for other software that the person made. It goes on working: it is the client's."""

    client_id: uuid.UUID
    client: str
    name: str
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Leaving:
    person: Person
    email: str
    held: Sequence[Held]
    keys: Sequence[Key]
    clients: Sequence[Care]
    tasks: int  # of this person's making, that wait for an approval
    sessions: int
    has_calendar: bool

    @property
    def owned(self) -> Sequence[Held]:
        return [one for one in self.held if one.is_owner]


@dataclass(frozen=True, slots=True)
class Left:
    """What was done."""

    name: str
    authorisations: int
    clients: int
    sessions: int


def look(scope: Scope, membership_id: uuid.UUID | str) -> Leaving:
    """Everything that hangs on a person of the firm in scope. Raises NotFound for who is not there any more."""
    scope.require(Permission.USERS, Right.EDIT)
    membership = scope.get(Membership, membership_id)
    if membership.ended_at is not None:
        raise NotFound()
    person = assignments.person_of(scope, membership.user_id)
    user = scope.session.get_one(User, membership.user_id)
    calendar = select(CalendarLink.id).where(_calendar_of(scope, user.id))
    return Leaving(
        person,
        user.email,
        _held(scope, user),
        [Key(row.client_id, row.client, row.name, row.last_used_at)
         for row in scope.session.execute(_KEYS, {"user": user.id})],
        assignments.cared_for(scope, user.id),
        _tasks(scope, user.id),
        len(sessions.living(scope.session, user.id)),
        scope.session.scalars(calendar).first() is not None,
    )  # fmt: skip


def leave(
    scope: Scope, membership_id: uuid.UUID | str, owners: Mapping[uuid.UUID, uuid.UUID], clients_to: uuid.UUID | None
) -> Left:
    """Hand over and end. `owners`: for each owned authorisation the new owner.

    `clients_to`: who looks after the clients from now on, None for nobody. Raises Invalid
    "leaving.successor" for an authorisation without a new owner, Conflict for the last administrator.
    """
    found = look(scope, membership_id)
    user_id = found.person.user_id
    if user_id == scope.actor.user_id:
        raise Conflict("leaving.self")
    end_membership(scope, membership_id)  # first: it locks out who would change the same at the same moment
    for one in found.held:
        _hand_over(scope, one, user_id, owners.get(one.authorisation.id))
    given_on = list(dict.fromkeys(care.client_id for care in found.clients))
    assignments.end_all(scope, user_id)
    if clients_to is not None and given_on:
        assignments.assign(scope, given_on, clients_to)
    scope.session.execute(update(CalendarLink).where(_calendar_of(scope, user_id)).values(revoked_at=clock.now()))
    sessions.revoke_all(scope.session, user_id)
    record(
        scope, "member.left", ("user", user_id), name=found.person.name, authorisations=len(found.owned),
        clients=len(given_on),
    )  # fmt: skip
    scope.session.flush()
    return Left(found.person.name, len(found.owned), len(given_on), found.sessions)


def _hand_over(scope: Scope, one: Held, leaver: uuid.UUID, successor: uuid.UUID | None) -> None:
    row = one.authorisation
    if not one.is_owner:
        row.deputy_id = None
        return
    if successor is None or successor == leaver:
        raise Invalid("leaving.successor", field=str(row.id), name=row.name)
    deputy = row.deputy_id if row.deputy_id not in (leaver, successor) else None
    set_owner(scope, row.id, successor, deputy)


def _held(scope: Scope, user: User) -> Sequence[Held]:
    query = (
        select(Authorisation, Credential)
        .outerjoin(
            Credential,
            (Credential.tenant_id == Authorisation.tenant_id) & (Credential.authorisation_id == Authorisation.id),
        )
        .where(
            Authorisation.tenant_id == scope.tenant_id,
            Authorisation.removed_at.is_(None),
            or_(Authorisation.owner_id == user.id, Authorisation.deputy_id == user.id),
        )
        .order_by(func.lower(Authorisation.name))
    )
    now = clock.now()
    return [
        Held(
            row, health(row, credential, now), row.owner_id == user.id, _is_own(row, user), uses(scope, row.id),
            next_use(row, credential),
        )
        for row, credential in scope.session.execute(query)
    ]  # fmt: skip


def _is_own(row: Authorisation, user: User) -> bool:
    """By address, or by name where the provider tells no address."""
    if row.remote_email:
        return row.remote_email.lower() == user.email.lower()
    return row.remote_user_name.strip().lower() == user.name.strip().lower()


def _tasks(scope: Scope, user_id: uuid.UUID) -> int:
    made = select(Version.task_id).where(Version.tenant_id == scope.tenant_id, Version.made_by == user_id)
    query = select(func.count()).where(Task.tenant_id == scope.tenant_id, Task.state == "waiting", Task.id.in_(made))
    return scope.session.scalar(query) or 0


def _calendar_of(scope: Scope, user_id: uuid.UUID) -> ColumnElement[bool]:
    return (
        (CalendarLink.tenant_id == scope.tenant_id)
        & (CalendarLink.user_id == user_id)
        & CalendarLink.revoked_at.is_(None)
    )
