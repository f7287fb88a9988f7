"""Authorisations as rows: found, made, named, and locked in one order everywhere."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import func, select, text

from portal.access import Scope
from portal.authorisations.models import Authorisation, Credential, State
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.store import service as store
from portal.tenants.models import Membership

NAME_LENGTH = 80
# A fresh log-in waits at most so long for a renewal that is under way.
WAIT_FOR_RENEWAL = timedelta(seconds=45)

# Held until the commit, as before that nobody else sees whose login it is.
_ONE_LOGIN = text("SELECT pg_advisory_xact_lock(hashtextextended(:login, 0))")

_DOSSIERS = text("SELECT code FROM dossiers WHERE tenant_id = :tenant AND authorisation_id = :id AND gone_at IS NULL")


def living(scope: Scope, authorisation_id: uuid.UUID) -> Authorisation:
    """Locked, but so that calls under way may still refer to it."""
    row = present(scope, authorisation_id)
    scope.session.refresh(row, with_for_update={"key_share": True})
    return row if row.removed_at is None else present(scope, authorisation_id)


def present(scope: Scope, authorisation_id: uuid.UUID) -> Authorisation:
    row = scope.get(Authorisation, authorisation_id)
    if row.removed_at is not None:
        raise Conflict("authorisation.is_removed", name=row.name)
    return row


def unused(scope: Scope, app: str, environment: str, name: str) -> Authorisation | None:
    """One of this name whose log-in was never finished."""
    query = select(Authorisation).where(
        Authorisation.tenant_id == scope.tenant_id,
        Authorisation.app == app,
        Authorisation.environment == environment,
        func.lower(Authorisation.name) == " ".join(name.split()).lower(),
        Authorisation.state == State.INACTIVE,
        Authorisation.remote_user_id == "",
        Authorisation.removed_at.is_(None),
    )
    return scope.session.scalars(query).one_or_none()


def create(scope: Scope, app: str, environment: str, name: str) -> Authorisation:
    store.ensure_installed(scope, app)
    now = clock.now()
    row = Authorisation(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        app=app,
        environment=environment,
        name=free_name(scope, name, None),
        state=State.INACTIVE,
        state_since=now,
        owner_id=own_person(scope),
        created_at=now,
    )
    scope.session.add(row)
    scope.session.flush()
    return row


def own_person(scope: Scope) -> uuid.UUID | None:
    """Who acts, if a member here: somebody who acts for a firm in a client account is none."""
    user_id = scope.actor.user_id
    return user_id if user_id is not None and is_member(scope, user_id) else None


def free_name(scope: Scope, name: str, own_id: uuid.UUID | None) -> str:
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= NAME_LENGTH:
        raise Invalid("authorisation.name_length", field="name", length=NAME_LENGTH)
    taken = select(Authorisation.id).where(
        Authorisation.tenant_id == scope.tenant_id,
        func.lower(Authorisation.name) == tidy.lower(),
        Authorisation.removed_at.is_(None),
    )
    if any(found != own_id for found in scope.session.scalars(taken)):
        raise Invalid("authorisation.name_taken", field="name", name=tidy)
    return tidy


def is_member(scope: Scope, user_id: uuid.UUID) -> bool:
    query = select(Membership.id).where(
        Membership.tenant_id == scope.tenant_id, Membership.user_id == user_id, Membership.ended_at.is_(None)
    )
    return scope.session.scalars(query).one_or_none() is not None


def check_member(scope: Scope, user_id: uuid.UUID, field: str) -> None:
    if not is_member(scope, user_id):
        raise Invalid("authorisation.not_a_member", field=field)


def same_login(scope: Scope, row: Authorisation, user_id: str) -> Authorisation | None:
    """Another authorisation here that this login has. Two first log-ins of one login go one after the other."""
    one_login = f"{scope.tenant_id}/{row.app}/{row.environment}/{user_id}"
    scope.session.execute(_ONE_LOGIN, {"login": one_login})
    query = select(Authorisation).where(
        Authorisation.tenant_id == scope.tenant_id,
        Authorisation.app == row.app,
        Authorisation.environment == row.environment,
        Authorisation.remote_user_id == user_id,
        Authorisation.removed_at.is_(None),
        Authorisation.id != row.id,
    )
    return scope.session.scalars(query).one_or_none()


def known_dossiers(scope: Scope, row: Authorisation) -> set[str]:
    """Codes of the dossiers that it saw last."""
    asked = {"tenant": scope.tenant_id, "id": row.id}
    return set(scope.session.scalars(_DOSSIERS, asked))


def wake(scope: Scope, row: Authorisation) -> None:
    """What stopped for want of this log-in goes on now, not hours later."""
    asked = {"tenant": scope.tenant_id, "id": row.id, "now": clock.now()}
    scope.session.execute(text("SELECT wake_configurations(:tenant, :id, :now)"), asked)
    scope.session.execute(text("SELECT wake_dossiers(:tenant, :id, :now)"), asked)


def locked_credential(scope: Scope, authorisation_id: uuid.UUID) -> Credential:
    """The pair, once no renewal is under way; an empty one before the first log-in."""
    seconds = int(WAIT_FOR_RENEWAL.total_seconds())
    scope.session.execute(text(f"SET LOCAL lock_timeout = '{seconds}s'"))
    query = select(Credential).where(
        Credential.tenant_id == scope.tenant_id, Credential.authorisation_id == authorisation_id
    )
    found = scope.session.scalars(query.with_for_update()).one_or_none()
    return found or Credential(tenant_id=scope.tenant_id, authorisation_id=authorisation_id, generation=0)


def subject(row: Authorisation) -> tuple[str, uuid.UUID]:
    return "authorisation", row.id
