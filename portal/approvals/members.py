"""The roles of people in words, and the choice among them while a task waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portal.access import Scope
from portal.approvals.registry import Choice, Payload
from portal.kernel.words import N_
from portal.tenants.models import CLIENT_ROLES, PORTAL_ROLES

ROLE_WORDS: Mapping[str, str] = {
    "administrator": N_("Administrator"),
    "staff": N_("Staff"),
    "reader": N_("Reader"),
    "owner": N_("Owner"),
    "editor": N_("Editor"),
    "custom": N_("Job roles only"),
    "": N_("No access"),
}


def role_choices(scope: Scope, payload: Payload) -> Sequence[Choice]:
    roles = PORTAL_ROLES if scope.kind == "portal" else CLIENT_ROLES
    return [Choice("role", N_("Role"), [(role, ROLE_WORDS[role]) for role in roles], worded=True)]
