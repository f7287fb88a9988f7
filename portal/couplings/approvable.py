"""Replacing a coupling, as something that can wait for approval."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from portal.access import Permission, Right, Scope
from portal.approvals.registry import Change, Checked, Choice, Kind, Payload, fingerprint
from portal.couplings import service
from portal.couplings.configurations import Account, Choices, write_configuration
from portal.couplings.dossiers import dossiers_of
from portal.couplings.models import Coupling
from portal.kernel.errors import Conflict
from portal.kernel.words import N_

OVERWRITE = "coupling.overwrite"
_DATES = ("starts_on", "ends_on")


@dataclass(frozen=True, slots=True)
class _KnownAccount:
    """A bank account as it stands in a payload; the ledger has the row."""

    id: uuid.UUID
    number: str
    currency: str


def payload_of(
    coupling_id: uuid.UUID, authorisation_id: uuid.UUID, dossier: str, account: Account | None, choices: Choices | None
) -> dict[str, Any]:
    """`choices`: how a bank account is booked afterwards, checked against the books of the new dossier."""
    configuration = None
    if account is not None and choices is not None:
        told = {key: value.isoformat() if isinstance(value, date) else value for key, value in asdict(choices).items()}
        configuration = {"choices": told, "account": [str(account.id), account.number, account.currency]}
    return {
        "coupling_id": str(coupling_id), "authorisation_id": str(authorisation_id), "dossier": dossier,
        "configuration": configuration,
    }  # fmt: skip


def _configuration(told: Mapping[str, Any]) -> tuple[_KnownAccount, Choices]:
    dates = {key: date.fromisoformat(told["choices"][key]) for key in _DATES if told["choices"][key]}
    account_id, number, currency = told["account"]
    return _KnownAccount(uuid.UUID(account_id), number, currency), Choices(**told["choices"] | dates)


def _check(scope: Scope, payload: Payload) -> Checked:
    old = scope.get(Coupling, str(payload["coupling_id"]), lock=True)
    if old.state != "active":
        raise Conflict("coupling.ended", number=old.dossier_number)
    authorisation = service.authorisation_for(scope, str(payload["authorisation_id"]))
    dossier = service.usable_dossier(scope, authorisation, str(payload["dossier"]))
    parts = service.preview_overwrite(scope, old, authorisation, dossier, booked=0, under_way=0)[:3]
    changes = [Change(one.part, _side(one.now), _side(one.then), _SIGNS[one.effect]) for one in parts]
    if payload["configuration"]:
        account, chosen = _configuration(payload["configuration"])
        changes.append(Change("configuration", "", f"{account.number}, {chosen.journal}", "new"))
    configured = sorted((str(row.id), row.state) for row in service.configurations_of(scope, old.id))
    shown = {"before": old.dossier_number, "number": dossier.number, "name": dossier.name}
    return Checked("coupling", old.id, fingerprint(old.id, old.dossier_code, configured), shown, changes)


_SIGNS = {"replaced": "changed", "stays": "skipped", "off": "blocked"}


def _side(told: Mapping[str, object]) -> str:
    if "number" in told:
        return f"{told['number']} {told['name']}"
    return str(told.get("name", told.get("count", "")))


def _carry_out(scope: Scope, payload: Payload) -> Coupling:
    authorisation = service.authorisation_for(scope, str(payload["authorisation_id"]))
    row = service.overwrite_coupling(scope, str(payload["coupling_id"]), authorisation, str(payload["dossier"]))
    if payload["configuration"]:
        write_configuration(scope, row, *_configuration(payload["configuration"]))
    return row


def _dossiers(scope: Scope, payload: Payload) -> Sequence[Choice]:
    """Another dossier of the same log-in."""
    authorisation = service.authorisation_for(scope, str(payload["authorisation_id"]))
    options = [(one.code, f"{one.number} {one.name}") for one in dossiers_of(scope, authorisation)]
    return [Choice("dossier", N_("Dossier"), options)]


KINDS = (
    Kind(
        OVERWRITE, Permission.COUPLINGS, Right.CREATE, frozenset({"client"}), N_("Replacing a coupling"),
        N_("Replace the coupling with dossier {before} by {number} {name}"), _check, _carry_out, _dossiers,
        effects=(
            N_("The old coupling ends at once, and what it booked stays booked."),
            N_("From then on everything goes to dossier {number} {name}."),
        ),
    ),
)  # fmt: skip
