"""The dossiers of a package that no client account stands for yet, as accounts to be made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.couplings.dossiers import dossiers_of, taken
from portal.couplings.models import Dossier
from portal.team.models import NewcomerList
from portal.team.newcomer_lists import submit
from portal.team.newcomers import Newcomer, checked
from portal.tenants.numbers import SCHEME_OF_COUNTRY, SCHEMES, number_keys
from portal.tenants.service import Details


@dataclass(frozen=True, slots=True)
class Offer:
    """`newcomer.known` names the client that has this enterprise number already: couple that one."""

    dossier: Dossier
    newcomer: Newcomer


def on_offer(scope: Scope, authorisation: Authorisation, find: str = "") -> Sequence[Offer]:
    """By name, those that can be made first; without what is coupled, archived or gone. `scope` is the firm's."""
    used = taken(scope, authorisation)
    dossiers = [
        row for row in dossiers_of(scope, authorisation, find=find) if row.status == "active" and row.code not in used
    ]
    found = checked(scope, [(number, _details(row)) for number, row in enumerate(dossiers, start=1)])
    offers = [Offer(dossier, newcomer) for dossier, newcomer in zip(dossiers, found, strict=True)]
    return sorted(offers, key=lambda offer: not offer.newcomer.is_new)


def submit_for(scope: Scope, authorisation: Authorisation, codes: Collection[str]) -> NewcomerList | None:
    """Accounts for the dossiers of these codes, made by the job; None when each has one by now."""
    chosen = [offer.newcomer for offer in on_offer(scope, authorisation) if offer.dossier.code in codes]
    return submit(scope, [newcomer for newcomer in chosen if newcomer.is_new], authorisation.id)


def _details(dossier: Dossier) -> Details:
    """With the surest number that the package tells; one of another kind than a register's is left to people."""
    keys = number_keys(dossier.country, dossier.vat_number, dossier.enterprise_number)
    scheme, number = next(
        ((scheme, number) for scheme, _, number in (key.partition(":") for key in keys) if scheme in SCHEMES),
        (SCHEME_OF_COUNTRY.get(dossier.country, ""), dossier.enterprise_number or dossier.vat_number),
    )
    return Details(dossier.name or dossier.number, scheme, number)
