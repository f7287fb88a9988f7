"""Asking for fewer approvals than now: itself a task, approved by as many as now."""

from __future__ import annotations

from typing import Any

from portal.access import Permission, Right, Scope
from portal.approvals import policies
from portal.approvals.models import Policy
from portal.approvals.registry import Change, Checked, Kind, Payload, fingerprint
from portal.kernel.errors import Conflict
from portal.kernel.words import N_


def payload_of(rule: policies.Rule) -> dict[str, Any]:
    above = None if rule.above is None else str(rule.above)
    return {"kind": rule.kind.name, "approvals": rule.approvals, "above": above}


def _check(scope: Scope, payload: Payload) -> Checked:
    wanted = policies.rule_of(payload)
    policies.check_rule(scope, wanted)
    now = policies.rule(scope, wanted.kind, lock=True)
    if (now.approvals, now.above) == (wanted.approvals, wanted.above):
        raise Conflict("approval.rule_same")
    changes = [
        Change("approval.kind", wanted.kind.word, wanted.kind.word, "skipped", worded=True),
        Change("approval.number", str(now.approvals), str(wanted.approvals)),
    ]
    if now.above != wanted.above:
        changes.append(Change("approval.above", _text(now), _text(wanted)))
    state = fingerprint(now.approvals, now.above)
    return Checked("approval_rule", None, state, {"rule": wanted.kind.word}, changes)


def _text(rule: policies.Rule) -> str:
    return "" if rule.above is None else f"{rule.above:.2f}"


def _carry_out(scope: Scope, payload: Payload) -> Policy:
    return policies.set_rule(scope, policies.rule_of(payload))


def _needed(scope: Scope, payload: Payload) -> int:
    wanted = policies.rule_of(payload)
    now = policies.rule(scope, wanted.kind)
    return now.approvals if wanted.is_lower_than(now) else 0


KINDS = (
    Kind(
        "approval.rule", Permission.PERMISSIONS, Right.EDIT, frozenset({"portal", "client"}),
        N_("Number of approvals"), N_("Ask for other approvals: {rule}"), _check, _carry_out, needed=_needed,
        effects=(N_("Tasks that wait now keep the number of approvals that they were submitted with."),),
        settable=False,
    ),
)  # fmt: skip
