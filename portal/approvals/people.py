"""Who is in a tenant now, with their rights: whoever might approve, and whoever asked."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from portal.access import Actor, Permission, Right, Scope, role_in_client
from portal.kernel.db import Setting, set_scope
from portal.permissions.deciding import JobRole, What, Who, decide

_ACCOUNTS = text("SELECT app_accounts()")  # of the account groups of whoever acts
_ASSIGNED_ONLY = text("SELECT app_assigned_only()")  # of a firm, in its portal
_CLIENTS = text("SELECT app_assigned()")
_PEOPLE = text("SELECT * FROM people_of(:tenant)")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be in the tenant in scope: one's own people, those let in, and those of a firm let in."""

    user_id: uuid.UUID
    email: str
    name: str
    locale: str
    via_id: uuid.UUID | None
    who: Who
    limited: bool  # has account groups, so that what is about other accounts is not theirs to see

    def may(self, permission: Permission, right: Right, *, touched: bool = False) -> bool:
        return decide(self.who, What(permission, right, touched=touched)).allowed

    def scope(self, scope: Scope) -> Scope:
        """As this person would be here, in a session that acts for them (see `acting`)."""
        actor, there = Actor(self.user_id, self.name, self.via_id), scope.session
        return Scope(
            there, scope.tenant_id, scope.kind, self.who.role, actor, scope.tenant_name,
            self.who.job_roles, self.who.grant,
            frozenset(there.scalars(_ACCOUNTS)) if self.limited else None,
            frozenset(there.scalars(_CLIENTS)) if there.scalar(_ASSIGNED_ONLY) else None,
        )  # fmt: skip


def people(scope: Scope) -> dict[uuid.UUID, Person]:
    """Everybody who may come into the tenant in scope today, by id."""
    rows = scope.session.execute(_PEOPLE, {"tenant": scope.tenant_id})
    return {row.user_id: _person(scope.kind, row) for row in rows}


def _person(kind: str, row: Any) -> Person:
    role = role_in_client(row.role, row.grant_role) if row.via_id else row.role
    who = Who(kind, role, tuple(_job_role(told) for told in row.job_roles), grant=row.grant_role or "")
    return Person(row.user_id, row.email, row.name, row.locale, row.via_id, who, row.limited)


def _job_role(told: Mapping[str, Mapping[str, Any]]) -> JobRole:
    """Out of {permission: {"rights": […], "self": bool}}; what is not known any more gives nothing."""
    known = {Permission(key): value for key, value in told.items() if key in set(Permission)}
    return JobRole(
        {key: frozenset(Right(right) for right in value["rights"]) for key, value in known.items()},
        frozenset(key for key, value in known.items() if value["self"]),
    )


@contextmanager
def acting(scope: Scope, person: Person) -> Iterator[Scope]:
    """The session as this person's for a while, in the same transaction."""
    before: Setting = scope.session.info["setting"]
    portal = scope.tenant_id if scope.kind == "portal" else None
    scope.session.flush()
    set_scope(scope.session, Setting(scope.tenant_id, portal, person.via_id, person.user_id))
    try:
        yield person.scope(scope)
        scope.session.flush()
    finally:
        set_scope(scope.session, before)
