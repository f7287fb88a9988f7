"""The owner of an enterprise takes over the client account that a firm made: asked by mail, decided signed in.

The firm's grant stays as it is; from then on the owner decides about it, and is billed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.access import Actor, Permission, Right, Scope
from portal.activity.service import record
from portal.identity.models import User
from portal.identity.service import clean_email
from portal.kernel import clock, mail
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.vault import Vault
from portal.team.newcomers import inside
from portal.tenants.management import current_management, end_management
from portal.tenants.models import Management, Membership, Takeover, Tenant

LASTS = timedelta(days=30)


def managed_by(scope: Scope) -> Sequence[tuple[Tenant, Takeover | None]]:
    """The client accounts that the firm in scope manages, by name, each with the invitation that is open."""
    query = (
        select(Tenant, Takeover)
        .join(Management, Management.tenant_id == Tenant.id)
        .outerjoin(Takeover, (Takeover.tenant_id == Tenant.id) & (Takeover.state == "asked"))
        .where(
            Management.portal_id == scope.tenant_id,
            Management.stops_on.is_(None),
            Tenant.id.in_(select(func.app_clients())),
        )
        .order_by(func.lower(Tenant.name), Tenant.id)
    )
    return [(row[0], row[1]) for row in scope.session.execute(query)]


def invite(scope: Scope, vault: Vault, client_id: uuid.UUID, email: str, locale: str, base_url: str) -> Takeover:
    """Ask somebody to become the owner. `scope` is the firm's. Raises NotFound, Conflict and Invalid."""
    address = clean_email(email)
    client_name, firm_name = managed(scope, client_id).name, scope.tenant_name
    with inside(scope, client_id, client_name) as client:
        _lock(client)
        if _has_owner(client):
            raise Conflict("takeover.has_owner", client=client_name)
        asked = _asked(client)
        if asked is not None and asked.ends_at > clock.now():
            raise Conflict("takeover.asked_already", email=asked.email)
        if asked is not None:
            _settle(asked, "withdrawn", None)
            client.session.flush()
        now = clock.now()
        row = Takeover(
            tenant_id=client_id, id=uuid7(), email=address, client_name=client_name, firm_name=firm_name,
            state="asked", asked_by=scope.actor.user_id, asked_at=now, ends_at=now + LASTS,
        )  # fmt: skip
        client.session.add(row)
        record(client, "takeover.asked", ("tenant", client_id), email=address)
        values = {
            "client": client_name, "firm": firm_name, "by": scope.actor.name, "link": f"{base_url}/me/requests",
        }  # fmt: skip
        mail.write(client.session, vault, to=address, template="takeover", locale=locale, values=values)
    return row


def withdraw(scope: Scope, client_id: uuid.UUID) -> None:
    """The firm takes its invitation back. Raises NotFound and Conflict."""
    client_name = managed(scope, client_id).name
    with inside(scope, client_id, client_name) as client:
        row = _asked(client)
        if row is None:
            raise Conflict("takeover.not_open")
        _settle(row, "withdrawn", scope.actor.user_id)
        record(client, "takeover.withdrawn", ("tenant", client_id), email=row.email)


def asked_of(session: Session, user: User) -> Sequence[Takeover]:
    """What firms ask of this person's proved address; readable through app.user."""
    if user.email_verified_at is None:
        return []
    query = select(Takeover).where(
        func.lower(Takeover.email) == user.email.lower(), Takeover.state == "asked", Takeover.ends_at > clock.now()
    )
    return session.scalars(query.order_by(Takeover.asked_at.desc())).all()


def decide(session: Session, user: User, takeover_id: uuid.UUID, *, yes: bool) -> Scope:
    """The person who was asked says yes, and owns the account, or no. Returns the scope of the account.

    Raises NotFound for anybody else and for an invitation that is over.
    """
    found = next((row for row in asked_of(session, user) if row.id == takeover_id), None)
    if found is None:
        raise NotFound()
    client = Scope.system(session, found.tenant_id, actor=Actor(user.id, user.name))
    _lock(client)
    row = client.get(Takeover, takeover_id, lock=True)
    if row.state != "asked" or row.ends_at <= clock.now():
        raise NotFound()
    client.tenant_name = row.client_name
    _settle(row, "taken" if yes else "declined", user.id)
    if not yes:
        record(client, "takeover.declined", ("tenant", row.tenant_id), firm=row.firm_name)
        return client
    if _has_owner(client):
        raise Conflict("takeover.has_owner", client=row.client_name)
    session.add(Membership(tenant_id=row.tenant_id, user_id=user.id, role="owner", created_at=clock.now()))
    record(client, "takeover.taken", ("tenant", row.tenant_id), name=user.name, firm=row.firm_name)
    end_management(client)
    session.flush()
    return client


def managed(scope: Scope, client_id: uuid.UUID) -> Tenant:
    """A client account that this firm manages and the person reaches. Raises NotFound and Conflict."""
    scope.require(Permission.COUPLINGS, Right.CREATE)
    client = scope.session.scalars(
        select(Tenant).where(Tenant.id == client_id, Tenant.id.in_(select(func.app_clients())))
    ).one_or_none()
    if client is None:
        raise NotFound()
    with inside(scope, client_id) as within:
        present = current_management(within)
    if present is None or present.portal_id != scope.tenant_id:
        raise Conflict("takeover.not_managed", client=client.name)
    return client


def _lock(client: Scope) -> None:
    client.session.get(Tenant, client.tenant_id, with_for_update={"key_share": True}, populate_existing=True)


def _has_owner(client: Scope) -> bool:
    query = select(Membership.id).where(
        Membership.tenant_id == client.tenant_id, Membership.role == "owner", Membership.ended_at.is_(None)
    )
    return client.session.scalars(query).first() is not None


def _asked(client: Scope) -> Takeover | None:
    query = select(Takeover).where(Takeover.tenant_id == client.tenant_id, Takeover.state == "asked")
    return client.session.scalars(query.with_for_update()).one_or_none()


def _settle(row: Takeover, state: str, user_id: uuid.UUID | None) -> None:
    row.state, row.decided_at, row.decided_by = state, clock.now(), user_id
