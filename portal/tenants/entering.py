"""A firm's person goes into client accounts, one after the other in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import func, select

from portal.access import Scope
from portal.kernel import clock
from portal.kernel.db import Setting, set_scope
from portal.tenants.models import Grant


def writable_clients(scope: Scope, client_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of them that let this portal do more than read, today."""
    living = select(Grant.tenant_id).where(
        Grant.portal_id == scope.tenant_id,
        Grant.tenant_id.in_(client_ids),
        Grant.state == "active",
        Grant.role != "reader",
        func.coalesce(Grant.ends_on, clock.today()) >= clock.today(),
    )
    return set(scope.session.scalars(living))


@contextmanager
def inside(scope: Scope, client_id: uuid.UUID, name: str = "", grant_role: str = "editor") -> Iterator[Scope]:
    """The same person in a client account, with the session moved along; afterwards it is back where it was.

    What limits the person in the portal limits them there too.
    """
    session = scope.session
    session.flush()  # moving forgets what was not written yet
    before: Setting = session.info["setting"]
    set_scope(session, Setting(tenant=client_id, via=scope.tenant_id, user=scope.actor.user_id))
    try:
        yield scope.inside(client_id, name, grant_role)
        session.flush()
    finally:
        set_scope(session, before)
