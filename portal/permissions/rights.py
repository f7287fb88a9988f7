"""What there is to be allowed: permission × right, and the job roles that everybody has from the start."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    OVERVIEW = "overview"  # the tenant's home and its lists
    TENANT = "tenant"  # name, numbers, addresses
    GRANTS = "grants"  # who is let into a client account
    TEAM = "team"  # people of the firm and whom they look after
    CREATE_USER = "create_user"
    USERS = "users"  # roles and groups of people, and their end
    PERMISSIONS = "permissions"  # which rights a job role holds
    LEGAL_ENTITIES = "legal_entities"
    ACCOUNT_GROUPS = "account_groups"  # bank accounts under one name
    JOB_ROLES = "job_roles"
    SELF_APPROVED = "self_approved"  # whose own work needs no second person
    APPS = "apps"  # the store: what is installed, and which client accounts it may touch
    AUTHORISATIONS = "authorisations"
    COUPLINGS = "couplings"
    FEEDS = "feeds"  # links to banks, and their consents
    STATEMENTS = "statements"
    DOCUMENTS = "documents"
    RECONCILE = "reconcile"  # which line pays which document
    API = "api"  # keys by which other software hands documents in
    ENTRIES = "entries"
    RUNS = "runs"
    FILES = "files"  # what people fetch for packages without a server, and the dossiers kept for these
    BILLING = "billing"
    ACTIVITY = "activity"


class Right(StrEnum):
    VIEW = "view"
    CREATE = "create"
    EDIT = "edit"
    APPROVE = "approve"


V, C, E, A = Right.VIEW, Right.CREATE, Right.EDIT, Right.APPROVE
ALL = frozenset(Right)
WORK = frozenset({V, C, E, A})
LOOK = frozenset({V})
CUSTOM = "custom"  # the role of who has job roles of the firm's own making, and nothing else

_PORTAL_STAFF: dict[Permission, frozenset[Right]] = {
    Permission.OVERVIEW: LOOK,
    Permission.TENANT: LOOK,
    Permission.TEAM: LOOK,
    Permission.ACCOUNT_GROUPS: LOOK,
    Permission.JOB_ROLES: LOOK,
    Permission.APPS: frozenset({V, E}),
    Permission.AUTHORISATIONS: frozenset({V, C, E}),
    Permission.COUPLINGS: WORK,
    Permission.FEEDS: WORK,
    Permission.STATEMENTS: WORK,
    Permission.DOCUMENTS: WORK,
    Permission.RECONCILE: WORK,
    Permission.ENTRIES: WORK,
    Permission.RUNS: WORK,
    Permission.FILES: WORK,
    Permission.ACTIVITY: LOOK,
}
_CLIENT_EDITOR: dict[Permission, frozenset[Right]] = {
    Permission.OVERVIEW: LOOK,
    Permission.TENANT: LOOK,
    Permission.GRANTS: LOOK,
    Permission.APPS: LOOK,
    Permission.AUTHORISATIONS: frozenset({V, C, E}),
    Permission.COUPLINGS: WORK,
    Permission.FEEDS: WORK,
    Permission.STATEMENTS: WORK,
    Permission.DOCUMENTS: WORK,
    Permission.RECONCILE: WORK,
    Permission.API: frozenset({V, C, E}),
    Permission.ENTRIES: WORK,
    Permission.RUNS: WORK,
    Permission.FILES: WORK,
    Permission.ACTIVITY: LOOK,
}
# (kind of tenant, role) → what it may. A firm's people act in a client account as its
# editor or reader, whichever of their role and the grant is weaker.
ROLES: Mapping[tuple[str, str], Mapping[Permission, frozenset[Right]]] = {
    ("portal", "administrator"): {p: ALL for p in Permission if p not in (Permission.GRANTS, Permission.API)},
    ("portal", "staff"): _PORTAL_STAFF,
    ("portal", "reader"): dict.fromkeys(_PORTAL_STAFF, LOOK),
    ("portal", CUSTOM): {Permission.OVERVIEW: LOOK},
    ("client", "owner"): {p: ALL for p in Permission if p is not Permission.TEAM},
    ("client", "editor"): _CLIENT_EDITOR,
    ("client", "reader"): dict.fromkeys(_CLIENT_EDITOR, LOOK),
    ("client", CUSTOM): {Permission.OVERVIEW: LOOK},
}
# What accounting software reads with a user of its own, and all that it reads.
ACCOUNT_DATA = frozenset({Permission.STATEMENTS})


def role_in_client(firm_role: str, grant_role: str) -> str:
    """The role of a firm's person in a client account: the weaker of the two.

    Job roles of the firm's own making go along; the grant is their ceiling (see `Who.grant`).
    """
    if firm_role == CUSTOM:
        return CUSTOM
    return "reader" if "reader" in (firm_role, grant_role) else "editor"
