"""Which dossier belongs to which client account, how surely, and why.

The enterprise number decides; the name only supports it, because a dossier may carry the
number of a sister company or a copy the name of the original.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select

from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.couplings.dossiers import dossiers_of, taken
from portal.couplings.models import Coupling, Dossier
from portal.couplings.names import similarity
from portal.couplings.numbers import Number, of_client, of_dossier
from portal.kernel import clock
from portal.tenants.models import Tenant

SAME_NAME = 0.9
LIKE_NAME = 0.5


class Confidence(StrEnum):
    CERTAIN = "certain"  # number and name agree, on this dossier only
    LIKELY = "likely"  # number agrees, or the name does and no number contradicts
    UNLIKELY = "unlikely"  # only the name resembles
    UNUSABLE = "unusable"  # would match, but cannot be coupled


@dataclass(frozen=True, slots=True)
class Reason:
    """A code worded in `wording.REASONS`, with its values."""

    code: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    dossier: Dossier
    confidence: Confidence
    reasons: tuple[Reason, ...]
    likeness: float  # of the names, 0 to 1


def propose(client: Tenant, dossiers: Sequence[Dossier], taken: Collection[str] = ()) -> list[Proposal]:
    """The dossiers that may be this client's, best first. `taken`: codes that others are coupled to."""
    ours = of_client(client)
    found = [proposal for dossier in dossiers if (proposal := _weigh(client, ours, dossier, taken))]
    found = _doubt_twins(found)
    order = list(Confidence)
    return sorted(found, key=lambda p: (order.index(p.confidence), -p.likeness, p.dossier.name.lower(), p.dossier.code))


def obstacle(dossier: Dossier, taken: Collection[str] = ()) -> Reason | None:
    """Why a dossier cannot be coupled, or None."""
    if dossier.gone_at is not None:
        return Reason("gone", {"on": clock.day(dossier.gone_at)})
    if dossier.status == "archived":
        return Reason("archived", {"on": dossier.archived_on}) if dossier.archived_on else Reason("archived_once")
    if dossier.status == "blocked":
        return Reason("blocked", {"reason": dossier.blocking})
    if dossier.status == "inactive":
        return Reason("inactive")
    return Reason("taken") if dossier.code in taken else None


def certain_matches(
    scope: Scope, authorisation: Authorisation, client_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Proposal]:
    """The dossier that certainly belongs to each of these clients of the portal in scope.

    Clients that are coupled already to the same app, or that did not let this firm in, are
    left out, and so is a dossier that two of the clients would claim.
    """
    clients = _uncoupled(scope, authorisation, client_ids)
    dossiers = dossiers_of(scope, authorisation)
    used = taken(scope, authorisation)
    by_number: dict[Number, list[Dossier]] = defaultdict(list)
    for dossier in dossiers:
        for number in of_dossier(dossier):
            by_number[number].append(dossier)
    found: dict[uuid.UUID, Proposal] = {}
    claims: dict[str, list[uuid.UUID]] = defaultdict(list)
    for client in clients:
        near = {d.code: d for number in of_client(client) for d in by_number.get(number, ())}
        best = next(iter(propose(client, list(near.values()), used)), None)
        if best is not None and best.confidence is Confidence.CERTAIN:
            found[client.id] = best
            claims[best.dossier.code].append(client.id)
    for rivals in claims.values():
        if len(rivals) > 1:
            for client_id in rivals:
                del found[client_id]
    return found


def _uncoupled(scope: Scope, authorisation: Authorisation, client_ids: Collection[uuid.UUID]) -> Sequence[Tenant]:
    """Row-level security shows a portal only the clients that let it in."""
    coupled = select(Coupling.tenant_id).where(
        Coupling.tenant_id.in_(client_ids), Coupling.app == authorisation.app, Coupling.state == "active"
    )
    query = select(Tenant).where(
        Tenant.id.in_(client_ids), Tenant.kind == "client", Tenant.closed_at.is_(None), Tenant.id.not_in(coupled)
    )
    return scope.session.scalars(query.order_by(Tenant.name)).all()


# ------------------------------------------------------------------ weighing


def _weigh(client: Tenant, ours: set[Number], dossier: Dossier, taken: Collection[str]) -> Proposal | None:
    theirs = of_dossier(dossier)
    likeness = max(similarity(client.name, dossier.name), similarity(client.name, dossier.customer_name))
    confidence, reasons = _judge(ours, theirs, likeness)
    if confidence is None:
        return None
    hindrance = obstacle(dossier, taken)
    if hindrance is not None:
        return Proposal(dossier, Confidence.UNUSABLE, (hindrance, *reasons), likeness)
    return Proposal(dossier, confidence, tuple(reasons), likeness)


def _judge(ours: set[Number], theirs: set[Number], likeness: float) -> tuple[Confidence | None, list[Reason]]:
    equal = {number.scheme for number in ours & theirs}
    # A number of the same kind that is another one contradicts; of another kind it says nothing.
    differs = {n.scheme for n in theirs if n.scheme in {m.scheme for m in ours}} - equal
    contradicts = differs or _two_of_a_kind(theirs, equal)
    name = Reason("name_equal") if likeness >= SAME_NAME else Reason("name_alike")
    if equal:
        reasons = [Reason("number_equal", {"scheme": min(equal)})]
        if likeness < LIKE_NAME:
            return Confidence.LIKELY, [*reasons, Reason("name_differs")]
        if contradicts:
            return Confidence.LIKELY, [*reasons, name, Reason("numbers_contradict")]
        return Confidence.CERTAIN, [*reasons, name]
    if likeness < LIKE_NAME:
        return None, []
    if differs:
        return Confidence.UNLIKELY, [name, Reason("number_differs")]
    return (Confidence.LIKELY if likeness >= SAME_NAME else Confidence.UNLIKELY), [name, Reason("no_number")]


def _two_of_a_kind(theirs: set[Number], equal: set[str]) -> bool:
    """Whether a dossier carries, beside an equal number, another one of the same kind."""
    return any(sum(1 for number in theirs if number.scheme == scheme) > 1 for scheme in equal)


def _doubt_twins(found: list[Proposal]) -> list[Proposal]:
    """Two certain dossiers are none: a person has to say which."""
    certain = [p for p in found if p.confidence is Confidence.CERTAIN]
    if len(certain) < 2:
        return found
    twins = Reason("several", {"count": len(certain)})
    return [
        Proposal(p.dossier, Confidence.LIKELY, (*p.reasons, twins), p.likeness)
        if p.confidence is Confidence.CERTAIN
        else p
        for p in found
    ]
