"""People of a tenant, as tasks: letting somebody in, and changing a role."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from portal.access import Permission, Right, Scope
from portal.approvals.registry import Change, Checked, Choice, Kind, Payload, fingerprint
from portal.identity import service as identity
from portal.identity.models import User
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.words import N_
from portal.tenants import service as tenants
from portal.tenants.models import CLIENT_ROLES, PORTAL_ROLES, Membership

ROLE_WORDS: Mapping[str, str] = {
    "administrator": N_("Administrator"),
    "staff": N_("Staff"),
    "reader": N_("Reader"),
    "owner": N_("Owner"),
    "editor": N_("Editor"),
    "custom": N_("Job roles only"),
    "": N_("No access"),
}


def _roles(scope: Scope) -> Sequence[str]:
    return PORTAL_ROLES if scope.kind == "portal" else CLIENT_ROLES


def _checked_role(scope: Scope, payload: Payload) -> str:
    role = str(payload.get("role", ""))
    if role not in _roles(scope):
        raise Invalid("role.unknown", field="role")
    return role


def _role_choices(scope: Scope, payload: Payload) -> Sequence[Choice]:
    options = [(role, ROLE_WORDS[role]) for role in _roles(scope)]
    return [Choice("role", N_("Role"), options, worded=True)]


# ------------------------------------------------------------------ a role


def _check_change(scope: Scope, payload: Payload) -> Checked:
    row = scope.get(Membership, str(payload["membership_id"]), lock=True)
    if row.ended_at is not None:
        raise NotFound()
    role = _checked_role(scope, payload)
    person = scope.session.get_one(User, row.user_id)
    change = Change("role", ROLE_WORDS[row.role], ROLE_WORDS[role], worded=True)
    shown = {"name": person.name, "email": person.email}
    return Checked("user", row.user_id, fingerprint(row.id, row.role), shown, [change])


def _change(scope: Scope, payload: Payload) -> None:
    tenants.change_role(scope, str(payload["membership_id"]), str(payload["role"]))


# ------------------------------------------------------------------ somebody new


def _check_new(scope: Scope, payload: Payload) -> Checked:
    role, email = _checked_role(scope, payload), identity.clean_email(str(payload["email"]))
    user = identity.find_user(scope.session, email)
    if user is None or user.email_verified_at is None:
        raise Invalid("member.unknown", field="email", email=email)
    living = (Membership.tenant_id == scope.tenant_id, Membership.ended_at.is_(None))
    if scope.session.scalar(select(func.count()).where(*living, Membership.user_id == user.id)):
        raise Invalid("member.already", field="email", email=user.email)
    change = Change("role", ROLE_WORDS[""], ROLE_WORDS[role], "new", worded=True)
    shown = {"name": user.name, "email": user.email}
    return Checked("user", user.id, fingerprint(user.id, user.email), shown, [change])


def _add(scope: Scope, payload: Payload) -> uuid.UUID:
    return tenants.add_member(scope, str(payload["email"]), str(payload["role"])).id


BOTH = frozenset({"portal", "client"})
KINDS = (
    Kind(
        "member.added", Permission.CREATE_USER, Right.CREATE, BOTH, N_("New users"), N_("Let {name} in"), _check_new,
        _add, _role_choices, effects=(N_("{name} has access from the moment of the last approval."),),
    ),
    Kind(
        "member.role", Permission.USERS, Right.EDIT, BOTH, N_("Roles of users"), N_("Change the role of {name}"),
        _check_change, _change, _role_choices,
        effects=(N_("The new role counts from that person's next page on."),),
    ),
)  # fmt: skip
