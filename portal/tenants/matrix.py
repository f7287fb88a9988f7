"""Who sees and may do what: of a firm, in its portal and in client accounts; and of a client account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from portal.access import Scope
from portal.kernel import clock
from portal.permissions.deciding import JobRole, What, Who, decide
from portal.permissions.rights import Permission, Right, role_in_client
from portal.tenants.held import job_roles_of_members, names_of_groups
from portal.tenants.models import Grant
from portal.tenants.service import members

Rights = Mapping[Permission, Set[Right]]


@dataclass(frozen=True, slots=True)
class Seer:
    """Somebody with a role in one place, and what that gives.

    `place`: "portal", "clients" (a firm's person in client accounts that let the firm work) or
    "client". `by_grant`: an address that the client account let in; a firm's stands for its people.
    """

    name: str
    email: str
    role: str
    place: str
    rights: Rights
    by_grant: bool = False
    ends_on: date | None = None
    job_roles: Sequence[str] = ()
    groups: Sequence[str] = ()  # the account groups that limit them; none: every bank account


def seers(scope: Scope) -> Sequence[Seer]:
    """Everybody who may see something here now, by name; those let in come after one's own people."""
    people = _people(scope)
    own = [_seer(person, scope.kind, person.who(scope.kind)) for person in people]
    if scope.kind == "portal":
        return own + [
            _seer(person, "clients", person.who("client", role_in_client(person.role, "editor"), "editor"))
            for person in people
        ]
    let_in = [
        Seer("", grant.email, grant.role, "client", rights_of(Who("client", grant.role, grant=grant.role)), True,
             grant.ends_on)
        for grant in _living_grants(scope)
    ]  # fmt: skip
    return own + let_in


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    email: str
    role: str
    held: Mapping[str, JobRole]  # job roles by name
    groups: Sequence[str]

    def who(self, kind: str, role: str = "", grant: str = "") -> Who:
        return Who(kind, role or self.role, tuple(self.held.values()), grant=grant)


def _people(scope: Scope) -> Sequence[_Person]:
    held, groups = job_roles_of_members(scope), names_of_groups(scope)
    return [
        _Person(m.name, m.email, m.role, held.get(m.membership_id, {}), groups.get(m.membership_id, ()))
        for m in members(scope)
    ]


def _seer(person: _Person, place: str, who: Who) -> Seer:
    return Seer(
        person.name, person.email, who.role, place, rights_of(who), job_roles=tuple(person.held), groups=person.groups
    )


def rights_of(who: Who) -> Rights:
    """Every permission with the rights on it; none is an empty set."""
    return {p: frozenset(r for r in Right if decide(who, What(p, r)).allowed) for p in Permission}


def holders(scope: Scope, permission: Permission, right: Right) -> Sequence[str]:
    """The names of one's own people here who hold this right: whom to ask."""
    return [
        seer.name
        for seer in seers(scope)
        if seer.name and seer.place == scope.kind and right in seer.rights[permission]
    ]


def cells(found: Sequence[Seer]) -> Iterator[tuple[Seer, Permission, Set[Right]]]:
    """One for every person and permission, for lists that are read by machines."""
    for seer in found:
        for permission in Permission:
            yield seer, permission, seer.rights[permission]


def _living_grants(scope: Scope) -> Sequence[Grant]:
    query = select(Grant).where(Grant.tenant_id == scope.tenant_id, Grant.state == "active")
    today = clock.today()
    rows = scope.session.scalars(query.order_by(func.lower(Grant.email)))
    return [row for row in rows if row.ends_on is None or row.ends_on >= today]
