"""Undoing an entry, as something that can wait for approval: it asks for as many people as sending one does."""

from __future__ import annotations

import uuid
from datetime import date

from portal.access import Permission, Right, Scope
from portal.approvals import policies
from portal.approvals.registry import Change, Checked, Kind, Payload, fingerprint, kind_of
from portal.approvals.tasks import Outcome, perform
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.words import N_
from portal.sync import reversal
from portal.sync.approvable import SEND
from portal.sync.models import Posting

UNDO = "entry.undo"


def undo(scope: Scope, entry_id: uuid.UUID, *, reason: str, sha256: str, on: date | None = None) -> Outcome:
    """Undo it as it was shown, or submit that. Raises as `reversal.undo` and `tasks.perform` do."""
    payload = {
        "entry_id": str(entry_id), "reason": reversal.told_reason(reason), "sha256": sha256,
        "on": on.isoformat() if on else "",
    }  # fmt: skip
    if not policies.is_asked(scope, SEND):
        return Outcome(result=_carry_out(scope, payload))
    return perform(scope, UNDO, payload)


def _check(scope: Scope, payload: Payload) -> Checked:
    wanted = reversal.plan(scope, uuid.UUID(payload["entry_id"]), _on(payload), lock=True)
    entry, shown = wanted.original, wanted.shown
    if shown.sha256 != payload["sha256"]:
        raise Conflict("entry.stale", reference=entry.reference)
    if shown.problems:
        raise Invalid("entry.problems", count=len(shown.problems), first=shown.problems[0].code)
    changes = [
        Change("entry.undone", "", entry.reference, "new"),
        Change("entry.undoing", "", shown.entry.reference, "new"),
        Change("entry.journal", "", entry.journal, "new"),
        Change("entry.on", "", wanted.on.isoformat(), "new"),
        Change("entry.total", "", f"{shown.total:.2f} {entry.currency}", "new"),
        Change("entry.reason", "", payload["reason"], "new"),
        Change("entry.sha256", "", shown.sha256, "new"),
    ]
    state = fingerprint(entry.id, entry.version, shown.sha256)
    return Checked("entry", entry.id, state, {"reference": entry.reference}, changes, amount=shown.turnover)


def _carry_out(scope: Scope, payload: Payload) -> Posting:
    entry_id = uuid.UUID(payload["entry_id"])
    return reversal.undo(scope, entry_id, reason=payload["reason"], sha256=payload["sha256"], on=_on(payload))


def _needed(scope: Scope, payload: Payload) -> int:
    return policies.needed(scope, kind_of(SEND), _check(scope, payload), payload)


def _on(payload: Payload) -> date | None:
    return date.fromisoformat(payload["on"]) if payload["on"] else None


KINDS = (
    Kind(
        UNDO, Permission.ENTRIES, Right.APPROVE, frozenset({"client"}), N_("Undoing an entry"),
        N_("Undo entry {reference}"), _check, _carry_out, needed=_needed, by_amount=True, settable=False,
        effects=(
            N_("An entry the other way round goes out with this fingerprint, and nothing else."),
            N_("Once it is booked, the lines are free to be corrected and sent again."),
        ),
    ),
)  # fmt: skip
