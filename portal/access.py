"""Who acts, in which tenant, and what they may do there.

A route names a permission and a right; a scope knows who acts. Whether that is allowed is
said in one place, `portal.permissions.deciding`.
"""

from __future__ import annotations

import uuid
from collections.abc import Set
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kernel.db import Setting, TenantRow, set_scope
from portal.kernel.errors import Forbidden, NotFound
from portal.permissions.deciding import Decision, JobRole, What, Who, decide
from portal.permissions.rights import ROLES, Permission, Right, role_in_client

__all__ = ["ROLES", "SYSTEM", "Actor", "Permission", "Right", "Scope", "allowed", "role_in_client"]


def allowed(kind: str, role: str, permission: Permission, right: Right) -> bool:
    """Whether a built-in role gives this right."""
    return decide(Who(kind, role), What(permission, right)).allowed


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
    job_roles: tuple[JobRole, ...] = ()  # of the firm's own making, besides the role
    grant: str = ""  # the role of the grant by which a firm's person is here
    accounts: Set[uuid.UUID] | None = None  # those of the person's account groups; None: not limited
    clients: Set[uuid.UUID] | None = None  # those assigned to the person; None: not limited
    _who: Who | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def system(cls, session: Session, tenant_id: uuid.UUID, kind: str = "client", actor: Actor = SYSTEM) -> Scope:
        """For jobs: the session is moved into the tenant."""
        set_scope(session, Setting(tenant=tenant_id, portal=tenant_id if kind == "portal" else None))
        return cls(session, tenant_id, kind, "", actor)

    @property
    def portal_id(self) -> uuid.UUID | None:
        """The firm: this portal, or the one through which a person acts in a client account."""
        return self.tenant_id if self.kind == "portal" else self.actor.via_id

    @property
    def who(self) -> Who:
        """Who acts, as the decision takes it; made once, for a page asks dozens. Not for the product itself, which
        has no role."""
        if self._who is None:
            self._who = Who(
                self.kind, self.role, self.job_roles, grant=self.grant, accounts=self.accounts, clients=self.clients
            )
        return self._who

    def may(self, permission: Permission, right: Right, account: uuid.UUID | None = None) -> bool:
        """`account`: the bank account that it is about, where it is about one."""
        return not self.role or self.decide(What(permission, right, account, self._client)).allowed

    def decide(self, what: What) -> Decision:
        return decide(self.who, what)

    def require(self, permission: Permission, right: Right, account: uuid.UUID | None = None) -> None:
        if not self.may(permission, right, account):
            raise Forbidden(permission=permission, right=right)

    def require_every_account(self) -> None:
        """For what reaches all bank accounts of a tenant at once: Forbidden for whoever sees some of them alone."""
        if self.role and self.accounts is not None:
            raise Forbidden("permission.every_account")

    def require_every_client(self) -> None:
        """For what reaches all clients of a firm at once: Forbidden for whoever sees assigned ones alone."""
        if self.role and self.kind == "portal" and self.clients is not None:
            raise Forbidden("permission.every_client")

    @property
    def _client(self) -> uuid.UUID | None:
        return self.tenant_id if self.kind == "client" else None

    def inside(self, client_id: uuid.UUID, client_name: str, grant_role: str) -> Scope:
        """The same person of a firm in a client account that let the firm in; the session stays where it is."""
        role = role_in_client(self.role, grant_role) if self.role else ""
        actor = Actor(self.actor.user_id, self.actor.name, self.tenant_id)
        return Scope(
            self.session, client_id, "client", role, actor, client_name, self.job_roles, grant_role, self.accounts,
            self.clients,
        )  # fmt: skip

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
