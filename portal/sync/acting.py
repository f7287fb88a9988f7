"""What people do for several client accounts at once, and the look at a dossier before trying anew."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select, text

from portal.access import Scope
from portal.approvals.tasks import Outcome
from portal.couplings.books import fetch_books, store_books, wants_relations
from portal.couplings.models import Coupling
from portal.kernel.errors import Conflict, PortalError
from portal.ledger.models import Entry
from portal.runtime import Runtime
from portal.store.service import may_use
from portal.sync import approvable
from portal.sync.preview import Problem, preview
from portal.sync.sending import Connect, signed_in
from portal.tenants.entering import inside, writable_clients

_GRANTED = text("SELECT may_use_authorisation(:client, :holder)")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A draft as it was shown in a list."""

    client_id: uuid.UUID
    entry_id: uuid.UUID
    version: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft that was not sent, and why, as a code with values."""

    client_id: uuid.UUID
    entry_id: uuid.UUID
    code: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """`waiting` of them were submitted, and wait for approval."""

    number: int
    kept: Sequence[Kept]
    waiting: int = 0


def send_drafts(scope: Scope, chosen: Sequence[Chosen]) -> Sent:
    """Hand over those that still are what was shown and that nothing stands in the way of. `scope` is the portal's.

    Each is rendered and hashed anew here. Raises NotFound for an entry that is not of its client.
    """
    writable = writable_clients(scope, {one.client_id for one in chosen})
    kept, number, waiting = [], 0, 0
    for one in sorted(chosen, key=lambda c: (str(c.client_id), str(c.entry_id))):
        if one.client_id not in writable:
            kept.append(Kept(one.client_id, one.entry_id, "forbidden"))
            continue
        with inside(scope, one.client_id) as client:
            came = _send(client, one)
        if isinstance(came, Kept):
            kept.append(came)
        elif came.task is not None:
            waiting += 1
        else:
            number += 1
    return Sent(number, kept, waiting)


def _send(scope: Scope, one: Chosen) -> Kept | Outcome:
    shown = preview(scope, scope.get(Entry, one.entry_id))
    if shown.problems:
        first = shown.problems[0]
        return Kept(one.client_id, one.entry_id, first.code, first.values)
    try:
        with scope.session.begin_nested():
            return approvable.send(scope, one.entry_id, shown.sha256, one.version)
    except PortalError as refused:
        return Kept(one.client_id, one.entry_id, refused.code, refused.values)


def clients_of(scope: Scope) -> Sequence[uuid.UUID]:
    """Every client that lets this portal in, today."""
    return scope.session.scalars(select(func.app_clients())).all()


def look_anew(
    runtime: Runtime, scope: Scope, coupling_id: uuid.UUID, entry_ids: Sequence[uuid.UUID], connect: Connect = signed_in
) -> Sequence[Problem]:
    """Read the dossier's lists anew; what of these entries would still be refused.

    Raises the connector's errors, and Conflict "posting.grant_withdrawn" or "entry.coupling_ended".
    """
    coupling = scope.get(Coupling, coupling_id)
    if coupling.state != "active":
        raise Conflict("entry.coupling_ended", dossier=coupling.dossier_number)
    parties = {"client": scope.tenant_id, "holder": coupling.authorisation_tenant_id}
    if not scope.session.execute(_GRANTED, parties).scalar_one():
        raise Conflict("posting.grant_withdrawn")
    if not may_use(scope, scope.tenant_id, coupling.authorisation_tenant_id, coupling.app):
        raise Conflict("posting.access_off")
    connection = connect(
        runtime.database, runtime.vault, runtime.settings, coupling.authorisation_tenant_id,
        coupling.authorisation_id, person=True,
    )  # fmt: skip
    wanted = wants_relations(scope, coupling.id)
    store_books(scope, coupling.id, fetch_books(connection, coupling.dossier_code, relations=wanted))
    scope.session.flush()
    return [problem for entry_id in entry_ids for problem in preview(scope, scope.get(Entry, entry_id)).problems]
