"""What somebody may give to others: never more than they hold themselves.

`Rights` are those of the tenant and, in a firm, those that its people have in client accounts
that let the firm work; a job role of a firm counts in both.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Set

from sqlalchemy import select

from portal.access import Scope
from portal.kernel.errors import Forbidden
from portal.permissions.deciding import What, Who, decide
from portal.permissions.models import AccountGroupAccount
from portal.permissions.rights import Permission, Right, role_in_client
from portal.tenants.held import job_roles

Rights = Mapping[Permission, Set[Right]]
HEADS = {"portal": "administrator", "client": "owner"}  # whoever may put everything right


def held(who: Who) -> Rights:
    """What this person may in the tenant and, of a firm, in its client accounts."""
    everywhere = [who]
    if who.kind == "portal":
        role = role_in_client(who.role, "editor") if who.role else ""
        everywhere.append(Who("client", role, who.job_roles, grant="editor"))
    return {p: frozenset(r for r in Right if any(decide(one, What(p, r)).allowed for one in everywhere))
            for p in Permission}  # fmt: skip


def may_self_approve(who: Who) -> Set[Permission]:
    """Where this person may say that somebody needs no second one: the head of a tenant wherever they approve,
    others where they need none themselves."""
    if who.role == HEADS[who.kind]:
        return {permission for permission, rights in held(who).items() if Right.APPROVE in rights}
    return {permission for role in who.job_roles for permission in role.self_approve}


def require_held(scope: Scope, rights: Rights, alone: Iterable[Permission] = ()) -> None:
    """Raises Forbidden("people.not_yours") for a right, or Forbidden("people.not_yours_alone") for a self-approve,
    that the person in scope lacks."""
    if not scope.role:
        return
    mine, mine_alone = held(scope.who), may_self_approve(scope.who)
    for permission, asked in rights.items():
        for right in Right:
            if right in asked and right not in mine[permission]:
                raise Forbidden("people.not_yours", missing=permission, lacking=right)
    for permission in alone:
        if permission not in mine_alone:
            raise Forbidden("people.not_yours_alone", missing=permission)


def require_built_in(scope: Scope, role: str) -> None:
    """That the person in scope holds all that a built-in role gives, here and in client accounts.

    An administrator sees every client. Raises Forbidden, also "permission.every_client".
    """
    if role == HEADS["portal"]:
        scope.require_every_client()
    require_held(scope, held(Who(scope.kind, role)))


def require_job_roles(scope: Scope, role_ids: Iterable[uuid.UUID]) -> None:
    """That the person in scope holds all that these job roles give."""
    for role in job_roles(scope, role_ids).values():
        require_held(scope, role.rights, role.self_approve)


def require_within(scope: Scope, group_ids: Iterable[uuid.UUID]) -> None:
    """That somebody who is limited to account groups gives none with an account outside them, and never no group
    at all, which would mean every account; and who is limited to clients, none with an account of another.

    Raises Forbidden: "people.wider", "permission.every_client".
    """
    if not scope.role or (scope.accounts is None and scope.clients is None):
        return
    chosen = list(group_ids)
    query = select(AccountGroupAccount.client_id, AccountGroupAccount.bank_account_id).where(
        AccountGroupAccount.tenant_id == scope.tenant_id, AccountGroupAccount.group_id.in_(chosen)
    )
    given = scope.session.execute(query).all()
    if scope.accounts is not None and (not chosen or {row.bank_account_id for row in given} - scope.accounts):
        raise Forbidden("people.wider")
    if scope.clients is not None and {row.client_id for row in given} - scope.clients - {scope.tenant_id}:
        scope.require_every_client()
