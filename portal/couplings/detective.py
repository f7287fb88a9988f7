"""Why the right dossier is not in the list: each cause ruled out, found, or to be checked by a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from portal.couplings.models import Dossier
from portal.couplings.names import similarity
from portal.couplings.numbers import of_client, of_dossier
from portal.couplings.proposals import SAME_NAME
from portal.tenants.models import Tenant


class Verdict(StrEnum):
    RULED_OUT = "ruled_out"
    FOUND = "found"
    TO_CHECK = "to_check"


@dataclass(frozen=True, slots=True)
class Cause:
    """`code` and `verdict` together are worded in `wording.CAUSES`; `dossiers` are those it was found on."""

    code: str
    verdict: Verdict
    dossiers: tuple[Dossier, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)


def missing_reasons(
    client: Tenant,
    dossiers: Sequence[Dossier],
    environments: Mapping[str, Sequence[Dossier] | None],
    taken: Collection[str] = (),
) -> list[Cause]:
    """Every cause there can be, in the order in which a person best looks at them.

    `dossiers`: all that the authorisation ever listed, those no longer listed included.
    `environments`: of the same provider elsewhere, by label; None where nobody of the firm
    is connected, so that nothing is known.
    """
    matches = [dossier for dossier in dossiers if _is_of(client, dossier)]
    listed = [dossier for dossier in matches if dossier.gone_at is None]
    usable = [dossier for dossier in listed if dossier.status == "active" and dossier.code not in taken]
    return [
        *([_other_environment(client, environments)] if environments else []),  # many apps have one only
        _cause("archived", [d for d in listed if d.status == "archived"]),
        _cause("blocked", [d for d in listed if d.status == "blocked"]),
        _cause("inactive", [d for d in listed if d.status == "inactive"]),
        _cause("taken", [d for d in listed if d.status == "active" and d.code in taken]),
        _cause("no_longer_listed", [d for d in matches if d.gone_at is not None]),
        # The provider does not tell what it hides, so this one is never found, only ruled out.
        Cause("app_right", Verdict.RULED_OUT if usable else Verdict.TO_CHECK, tuple(usable)),
    ]


def _cause(code: str, found: Sequence[Dossier]) -> Cause:
    return Cause(code, Verdict.FOUND if found else Verdict.RULED_OUT, tuple(found))


def _other_environment(client: Tenant, environments: Mapping[str, Sequence[Dossier] | None]) -> Cause:
    unknown = [label for label, listed in environments.items() if listed is None]
    for label, listed in environments.items():
        found = tuple(dossier for dossier in listed or () if dossier.gone_at is None and _is_of(client, dossier))
        if found:
            return Cause("other_environment", Verdict.FOUND, found, {"environment": label})
    if unknown:
        return Cause("other_environment", Verdict.TO_CHECK, (), {"environment": ", ".join(unknown)})
    return Cause("other_environment", Verdict.RULED_OUT, (), {"environment": ", ".join(environments)})


def _is_of(client: Tenant, dossier: Dossier) -> bool:
    """By number; by the same name only where the dossier carries no number that could differ."""
    ours, theirs = of_client(client), of_dossier(dossier)
    if ours & theirs:
        return True
    comparable = {number.scheme for number in ours} & {number.scheme for number in theirs}
    return not comparable and similarity(client.name, dossier.name) >= SAME_NAME
