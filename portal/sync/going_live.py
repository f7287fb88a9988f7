"""Ending the rehearsal of an account, as something that can wait for approval.

Only once nothing of it goes to a stand-in any more: its bank feeds end there first, and its
couplings are replaced by ones at the real provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from config import Settings
from portal import runtime
from portal.access import Permission, Right, Scope
from portal.activity.service import record
from portal.approvals.registry import Change, Checked, Kind, Payload, fingerprint
from portal.authorisations import applications
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.couplings.models import Coupling
from portal.feeds import states
from portal.feeds.models import Feed
from portal.kernel.errors import Conflict
from portal.kernel.words import N_
from portal.tenants.models import Tenant

LIVE = "tenant.live"


def _check(scope: Scope, payload: Payload) -> Checked:
    tenant = scope.session.get_one(Tenant, scope.tenant_id, with_for_update={"key_share": True}, populate_existing=True)
    if not tenant.rehearsal:
        raise Conflict("live.already")
    for name in _rehearsing_feeds(scope):
        raise Conflict("live.feed", bank=name)
    for number in _rehearsing_couplings(scope, runtime.get().settings):
        raise Conflict("live.coupling", number=number)
    change = Change("live.account", N_("Rehearsal"), N_("Real"), worded=True)
    return Checked("tenant", tenant.id, fingerprint(tenant.id, tenant.rehearsal), {"name": tenant.name}, [change])


def _rehearsing_feeds(scope: Scope) -> Sequence[str]:
    query = select(Feed.institution_name).where(
        Feed.tenant_id == scope.tenant_id, Feed.sandbox, Feed.state.in_(states.FETCHING)
    )
    return scope.session.scalars(query.order_by(Feed.institution_name)).all()


def _rehearsing_couplings(scope: Scope, settings: Settings) -> Iterator[str]:
    """The numbers of dossiers that are reached at another address than the provider's own."""
    query = (
        select(Coupling.dossier_number, Authorisation.app, Authorisation.environment)
        .join(
            Authorisation,
            (Authorisation.tenant_id == Coupling.authorisation_tenant_id)
            & (Authorisation.id == Coupling.authorisation_id),
        )
        .where(Coupling.tenant_id == scope.tenant_id, Coupling.state == "active")
    )
    for number, app, environment in scope.session.execute(query.order_by(Coupling.dossier_number)):
        if _stands_in(settings, app, environment):
            yield number


def _stands_in(settings: Settings, app: str, environment: str) -> bool:
    manifest = registry.load(app).MANIFEST
    if environment == "sandbox" or not (manifest.hosts or manifest.host_field):
        return environment == "sandbox"  # files go through nobody's address
    host = applications.host_of(settings, app, environment)
    return host != manifest.hosts.get(environment, host).rstrip("/") or applications.is_ours(settings, app, host)


def _carry_out(scope: Scope, payload: Payload) -> Tenant:
    tenant = scope.session.get_one(Tenant, scope.tenant_id)
    tenant.rehearsal = False
    record(scope, "tenant.live", ("tenant", tenant.id), name=tenant.name)
    return tenant


KINDS = (
    Kind(
        LIVE, Permission.TENANT, Right.EDIT, frozenset({"portal", "client"}), N_("From rehearsal to real"),
        N_("Switch {name} from rehearsal to real"), _check, _carry_out,
        effects=(N_("Pages of this account no longer say that it rehearses."),),
    ),
)  # fmt: skip
