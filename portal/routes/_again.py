"""Starting a task anew: it is withdrawn, and the form that it came from opens, filled in with what was wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import request, url_for

from portal.approvals import reading, tasks
from portal.approvals.models import State, Task
from portal.approvals.registry import Payload
from portal.couplings.models import Coupling
from portal.kernel.errors import NotFound
from portal.routes._access import scope
from portal.routes._approvals import to
from portal.routes._both import address
from portal.routes._coupling_draft import CONFIGURATION

Way = Callable[[Payload, str], str]


def url(task: Task, payload: Payload) -> str:
    """Where the form of this task is. Of what has no form: the thing itself, with its button."""
    way = WAYS.get(task.kind)
    return way(payload, str(task.id)) if way else to("index")


def draft(*kinds: str) -> Payload | None:
    """For such a form: what a task would have done that this person made and withdrew. None: an empty form."""
    wanted = request.args.get("again", "")
    if request.method != "GET" or not wanted:
        return None
    try:
        task = scope().get(Task, wanted)
    except NotFound:
        return None
    mine = scope().actor.user_id in tasks.makers(scope(), task)
    return reading.payload_of(scope(), task) if mine and task.kind in kinds and task.state == State.WITHDRAWN else None


def _form(endpoint: str, name: str = "", key: str = "id") -> Way:
    """A page about people; `name`: its argument, which is `key` of the payload."""
    return lambda payload, again: address(endpoint, again=again, **({name: payload[key]} if name else {}))


def _overwrite(payload: Payload, _again: str) -> str:
    """The wizard keeps its answers in the address."""
    coupling = scope().get(Coupling, str(payload["coupling_id"]))
    configured = payload["configuration"] or {"choices": {}, "account": [""]}
    told: Mapping[str, Any] = configured["choices"] | {"account": configured["account"][0]}
    answers = {key: told[key] for key in CONFIGURATION if told.get(key)}
    return url_for(
        "couplings.choose_dossier", client=scope().tenant_id, app=coupling.app, dossier=payload["dossier"],
        authorisation=payload["authorisation_id"], **answers,
    )  # fmt: skip


def _entry(endpoint: str, *keys: str) -> Way:
    return lambda payload, again: url_for(
        endpoint, client=scope().tenant_id, entry_id=payload["entry_id"], again=again,
        **{key: payload[key] for key in keys if payload[key]},
    )  # fmt: skip


def _software(payload: Payload, again: str) -> str:
    here: dict[str, Any] = {scope().kind: scope().tenant_id}
    endpoint = f"software_users.{'portal_' if scope().kind == 'portal' else ''}show"
    return url_for(endpoint, software_id=payload["id"], again=again, **here)


WAYS: Mapping[str, Way] = {
    "member.added": _form("people.new"),
    "member.role": _form("people.show", "membership_id", "membership_id"),
    "job_role.created": _form("job_roles.new"),
    "job_role.changed": _form("job_roles.show", "job_role_id"),
    "job_role.removed": _form("job_roles.show", "job_role_id"),
    "permission.changed": _form("job_roles.show", "job_role_id"),
    "account_group.created": _form("account_groups.new"),
    "account_group.changed": _form("account_groups.show", "group_id"),
    "account_group.removed": _form("account_groups.show", "group_id"),
    "account_group.loose": _form("account_groups.index"),
    "software.groups": _software,
    "approval.rule": lambda payload, again: to("rules", again=again),
    "coupling.overwrite": _overwrite,
    "entry.send": _entry("entries.show"),
    "entry.undo": _entry("reversals.show", "on"),
}
