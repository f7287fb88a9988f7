"""Access management: a client lets an address in, and puts it out again. Nothing else gives a firm access."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.activity.service import record
from portal.identity.models import User
from portal.identity.service import clean_email, find_user
from portal.kernel import clock, mail
from portal.kernel.db import Setting, set_scope, uuid7
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.vault import Vault
from portal.tenants.management import end_without_grant
from portal.tenants.models import GRANT_ROLES, AccessRequest, Grant, Tenant


def list_grants(scope: Scope) -> Sequence[Grant]:
    """Living ones first, then what was withdrawn or ended."""
    order = (Grant.state.notin_(("pending", "active")), Grant.created_at.desc())
    return scope.session.scalars(select(Grant).where(Grant.tenant_id == scope.tenant_id).order_by(*order)).all()


def grant_access(scope: Scope, vault: Vault, *, email: str, role: str, ends_on: date | None, base_url: str) -> Grant:
    """Let an address in: at once when a portal or a person proved to hold it, else as soon as one does."""
    address = clean_email(email)
    if role not in GRANT_ROLES:
        raise Invalid("role.unknown", field="role")
    if ends_on is not None and ends_on < clock.today():
        raise Invalid("grant.ends_in_the_past", field="ends_on")
    living = select(Grant.id).where(
        Grant.tenant_id == scope.tenant_id, func.lower(Grant.email) == address, Grant.state.in_(("pending", "active"))
    )
    if scope.session.scalars(living).first() is not None:
        raise Invalid("grant.already", field="email", email=address)
    portal_id = scope.session.scalar(text("SELECT portal_of_email(:email)"), {"email": address})
    user = None if portal_id else find_user(scope.session, address)
    if user is not None and user.email_verified_at is None:
        user = None
    now = clock.now()
    grant = Grant(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        email=address,
        role=role,
        state="active" if portal_id or user else "pending",
        ends_on=ends_on,
        portal_id=portal_id,
        user_id=user.id if user else None,
        created_at=now,
        created_by=scope.actor.user_id,
        activated_at=now if portal_id or user else None,
    )
    scope.session.add(grant)
    record(scope, "grant.given", ("grant", grant.id), email=address, role=role, ends_on=ends_on or "")
    values = {"client": scope.tenant_name, "by": scope.actor.name, "link": f"{base_url}/signin"}
    locale = user.locale if user else _locale_of_actor(scope)
    template = "grant_given" if grant.state == "active" else "grant_waiting"
    mail.write(scope.session, vault, to=address, template=template, locale=locale, values=values)
    return grant


def withdraw_access(scope: Scope, grant_id: uuid.UUID | str) -> Grant:
    """Cuts at once: every request and every send reads the grant anew."""
    grant = scope.get(Grant, grant_id, lock=True)
    if grant.state not in ("pending", "active"):
        raise Conflict("grant.not_living")
    grant.state, grant.withdrawn_at, grant.withdrawn_by = "withdrawn", clock.now(), scope.actor.user_id
    record(scope, "grant.withdrawn", ("grant", grant.id), email=grant.email)
    end_without_grant(scope, grant.portal_id, _shut_from(grant))
    return grant


def end_grant(scope: Scope, grant_id: uuid.UUID | str) -> None:
    """Write down that the last day has passed; access ended by the date itself."""
    grant = scope.get(Grant, grant_id, lock=True)
    if grant.state in ("pending", "active") and grant.ends_on is not None and grant.ends_on < clock.today():
        grant.state = "ended"
        record(scope, "grant.ended", ("grant", grant.id), email=grant.email, ends_on=grant.ends_on)
        end_without_grant(scope, grant.portal_id, _shut_from(grant))


def _shut_from(grant: Grant) -> date:
    """The first day without access: today, or the day after the last where that came before."""
    return min(clock.today(), grant.ends_on + timedelta(days=1)) if grant.ends_on else clock.today()


def activate_waiting(
    session: Session, *, portal_id: uuid.UUID | None = None, user_id: uuid.UUID | None = None
) -> list[uuid.UUID]:
    """An address was proved: the grants that waited for it become active. Returns the client accounts."""
    came_from: Setting = session.info["setting"]
    parameters = {"portal": portal_id, "user": user_id, "now": clock.now()}
    activated = session.execute(text("SELECT * FROM activate_grants(:portal, :user, :now)"), parameters).all()
    for tenant_id, grant_id in activated:
        client = Scope.system(session, tenant_id)
        record(client, "grant.activated", ("grant", grant_id))
    session.flush()
    set_scope(session, came_from)
    return [tenant_id for tenant_id, _ in activated]


# ----------------------------------------------------------------------------- requests


def request_access(
    scope: Scope, vault: Vault, *, email: str, role: str, message: str, locale: str, base_url: str
) -> AccessRequest:
    """The firm asks; the client decides. Whether the address is known stays unsaid."""
    address = clean_email(email)
    if role not in GRANT_ROLES:
        raise Invalid("role.unknown", field="role")
    firm = scope.session.get_one(Tenant, scope.tenant_id)
    if firm.email_verified_at is None or firm.email is None:
        raise Conflict("portal.email_unverified")
    row = AccessRequest(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        email=address,
        firm_name=firm.name,
        firm_email=firm.email,
        role=role,
        message=message.strip()[:500],
        state="asked",
        asked_by=scope.actor.user_id,
        asked_at=clock.now(),
    )
    scope.session.add(row)
    record(scope, "access.requested", ("access_request", row.id), email=address)
    values = {"firm": firm.name, "by": scope.actor.name, "message": row.message, "link": f"{base_url}/me/requests"}
    mail.write(scope.session, vault, to=address, template="access_request", locale=locale, values=values)
    return row


def requests_of_firm(scope: Scope) -> Sequence[AccessRequest]:
    query = select(AccessRequest).where(AccessRequest.tenant_id == scope.tenant_id)
    return scope.session.scalars(query.order_by(AccessRequest.asked_at.desc())).all()


def requests_for(session: Session, user: User) -> Sequence[AccessRequest]:
    """What firms asked of this person's proved address; readable through app.user."""
    query = select(AccessRequest).where(
        func.lower(AccessRequest.email) == user.email.lower(), AccessRequest.state == "asked"
    )
    return session.scalars(query.order_by(AccessRequest.asked_at.desc())).all()


def decide_request(
    scope: Scope, vault: Vault, request_id: uuid.UUID | str, *, grant: bool, base_url: str
) -> AccessRequest:
    """Say yes or no from a client account that the asked person owns; yes gives the grant."""
    user = scope.session.get_one(User, scope.actor.user_id) if scope.actor.user_id else None
    row = next((r for r in requests_for(scope.session, user) if str(r.id) == str(request_id)), None) if user else None
    if row is None:
        raise NotFound()
    row.state, row.decided_at = ("granted" if grant else "declined"), clock.now()
    row.client_id = scope.tenant_id if grant else None
    if grant:
        grant_access(scope, vault, email=row.firm_email, role=row.role, ends_on=None, base_url=base_url)
    else:
        record(scope, "access.declined", ("access_request", row.id), firm=row.firm_name)
    return row


def _locale_of_actor(scope: Scope) -> str:
    user = scope.session.get(User, scope.actor.user_id) if scope.actor.user_id else None
    return user.locale if user else "nl-BE"
