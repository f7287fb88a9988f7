"""Telling whoever asked for an archive how it went. The mail names a page behind sign-in, and holds no secret."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, text

from portal.access import Scope
from portal.activity.service import record
from portal.archives.models import Archive
from portal.identity.models import User
from portal.kernel import clock, mail, queue
from portal.kernel.db import Setting, set_scope
from portal.kernel.vault import Vault
from portal.runtime import Runtime
from portal.tenants.models import Membership, Tenant

_DUE = text("SELECT tenant_id, id FROM ring_due_archives(:now, :room)")


@dataclass(frozen=True, slots=True)
class Means:
    """What a mail needs."""

    vault: Vault
    base_url: str


def tell(scope: Scope, means: Means, row: Archive) -> bool:
    """Mail the person who asked, when they still belong to the account; whether somebody was told."""
    query = select(User).join(Membership, Membership.user_id == User.id)
    here = (Membership.tenant_id == scope.tenant_id, Membership.ended_at.is_(None), User.disabled_at.is_(None))
    user = scope.session.scalars(query.where(User.id == row.asked_by, *here)).one_or_none()
    if user is None:
        return False
    tenant = scope.session.get_one(Tenant, scope.tenant_id)
    place = "p" if tenant.kind == "portal" else "c"
    values = {
        "account": tenant.name, "state": row.state, "link": f"{means.base_url}/{place}/{tenant.id}/data",
        "until": clock.day(row.expires_at).isoformat() if row.expires_at else "",
    }  # fmt: skip
    mail.write(scope.session, means.vault, to=user.email, template="archive", locale=user.locale, values=values)
    return True


def ring_due(here: Runtime, room: int) -> None:
    """Ring for archives that nobody made yet; of those that are given up now, tell who asked."""
    if room <= 0:
        return
    means = Means(here.vault, here.settings.base_url)
    with here.database.scoped() as session:
        due = session.execute(_DUE, {"now": clock.now(), "room": room}).all()
        for tenant_id, archive_id in due:
            set_scope(session, Setting(tenant=tenant_id))
            row = session.get_one(Archive, (tenant_id, archive_id))
            if row.state == "asked":
                queue.ring(session, "archives.make", tenant_id, archive_id)
                continue
            scope = Scope.system(session, tenant_id, session.get_one(Tenant, tenant_id).kind)
            record(scope, "archive.failed", ("archive", archive_id), attempts=row.attempts)
            tell(scope, means, row)
            session.flush()
