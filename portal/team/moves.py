"""A client account moves from one firm to another because its owner says so.

The old firm is out at once and its couplings end, with their history kept; what is under way in its
package is settled or waits for a person, and is never sent a second time. The new firm is let in.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text

from portal.access import Scope
from portal.activity.service import record
from portal.couplings.models import Coupling
from portal.couplings.service import end_coupling
from portal.feeds.models import Feed
from portal.identity.service import clean_email
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.vault import Vault
from portal.sync.models import Posting
from portal.tenants.grants import grant_access, withdraw_access
from portal.tenants.models import Grant, Tenant

IDLE = ("not_connected", "revoked")  # feeds that bring nothing
UNSETTLED = ("sending", "uncertain")
UNSENT = ("intent", "rejected", "parked")


@dataclass(frozen=True, slots=True)
class Move:
    """What moving would do. Counts are of entries in the packages of the old firm."""

    grant: Grant
    old_name: str
    email: str
    couplings: Sequence[Coupling]
    feeds: Sequence[Feed]  # linked through the old firm; they stop
    unsettled: int  # on their way: settled where they are, never sent again
    unsent: int  # approved and not sent: not sent by the old firm any more
    in_already: bool  # the new firm has access


def plan(scope: Scope, grant_id: uuid.UUID | str, email: str) -> Move:
    """`scope` is the client account's. Raises NotFound, Conflict("grant.not_living") and Invalid with field "email"."""
    grant = scope.get(Grant, grant_id)
    if grant.state != "active" or grant.portal_id is None:
        raise Conflict("grant.not_living")
    address = clean_email(email)
    portal_id = scope.session.scalar(text("SELECT portal_of_email(:email)"), {"email": address})
    if portal_id is None:
        raise Invalid("move.unknown_firm", field="email", email=address)
    if portal_id == grant.portal_id:
        raise Invalid("move.same_firm", field="email", email=address)
    couplings = scope.session.scalars(
        select(Coupling)
        .where(
            Coupling.tenant_id == scope.tenant_id, Coupling.state == "active",
            Coupling.authorisation_tenant_id == grant.portal_id,
        )
        .order_by(Coupling.dossier_number, Coupling.id)
    ).all()  # fmt: skip
    feeds = scope.session.scalars(
        select(Feed).where(Feed.tenant_id == scope.tenant_id, Feed.via_id == grant.portal_id, Feed.state.not_in(IDLE))
    ).all()
    name = scope.session.scalar(select(Tenant.name).where(Tenant.id == grant.portal_id)) or grant.email
    ids = [coupling.id for coupling in couplings]
    return Move(
        grant, name, address, couplings, feeds, _postings(scope, ids, UNSETTLED), _postings(scope, ids, UNSENT),
        _in_already(scope, portal_id),
    )  # fmt: skip


def carry_out(scope: Scope, vault: Vault, grant_id: uuid.UUID | str, email: str, base_url: str) -> Move:
    """All of it in one transaction; the role of the old firm becomes that of the new one."""
    scope.get(Grant, grant_id, lock=True)
    planned = plan(scope, grant_id, email)
    role = planned.grant.role
    for coupling in planned.couplings:
        end_coupling(scope, coupling.id)
    withdraw_access(scope, grant_id)
    if not planned.in_already:
        grant_access(scope, vault, email=planned.email, role=role, ends_on=None, base_url=base_url)
    record(
        scope, "client.moved", ("tenant", scope.tenant_id), before=planned.old_name, email=planned.email,
        count=len(planned.couplings),
    )  # fmt: skip
    return planned


def _postings(scope: Scope, coupling_ids: Sequence[uuid.UUID], states: Sequence[str]) -> int:
    query = select(func.count()).where(
        Posting.tenant_id == scope.tenant_id, Posting.coupling_id.in_(coupling_ids), Posting.state.in_(states)
    )
    return scope.session.scalar(query) or 0


def _in_already(scope: Scope, portal_id: uuid.UUID) -> bool:
    query = select(Grant.id).where(
        Grant.tenant_id == scope.tenant_id, Grant.portal_id == portal_id, Grant.state == "active"
    )
    return scope.session.scalars(query).first() is not None
