"""When a person has to log in at the provider again: the state, the record, and the mails."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings
from portal.access import SYSTEM, Scope
from portal.activity import service as activity
from portal.authorisations import applications, states
from portal.authorisations.models import Authorisation, State
from portal.connectors.login import AuthMode
from portal.identity.models import User
from portal.kernel import mail
from portal.kernel.vault import Vault
from portal.tenants.models import Membership, Tenant

HEADS = ("administrator", "owner")


def ask(session: Session, vault: Vault, settings: Settings, authorisation: Authorisation, code: str, text: str) -> None:
    """In the caller's transaction. `text` is the provider's, free of secrets. A second time tells nobody again."""
    if authorisation.state in (State.NEEDS_CONSENT, State.REVOKED):
        return
    states.move(authorisation, State.NEEDS_CONSENT, code)
    tenant = session.get_one(Tenant, authorisation.tenant_id)
    scope = Scope(session, tenant.id, tenant.kind, "", SYSTEM, tenant.name)
    label = applications.manifest_of(authorisation.app).label
    activity.record(
        scope, "authorisation.needs_consent", ("authorisation", authorisation.id), provider=label,
        name=authorisation.name, code=code, text=text,
    )  # fmt: skip
    path = f"{'p' if tenant.kind == 'portal' else 'c'}/{tenant.id}/authorisations/{authorisation.id}"
    by_key = "1" if applications.manifest_of(authorisation.app).auth is AuthMode.KEY else ""
    values = {
        "by_key": by_key,
        "name": authorisation.name,
        "app": label,
        "tenant": tenant.name,
        "link": f"{settings.base_url}/{path}",
    }
    for person in answerable(session, authorisation):
        told = values | {"person": person.name}
        mail.write(session, vault, to=person.email, template="needs_consent", locale=person.locale, values=told)


def answerable(session: Session, authorisation: Authorisation) -> Sequence[User]:
    """Its owner and deputy as far as they still belong here; else whoever heads the tenant."""
    members = (
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(
            Membership.tenant_id == authorisation.tenant_id,
            Membership.ended_at.is_(None),
            User.disabled_at.is_(None),
        )
    )
    named = [person for person in (authorisation.owner_id, authorisation.deputy_id) if person is not None]
    found = session.scalars(members.where(User.id.in_(named))).all()
    return found or session.scalars(members.where(Membership.role.in_(HEADS))).all()
