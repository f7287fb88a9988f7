"""Making portals and client accounts, and who belongs to them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.access import Actor, Scope
from portal.activity.service import record
from portal.identity import service as identity
from portal.identity.models import User
from portal.kernel import clock, mail
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.vault import Vault
from portal.tenants import grants
from portal.tenants.assignments import lasting
from portal.tenants.models import CLIENT_ROLES, PORTAL_ROLES, SOFTWARE, Assignment, Membership, Tenant
from portal.tenants.numbers import SCHEMES, check_number, vat_of

PORTAL_LINK_FOR = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Details:
    """What a tenant is called and where its invoices go. Numbers as typed; they are checked."""

    name: str
    scheme: str
    enterprise_number: str
    street: str = ""
    postcode: str = ""
    city: str = ""
    billing_email: str = ""


def create_portal(session: Session, vault: Vault, user: User, details: Details, email: str, base_url: str) -> Scope:
    """A firm's portal, there at once; clients can name its address once that is proved.

    The address of the signed-in administrator is proved already; another gets a mail.
    """
    address = identity.clean_email(email)
    scope = _create(session, user, "portal", "administrator", details, email=address)
    if address == user.email.lower() and user.email_verified_at:
        _prove_address(scope)
    else:
        token = identity.make_token(session, "verify_portal", user, address, PORTAL_LINK_FOR, scope.tenant_id)
        values = {"name": user.name, "portal": scope.tenant_name, "link": f"{base_url}/verify-portal?t={token}"}
        mail.write(session, vault, to=address, template="verify_portal", locale=user.locale, values=values)
    return scope


def create_client_account(session: Session, user: User, details: Details) -> Scope:
    return _create(session, user, "client", "owner", details, email=None)


def _create(session: Session, user: User, kind: str, role: str, details: Details, email: str | None) -> Scope:
    if user.email_verified_at is None:
        raise Conflict("login.unverified")
    if not details.name.strip():
        raise Invalid("name.empty", field="name")
    number = check_number(details.scheme, details.enterprise_number)
    billing = identity.clean_email(details.billing_email, "billing_email") if details.billing_email.strip() else ""
    tenant_id, now = uuid7(), clock.now()
    scope = Scope.system(session, tenant_id, kind, Actor(user.id, user.name))
    scope.tenant_name = details.name.strip()[:160]
    session.add(
        Tenant(
            id=tenant_id,
            kind=kind,
            name=scope.tenant_name,
            email=email,
            country=SCHEMES[details.scheme],
            scheme=details.scheme,
            enterprise_number=number,
            vat_number=vat_of(details.scheme, number),
            street=details.street.strip()[:160],
            postcode=details.postcode.strip()[:16],
            city=details.city.strip()[:80],
            billing_email=billing,
            created_at=now,
        )
    )
    session.flush()
    session.add(Membership(tenant_id=tenant_id, user_id=user.id, role=role, created_at=now))
    record(scope, f"{kind}.created", ("tenant", tenant_id), name=scope.tenant_name)
    return scope


def verify_portal(session: Session, token: str, user_id: uuid.UUID) -> Tenant:
    """The link that was mailed to the portal's address, opened by somebody who is signed in."""
    found = identity.use_token(session, "verify_portal", token)
    if found.tenant_ref is None or found.user_id != user_id:
        raise NotFound("link.dead")
    user = session.get_one(User, user_id)
    scope = Scope.system(session, found.tenant_ref, "portal", Actor(user.id, user.name))
    tenant = get_tenant(scope)
    if (tenant.email or "").lower() != found.email.lower():
        raise NotFound("link.dead")
    _prove_address(scope)
    return tenant


def _prove_address(scope: Scope) -> None:
    tenant = get_tenant(scope)
    holder = scope.session.scalar(text("SELECT portal_of_email(:email)"), {"email": tenant.email})
    if holder is not None and holder != tenant.id:
        raise Conflict("portal.email_taken")
    tenant.email_verified_at = clock.now()
    record(scope, "portal.email_verified", ("tenant", tenant.id), email=tenant.email)
    scope.session.flush()
    grants.activate_waiting(scope.session, portal_id=tenant.id)


def get_tenant(scope: Scope) -> Tenant:
    tenant = scope.session.get(Tenant, scope.tenant_id)
    if tenant is None:
        raise NotFound()
    return tenant


def edit_tenant(scope: Scope, details: Details) -> Tenant:
    tenant = get_tenant(scope)
    if not details.name.strip():
        raise Invalid("name.empty", field="name")
    before = tenant.name
    tenant.name = details.name.strip()[:160]
    tenant.scheme, tenant.country = details.scheme, SCHEMES.get(details.scheme, tenant.country)
    tenant.enterprise_number = check_number(details.scheme, details.enterprise_number)
    tenant.vat_number = vat_of(tenant.scheme, tenant.enterprise_number)
    tenant.street, tenant.postcode = details.street.strip()[:160], details.postcode.strip()[:16]
    tenant.city = details.city.strip()[:80]
    tenant.billing_email = (
        identity.clean_email(details.billing_email, "billing_email") if details.billing_email.strip() else ""
    )
    record(scope, "tenant.edited", ("tenant", tenant.id), before=before, name=tenant.name)
    return tenant


# ------------------------------------------------------------------------------- people


@dataclass(frozen=True, slots=True)
class Member:
    user_id: uuid.UUID
    membership_id: uuid.UUID
    name: str
    email: str
    role: str
    clients: int  # client accounts assigned to this person
    assigned_only: bool = False  # sees these alone


def members(scope: Scope) -> Sequence[Member]:
    assigned = (
        select(func.count(Assignment.client_id.distinct()))
        .where(Assignment.tenant_id == Membership.tenant_id, Assignment.user_id == Membership.user_id, lasting())
        .scalar_subquery()
    )
    query = (
        select(User.id, Membership.id, User.name, User.email, Membership.role, assigned, Membership.assigned_only)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.tenant_id == scope.tenant_id, Membership.ended_at.is_(None), Membership.role != SOFTWARE)
        .order_by(func.lower(User.name))
    )
    return [Member(*row) for row in scope.session.execute(query)]


def add_member(scope: Scope, email: str, role: str) -> Membership:
    """Somebody who has signed up already, and proved the address; others sign up first."""
    _check_role(scope.kind, role)
    user = identity.find_user(scope.session, identity.clean_email(email))
    if user is None or user.email_verified_at is None:
        raise Invalid("member.unknown", field="email", email=email.strip())
    if any(member.user_id == user.id for member in members(scope)):
        raise Invalid("member.already", field="email", email=user.email)
    row = Membership(
        tenant_id=scope.tenant_id, id=uuid7(), user_id=user.id, role=role, created_at=clock.now(),
        assigned_only=get_tenant(scope).assigned_only and role != "administrator",
    )  # fmt: skip
    scope.session.add(row)
    record(scope, "member.added", ("user", user.id), name=user.name, role=role)
    return row


def change_role(scope: Scope, membership_id: uuid.UUID | str, role: str) -> None:
    _one_at_a_time(scope)
    row = _living(scope, membership_id)
    _check_role(scope.kind, role)
    _keep_one_head(scope, row, role)
    before, row.role = row.role, role
    row.assigned_only = row.assigned_only and role != "administrator"
    record(scope, "member.role_changed", ("user", row.user_id), name=_name(scope, row), before=before, role=role)


def end_membership(scope: Scope, membership_id: uuid.UUID | str) -> Membership:
    """Takes effect at that person's next request, in every open page."""
    _one_at_a_time(scope)
    row = _living(scope, membership_id)
    _keep_one_head(scope, row, "")
    row.ended_at = clock.now()
    record(scope, "member.ended", ("user", row.user_id), name=_name(scope, row))
    return row


def _check_role(kind: str, role: str) -> None:
    if role not in (PORTAL_ROLES if kind == "portal" else CLIENT_ROLES):
        raise Invalid("role.unknown", field="role")


def _one_at_a_time(scope: Scope) -> None:
    """Two people who demote each other at the same moment come one after the other."""
    scope.session.get(Tenant, scope.tenant_id, with_for_update={"key_share": True}, populate_existing=True)


def _living(scope: Scope, membership_id: uuid.UUID | str) -> Membership:
    row = scope.get(Membership, membership_id, lock=True)
    if row.ended_at is not None or row.role == SOFTWARE:
        raise NotFound()
    return row


def _keep_one_head(scope: Scope, row: Membership, new_role: str) -> None:
    """The last administrator or owner stays (A7): nobody could let anyone in again."""
    head = "administrator" if scope.kind == "portal" else "owner"
    if row.role != head or new_role == head:
        return
    query = select(Membership.id).where(
        Membership.tenant_id == scope.tenant_id, Membership.role == head, Membership.ended_at.is_(None)
    )
    if len(scope.session.scalars(query).all()) < 2:
        raise Conflict("member.last_head")


def _name(scope: Scope, row: Membership) -> str:
    return scope.session.get_one(User, row.user_id).name
