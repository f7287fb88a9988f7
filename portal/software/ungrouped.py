"""Bank accounts that are in no group: whoever is limited to groups does not see them until they are put in one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.identity.models import User
from portal.kernel import clock, mail
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount
from portal.permissions.models import AccountGroup, AccountGroupAccount
from portal.software.models import UngroupedTelling
from portal.tenants.models import Membership, Tenant

SHOWN = 100
HEADS = ("administrator", "owner")
_DUE = text("SELECT tenant_id, kind FROM tenants_with_ungrouped(:limit)")


@dataclass(frozen=True, slots=True)
class LeftOut:
    client_id: uuid.UUID
    id: uuid.UUID
    number: str
    currency: str
    name: str
    holder: str


def left_out(scope: Scope, *, untold: bool = False, limit: int = SHOWN) -> Sequence[LeftOut]:
    """Oldest first; nothing where nobody works with groups. `untold`: only those of which nobody was told."""
    if scope.session.scalars(select(AccountGroup.id).where(AccountGroup.tenant_id == scope.tenant_id)).first() is None:
        return []
    grouped = select(AccountGroupAccount.bank_account_id).where(
        AccountGroupAccount.tenant_id == scope.tenant_id, AccountGroupAccount.client_id == BankAccount.tenant_id,
        AccountGroupAccount.bank_account_id == BankAccount.id,
    )  # fmt: skip
    query = (
        select(BankAccount.tenant_id, BankAccount.id, BankAccount.number, BankAccount.currency, BankAccount.name,
               Tenant.name)
        .join(Tenant, Tenant.id == BankAccount.tenant_id)
        .where(~grouped.exists(), _reached(scope))
        .order_by(BankAccount.id)
        .limit(limit)
    )  # fmt: skip
    if untold:
        told = select(UngroupedTelling.told_at).where(
            UngroupedTelling.tenant_id == scope.tenant_id, UngroupedTelling.client_id == BankAccount.tenant_id,
            UngroupedTelling.bank_account_id == BankAccount.id,
        )  # fmt: skip
        query = query.where(~told.exists())
    return [LeftOut(*row) for row in scope.session.execute(query)]


def tell(session: Session, vault: Vault, tenant_id: uuid.UUID, kind: str, base_url: str) -> int:
    """Mail the heads of a tenant about accounts in no group of which nobody was told; how many accounts."""
    scope = Scope.system(session, tenant_id, kind)
    found = left_out(scope, untold=True)
    if not found:
        return 0
    groups = f"/p/{tenant_id}/team/groups" if kind == "portal" else f"/c/{tenant_id}/people/groups"
    values = {
        "count": str(len(found)), "accounts": "\n".join(f"{one.number} {one.currency} · {one.holder}" for one in found),
        "link": base_url + groups,
    }  # fmt: skip
    for user in _heads(scope):
        mail.write(session, vault, to=user.email, template="ungrouped", locale=user.locale, values=values)
    now = clock.now()
    session.add_all(
        UngroupedTelling(tenant_id=tenant_id, client_id=one.client_id, bank_account_id=one.id, told_at=now)
        for one in found
    )
    return len(found)


def due(session: Session, limit: int = 20) -> Sequence[tuple[uuid.UUID, str]]:
    """(tenant, its kind) where somebody is to be told."""
    return [(row.tenant_id, row.kind) for row in session.execute(_DUE, {"limit": limit})]


def _heads(scope: Scope) -> Sequence[User]:
    query = select(User).join(Membership, Membership.user_id == User.id)
    living = (Membership.tenant_id == scope.tenant_id, Membership.ended_at.is_(None), Membership.role.in_(HEADS))
    return scope.session.scalars(query.where(*living).order_by(User.id)).all()


def _reached(scope: Scope) -> ColumnElement[bool]:
    if scope.kind == "portal":
        return BankAccount.tenant_id.in_(select(func.app_clients()))
    return BankAccount.tenant_id == scope.tenant_id
