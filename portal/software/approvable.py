"""Giving software its groups, as a task: done at once, or after others have approved it."""

from __future__ import annotations

from portal.access import Permission, Right, Scope
from portal.approvals.registry import Change, Checked, Kind, Payload, fingerprint
from portal.kernel.words import N_
from portal.software import service


def _check(scope: Scope, payload: Payload) -> Checked:
    one = service.show(scope, str(payload["id"]), lock=True)
    before = {group.id: group.name for group in one.groups}
    after = {group.id: group.name for group in service.groups_to_give(scope, payload["groups"])}
    changes = [Change("people.groups", "", name, "new") for key, name in after.items() if key not in before]
    changes += [Change("people.groups", name, "", "blocked") for key, name in before.items() if key not in after]
    state = fingerprint(one.id, sorted(before))
    return Checked("user", one.user_id, state, {"name": one.name, "code": one.code}, changes)


def _carry_out(scope: Scope, payload: Payload) -> None:
    service.change_groups(scope, str(payload["id"]), payload["groups"])


KINDS = (
    Kind(
        "software.groups", Permission.CREATE_USER, Right.CREATE, frozenset({"portal", "client"}),
        N_("Groups of accounting software"), N_("Let the software {name} read account groups"), _check, _carry_out,
        effects=(N_("The software reads these groups from its next call on."),),
    ),
)  # fmt: skip
