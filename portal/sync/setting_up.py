"""The usual configuration for clients that were just coupled, as far as their books and bank accounts are known."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import select

from portal.access import Permission, Right, Scope
from portal.couplings.books import read_books
from portal.couplings.configurations import create_configuration
from portal.couplings.defaults import defaults_for
from portal.couplings.models import Configuration, Coupling
from portal.couplings.preferences import wishes, with_wishes
from portal.couplings.service import Outcome
from portal.kernel import clock
from portal.kernel.errors import PortalError
from portal.ledger.accounts import accounts
from portal.ledger.models import BankAccount
from portal.tenants.entering import inside
from portal.tenants.models import Grant, Tenant


def configure_usual(scope: Scope, client_ids: Collection[uuid.UUID]) -> list[Outcome]:
    """One configuration for each bank account that has none: monthly, and prepared for a person to look at.

    Each account stands on its own; `code` says why one was not configured.
    """
    return [outcome for tenant, role in _clients(scope, client_ids) for outcome in _configure(scope, tenant, role)]


def _clients(scope: Scope, client_ids: Collection[uuid.UUID]) -> list[tuple[Tenant, str]]:
    """Row-level security leaves those that let the firm in; with the role of the grant."""
    query = (
        select(Tenant, Grant.role)
        .join(Grant, Grant.tenant_id == Tenant.id)
        .where(Tenant.id.in_(client_ids), Grant.portal_id == scope.tenant_id, Grant.state == "active")
        .order_by(Tenant.name, Tenant.id)
    )
    found = {tenant.id: (tenant, role) for tenant, role in scope.session.execute(query)}
    return list(found.values())


def _configure(portal: Scope, tenant: Tenant, grant_role: str) -> list[Outcome]:
    client_id, name = tenant.id, tenant.name
    if not portal.inside(client_id, name, grant_role).may(Permission.COUPLINGS, Right.CREATE):
        return [Outcome(client_id, name, code="coupling.reader")]
    with inside(portal, client_id, name, grant_role) as scope:
        query = select(Coupling).where(Coupling.tenant_id == client_id, Coupling.state == "active")
        coupling = scope.session.scalars(query.order_by(Coupling.activated_at)).first()
        if coupling is None:
            return [Outcome(client_id, name, code="configuration.no_coupling")]
        booked = set(
            scope.session.scalars(
                select(Configuration.bank_account_id).where(
                    Configuration.tenant_id == client_id, Configuration.state == "active"
                )
            )
        )
        free = [account for account in accounts(scope) if account.id not in booked]
        if not free:
            return [Outcome(client_id, name, code="configuration.no_account")]
        return [_one(scope, coupling, account) for account in free]


def _one(scope: Scope, coupling: Coupling, account: BankAccount) -> Outcome:
    books = read_books(scope, coupling.id)
    told = {"account": account.name, "number": coupling.dossier_number}
    if books.fetched_at is None:
        return Outcome(scope.tenant_id, scope.tenant_name, code="configuration.books_unread", values=told)
    proposed = replace(defaults_for(books, account, coupling.country, clock.today()), automatic=False)
    chosen = with_wishes(proposed, wishes(scope, coupling.app), books, account)
    try:
        with scope.session.begin_nested():
            create_configuration(scope, coupling.id, account, chosen)
    except PortalError as error:
        return Outcome(scope.tenant_id, scope.tenant_name, code=error.code, values=error.values)
    return Outcome(scope.tenant_id, scope.tenant_name, values=told | {"journal": chosen.journal})
