"""Who acts, in which tenant, and what they may do there.

A route names a permission and a right; a scope knows the role. The table below is the
whole truth: what is not in it, is not allowed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kernel.db import Setting, TenantRow, set_scope
from portal.kernel.errors import Forbidden, NotFound


class Permission(StrEnum):
    OVERVIEW = "overview"  # the tenant's home and its lists
    TENANT = "tenant"  # name, numbers, addresses
    GRANTS = "grants"  # who is let into a client account
    TEAM = "team"  # people of the firm and whom they look after
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

_PORTAL_STAFF: dict[Permission, frozenset[Right]] = {
    Permission.OVERVIEW: LOOK,
    Permission.TENANT: LOOK,
    Permission.TEAM: LOOK,
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
    ("client", "owner"): {p: ALL for p in Permission if p is not Permission.TEAM},
    ("client", "editor"): _CLIENT_EDITOR,
    ("client", "reader"): dict.fromkeys(_CLIENT_EDITOR, LOOK),
}


def role_in_client(firm_role: str, grant_role: str) -> str:
    """The role of a firm's person in a client account: the weaker of the two."""
    return "reader" if "reader" in (firm_role, grant_role) else "editor"


def allowed(kind: str, role: str, permission: Permission, right: Right) -> bool:
    return right in ROLES.get((kind, role), {}).get(permission, frozenset())


Row = TypeVar("Row", bound=TenantRow)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is behind an act. `user_id` None: the product itself."""

    user_id: uuid.UUID | None
    name: str
    via_id: uuid.UUID | None = None


SYSTEM = Actor(None, "")


@dataclass(slots=True)
class Scope:
    """One acting in one tenant, with the database session that sees just that."""

    session: Session
    tenant_id: uuid.UUID
    kind: str  # "portal" or "client"
    role: str  # "" for the product itself, which is asked for no permission
    actor: Actor
    tenant_name: str = ""

    @classmethod
    def system(cls, session: Session, tenant_id: uuid.UUID, kind: str = "client", actor: Actor = SYSTEM) -> Scope:
        """For jobs: the session is moved into the tenant."""
        set_scope(session, Setting(tenant=tenant_id, portal=tenant_id if kind == "portal" else None))
        return cls(session, tenant_id, kind, "", actor)

    @property
    def portal_id(self) -> uuid.UUID | None:
        """The firm: this portal, or the one through which a person acts in a client account."""
        return self.tenant_id if self.kind == "portal" else self.actor.via_id

    def may(self, permission: Permission, right: Right) -> bool:
        return not self.role or allowed(self.kind, self.role, permission, right)

    def require(self, permission: Permission, right: Right) -> None:
        if not self.may(permission, right):
            raise Forbidden()

    def get(self, model: type[Row], row_id: uuid.UUID | str, *, lock: bool = False) -> Row:
        """The only look-up by id: a row of this tenant, or NotFound."""
        try:
            key = row_id if isinstance(row_id, uuid.UUID) else uuid.UUID(row_id)
        except ValueError:
            raise NotFound() from None
        query = select(model).where(model.tenant_id == self.tenant_id, model.id == key)
        if lock:  # what was read before the lock may have changed
            query = query.with_for_update().execution_options(populate_existing=True)
        row = self.session.scalars(query).one_or_none()
        if row is None:
            raise NotFound()
        return row
