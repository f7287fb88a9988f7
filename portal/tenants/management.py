"""Which firm manages a client account, and pays for it, from which day to which.

A firm that is let in no more manages nothing: whatever ends a grant calls `end_without_grant`, and
the database does the same at the commit for what did not.
"""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import or_, select

from portal.access import Scope
from portal.activity.service import record
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict
from portal.tenants.models import Grant, Management


def begin_management(scope: Scope, portal_id: uuid.UUID, on: date | None = None) -> Management:
    """From this day on the firm manages this client account; a firm that did so until then stops on that day.

    `scope` is the client account's. Raises Conflict("management.order") when another began later.
    """
    starts_on = on or clock.today()
    before = current_management(scope)
    if before is not None and before.portal_id == portal_id:
        return before
    if before is not None:
        end_management(scope, starts_on)
        scope.session.flush()
    row = Management(
        tenant_id=scope.tenant_id, id=uuid7(), portal_id=portal_id, starts_on=starts_on, noted_at=clock.now(),
        noted_by=scope.actor.user_id,
    )  # fmt: skip
    scope.session.add(row)
    record(scope, "management.begun", ("tenant", scope.tenant_id), portal=portal_id, on=starts_on)
    return row


def end_management(scope: Scope, on: date | None = None) -> None:
    """From this day on nobody manages the account but its owner; nothing happens when that is so already."""
    row, stops_on = current_management(scope), on or clock.today()
    if row is None:
        return
    if stops_on < row.starts_on:
        raise Conflict("management.order", on=row.starts_on)
    row.stops_on = stops_on
    record(scope, "management.ended", ("tenant", scope.tenant_id), portal=row.portal_id, on=stops_on)


def end_without_grant(scope: Scope, portal_id: uuid.UUID | None, on: date | None = None) -> None:
    """A grant of this firm ended: from this day on it manages the account no more, unless another one lets it in."""
    row = current_management(scope)
    if row is None or row.portal_id != portal_id:
        return
    day = max(row.starts_on, on or clock.today())
    lets_in = (Grant.tenant_id == scope.tenant_id, Grant.portal_id == portal_id, Grant.state == "active")
    lasting = or_(Grant.ends_on.is_(None), Grant.ends_on >= day)
    if scope.session.scalars(select(Grant.id).where(*lets_in, lasting)).first() is None:
        end_management(scope, day)


def current_management(scope: Scope) -> Management | None:
    """The one that has no end, locked."""
    query = select(Management).where(Management.tenant_id == scope.tenant_id, Management.stops_on.is_(None))
    return scope.session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
