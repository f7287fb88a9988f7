"""Clients of a firm that are not coupled yet, each with the dossier that is probably theirs."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.couplings.dossiers import dossiers_of, taken
from portal.couplings.models import Coupling
from portal.couplings.proposals import Proposal, certain_matches, propose
from portal.tenants.models import Tenant

BY_NAME = 60  # clients whose names are laid beside all dossiers; for more a person searches


@dataclass(frozen=True, slots=True)
class Candidate:
    """`certain`: may be coupled together with others. `proposal` None: none found, or not looked by name."""

    client: Tenant
    proposal: Proposal | None
    certain: bool


def candidates(
    scope: Scope,
    authorisation: Authorisation,
    client_ids: Collection[uuid.UUID] | None = None,
    *,
    by_name: int = BY_NAME,
) -> list[Candidate]:
    """Of the portal in scope, the certain ones first, then by name; None: all that let the firm in.

    `by_name`: for how many of the others the names are compared too.
    """
    coupled = select(Coupling.tenant_id).where(Coupling.app == authorisation.app, Coupling.state == "active")
    query = select(Tenant).where(Tenant.kind == "client", Tenant.closed_at.is_(None), Tenant.id.not_in(coupled))
    if client_ids is not None:
        query = query.where(Tenant.id.in_(client_ids))
    clients = scope.session.scalars(query.order_by(Tenant.name, Tenant.id)).all()
    matches = certain_matches(scope, authorisation, [client.id for client in clients])
    listed = dossiers_of(scope, authorisation) if by_name else []
    used = taken(scope, authorisation) if by_name else frozenset()
    found = [Candidate(client, matches[client.id], True) for client in clients if client.id in matches]
    for place, client in enumerate(client for client in clients if client.id not in matches):
        proposals = propose(client, listed, used) if place < by_name else []
        found.append(Candidate(client, next(iter(proposals), None), False))
    return found
