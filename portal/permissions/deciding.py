"""The one decision: may this person do this, and why (not). Pure: no database, no clock, no request."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from portal.permissions.rights import ACCOUNT_DATA, ROLES, Permission, Right

_PERMISSIONS = frozenset(Permission)


class Reason(StrEnum):
    """Why. The first three allow."""

    HELD = "held"
    SELF_APPROVE = "self_approve"  # allowed on one's own work; the log must say so
    SOFTWARE = "software"  # accounting software reads the accounts of its groups
    SOFTWARE_ONLY_VIEWS = "software_only_views"
    NOT_HELD = "not_held"
    GRANT_TOO_WEAK = "grant_too_weak"
    NOT_ASSIGNED = "not_assigned"
    NOT_IN_GROUPS = "not_in_groups"
    OWN_WORK = "own_work"


@dataclass(frozen=True, slots=True)
class JobRole:
    """Rights under a name. Self-approve counts only where the same role lets its holder approve."""

    rights: Mapping[Permission, Set[Right]]
    self_approve: Set[Permission] = frozenset()

    @classmethod
    def of(cls, rows: Iterable[Any]) -> JobRole:
        """From a role's rows (permission, rights, self-approve); permissions that are no more give nothing."""
        known = [(Permission(name), rights, alone) for name, rights, alone in rows if name in _PERMISSIONS]
        rights_of = {permission: frozenset(Right(right) for right in rights) for permission, rights, _ in known}
        return cls(rights_of, frozenset(permission for permission, _, alone in known if alone))


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody in one tenant.

    `kind` is the tenant's ("portal" or "client"); `role` a built-in one, "" for none. `grant` is
    the role of the grant by which a firm's person is in a client account, "" for one's own people.
    `accounts` and `clients`: None means not limited.
    """

    kind: str
    role: str = ""
    job_roles: tuple[JobRole, ...] = ()
    machine: bool = False
    grant: str = ""
    accounts: Set[uuid.UUID] | None = None  # of the account groups
    clients: Set[uuid.UUID] | None = None  # assigned


@dataclass(frozen=True, slots=True)
class What:
    """One right on one thing. `touched`: this person made or changed what is to be approved."""

    permission: Permission
    right: Right
    account: uuid.UUID | None = None
    client: uuid.UUID | None = None
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    reason: Reason
    what: What = field(compare=False)


def decide(who: Who, what: What) -> Decision:
    """What forbids is asked first, so that a right never outweighs a limit."""
    reason = _forbidden(who, what) or (Reason.SOFTWARE if who.machine else _held(who, what))
    return Decision(reason in (Reason.HELD, Reason.SELF_APPROVE, Reason.SOFTWARE), reason, what)


def _forbidden(who: Who, what: What) -> Reason | None:
    if who.machine and (what.right is not Right.VIEW or what.permission not in ACCOUNT_DATA):
        return Reason.SOFTWARE_ONLY_VIEWS
    if who.clients is not None and what.client is not None and what.client not in who.clients:
        return Reason.NOT_ASSIGNED
    if who.machine and (what.account is None or what.account not in (who.accounts or ())):
        return Reason.NOT_IN_GROUPS  # without groups software sees nothing, where a person sees all
    if who.accounts is not None and what.account is not None and what.account not in who.accounts:
        return Reason.NOT_IN_GROUPS
    return None


def _held(who: Who, what: What) -> Reason:
    giving = [role for role in _roles(who) if what.right in role.rights.get(what.permission, ())]
    if not giving:
        return Reason.NOT_HELD
    if who.grant and what.right not in ROLES.get(("client", who.grant), {}).get(what.permission, ()):
        return Reason.GRANT_TOO_WEAK
    if what.right is not Right.APPROVE or not what.touched:
        return Reason.HELD
    if any(what.permission in role.self_approve for role in giving):
        return Reason.SELF_APPROVE
    return Reason.OWN_WORK


_BUILT_IN = {name: (JobRole(rights),) for name, rights in ROLES.items()}


def _roles(who: Who) -> tuple[JobRole, ...]:
    return who.job_roles + _BUILT_IN.get((who.kind, who.role), ())
