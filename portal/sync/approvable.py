"""Sending an entry by hand, as something that can wait for approval."""

from __future__ import annotations

import uuid

from portal.access import Permission, Right, Scope
from portal.approvals import policies
from portal.approvals.registry import Change, Checked, Kind, Payload, fingerprint
from portal.approvals.tasks import Outcome, perform
from portal.couplings.models import Coupling
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.words import N_
from portal.ledger.models import Entry
from portal.sync import posting
from portal.sync.models import Posting
from portal.sync.preview import Preview, preview

SEND = "entry.send"


def send(scope: Scope, entry_id: uuid.UUID, sha256: str, version: int) -> Outcome:
    """Offer the entry as it was shown, or submit that. Raises as `posting.offer` and `tasks.perform` do."""
    if not policies.is_asked(scope, SEND):
        return Outcome(result=posting.offer(scope, entry_id, sha256, version))
    return perform(scope, SEND, {"entry_id": str(entry_id), "sha256": sha256, "version": version})


def _shown(scope: Scope, payload: Payload) -> Preview:
    """Raises what `posting.offer` would."""
    entry = scope.get(Entry, str(payload["entry_id"]), lock=True)
    if entry.state != "draft":
        raise Conflict("entry.not_draft", reference=entry.reference)
    shown = preview(scope, entry)
    if (entry.version, shown.sha256) != (payload["version"], payload["sha256"]):
        raise Conflict("entry.stale", reference=entry.reference)
    if shown.problems:
        raise Invalid("entry.problems", count=len(shown.problems), first=shown.problems[0].code)
    return shown


def _check(scope: Scope, payload: Payload) -> Checked:
    shown = _shown(scope, payload)
    entry, coupling = shown.entry, scope.get(Coupling, shown.entry.coupling_id)
    changes = [
        Change("entry.dossier", "", f"{coupling.dossier_number} {coupling.dossier_name}", "new"),
        Change("entry.period", "", f"{entry.period_start.isoformat()} – {entry.period_end.isoformat()}", "new"),
        Change("entry.journal", "", entry.journal, "new"),
        Change("entry.lines", "", str(len(shown.lines)), "new"),
        Change("entry.total", "", f"{shown.total:.2f} {entry.currency}", "new"),
        Change("entry.sha256", "", shown.sha256, "new"),
    ]
    state = fingerprint(entry.id, entry.version, shown.sha256)
    told = {"reference": entry.reference, "number": coupling.dossier_number}
    return Checked("entry", entry.id, state, told, changes, amount=shown.turnover)


def _carry_out(scope: Scope, payload: Payload) -> Posting:
    return posting.offer(scope, uuid.UUID(payload["entry_id"]), payload["sha256"], payload["version"])


KINDS = (
    Kind(
        SEND, Permission.ENTRIES, Right.APPROVE, frozenset({"client"}), N_("Sending an entry by hand"),
        N_("Send entry {reference} to dossier {number}"), _check, _carry_out, by_amount=True,
        effects=(
            N_("The bytes with this fingerprint go out, and nothing else."),
            N_("When the entry is changed while it waits, nothing is sent."),
        ),
    ),
)  # fmt: skip
