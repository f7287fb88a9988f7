"""The acts of this room as tasks: done at once, or after others have approved them.

What an act refuses is found by trying it and taking it back, so that a task is refused when it
is submitted for the very reasons for which it would be refused when it is carried out.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import text

from portal.access import Scope
from portal.approvals.members import ROLE_WORDS, role_choices
from portal.approvals.registry import Change, Checked, Kind, fingerprint
from portal.identity.models import User
from portal.kernel.words import N_
from portal.people import groups, roles, users
from portal.people.payload import Payload, an_id, maybe_id
from portal.permissions.deciding import JobRole
from portal.permissions.models import AccountGroup, JobRoleRow, LegalEntity
from portal.permissions.rights import Permission, Right
from portal.permissions.wording import RIGHTS
from portal.tenants.held import job_roles

Act = Callable[[Scope, Payload], Any]
BOTH = frozenset({"portal", "client"})
_ACCOUNTS = text("SELECT id, name || ' · ' || number AS told FROM bank_accounts WHERE id = ANY(:ids)")


class _Back(Exception):
    """Takes back what was only tried."""


def tried(scope: Scope, act: Act, payload: Payload) -> None:
    """Raises what the act would raise; does nothing."""
    bells = list(scope.session.info.get("bells", ()))
    try:
        with scope.session.begin_nested():
            act(scope, payload)
            scope.session.flush()
            raise _Back
    except _Back:
        scope.session.info["bells"] = bells


# ------------------------------------------------------------------ people


def _check_new_user(scope: Scope, payload: Payload) -> Checked:
    tried(scope, users.create_user, payload)
    email = str(payload["email"]).strip().lower()
    changes = [
        Change("people.email", "", email, "new"),
        Change("people.role", "", ROLE_WORDS[str(payload["role"])], "new", worded=True),
        *_named(scope, "people.job_roles", JobRoleRow, (), payload.get("job_roles")),
        *_named(scope, "people.groups", AccountGroup, (), payload.get("groups")),
    ]
    shown = {"name": payload.get("name") or email, "email": email}
    return Checked("user", None, fingerprint(email), shown, changes)


def _check_user(scope: Scope, payload: Payload) -> Checked:
    tried(scope, users.change_user, payload)
    row = users.living(scope, payload)
    had_roles, had_groups = users.roles_of(scope, row.id), users.groups_of(scope, row.id)
    role, person = str(payload.get("role", row.role)), scope.session.get_one(User, row.user_id)
    changes = [] if role == row.role else [
        Change("people.role", ROLE_WORDS[row.role], ROLE_WORDS[role], worded=True)
    ]  # fmt: skip
    changes += _named(scope, "people.job_roles", JobRoleRow, had_roles, payload.get("job_roles", had_roles))
    changes += _named(scope, "people.groups", AccountGroup, had_groups, payload.get("groups", had_groups))
    state = fingerprint(row.id, row.role, had_roles, had_groups)
    return Checked("user", row.user_id, state, {"name": person.name, "email": person.email}, changes)


def _named(scope: Scope, part: str, model: type[Any], before: Iterable[Any], after: Any) -> Sequence[Change]:
    old, new = ([an_id(one, part) for one in some or ()] for some in (before, after))
    if set(old) == set(new):
        return ()
    return (Change(part, users.names(scope, model, old), users.names(scope, model, new)),)


# ------------------------------------------------------------------ job roles


def _check_new_role(scope: Scope, payload: Payload) -> Checked:
    tried(scope, roles.create_role, payload)
    name, wanted = str(payload["name"]).strip(), roles.parse(payload)
    changes = [Change("people.name", "", name, "new"), *_rights(JobRole({}), wanted)]
    return Checked("job_role", None, fingerprint(name.lower()), {"name": name}, changes)


def _check_role(scope: Scope, payload: Payload) -> Checked:
    tried(scope, roles.change_role, payload)
    row = scope.get(JobRoleRow, an_id(payload.get("id"), "id"), lock=True)
    before = job_roles(scope, [row.id])[row.id]
    wanted = roles.parse(payload) if "rights" in payload else before
    name = str(payload.get("name") or row.name)
    changes = [] if name == row.name else [Change("people.name", row.name, name)]
    state = fingerprint(row.id, row.name, roles.told(before))
    return Checked("job_role", row.id, state, {"name": row.name}, [*changes, *_rights(before, wanted)])


def _rights(before: JobRole, after: JobRole) -> Sequence[Change]:
    """A row for each right that is given or taken."""
    found = []
    for permission in Permission:
        part = f"permission.{permission.value}"
        had, has = before.rights.get(permission, frozenset()), after.rights.get(permission, frozenset())
        found += [Change(part, "", RIGHTS[right], "new", worded=True) for right in Right if right in has - had]
        found += [Change(part, RIGHTS[right], "", "blocked", worded=True) for right in Right if right in had - has]
        alone, was_alone = permission in after.self_approve, permission in before.self_approve
        if alone != was_alone:
            found.append(Change(part, SELF if was_alone else "", SELF if alone else "", worded=True))
    return found


SELF = N_("Approve one's own work")


def _check_gone_role(scope: Scope, payload: Payload) -> Checked:
    tried(scope, roles.remove_role, payload)
    row = scope.get(JobRoleRow, an_id(payload.get("id"), "id"), lock=True)
    return Checked("job_role", row.id, fingerprint(row.id, row.changed_at), {"name": row.name})


# ------------------------------------------------------------------ account groups


def _check_new_group(scope: Scope, payload: Payload) -> Checked:
    tried(scope, groups.create_group, payload)
    name = str(payload["name"]).strip()
    changes = [Change("people.name", "", name, "new"), *_entity(scope, None, maybe_id(payload, "legal_entity"))]
    changes += _accounts(scope, set(), groups.reached(scope, payload))
    return Checked("account_group", None, fingerprint(name.lower()), {"name": name}, changes)


def _check_group(scope: Scope, payload: Payload) -> Checked:
    tried(scope, groups.change_group, payload)
    row = scope.get(AccountGroup, an_id(payload.get("id"), "id"), lock=True)
    before, name = groups.accounts_of(scope, row.id), str(payload["name"]).strip()
    changes = [] if name == row.name else [Change("people.name", row.name, name)]
    changes += _entity(scope, row.legal_entity_id, maybe_id(payload, "legal_entity"))
    changes += _accounts(scope, before, groups.reached(scope, payload))
    return Checked("account_group", row.id, _state(row, before), {"name": row.name}, changes)


def _check_loose(scope: Scope, payload: Payload) -> Checked:
    row = scope.get(AccountGroup, an_id(payload.get("id"), "id"), lock=True)
    before = groups.accounts_of(scope, row.id)
    changes = _accounts(scope, before, before | groups.loose_accounts(scope))
    return Checked("account_group", row.id, _state(row, before), {"name": row.name}, changes)


def _check_gone_group(scope: Scope, payload: Payload) -> Checked:
    tried(scope, groups.remove_group, payload)
    row = scope.get(AccountGroup, an_id(payload.get("id"), "id"), lock=True)
    return Checked("account_group", row.id, _state(row, groups.accounts_of(scope, row.id)), {"name": row.name})


def _state(row: AccountGroup, accounts: set[groups.Account]) -> str:
    return fingerprint(row.id, row.name, row.legal_entity_id, sorted(accounts))


def _accounts(scope: Scope, before: set[groups.Account], after: set[groups.Account]) -> list[Change]:
    ids = [account for _, account in before ^ after]
    names = {row.id: row.told for row in scope.session.execute(_ACCOUNTS, {"ids": ids})}
    new = sorted(names.get(account, "–") for _, account in after - before)
    gone = sorted(names.get(account, "–") for _, account in before - after)
    return [Change("people.account", "", name, "new") for name in new] + [
        Change("people.account", name, "", "blocked") for name in gone
    ]


def _entity(scope: Scope, before: uuid.UUID | None, after: uuid.UUID | None) -> list[Change]:
    if before == after:
        return []
    old, new = (users.names(scope, LegalEntity, [one] if one else []) for one in (before, after))
    return [Change("people.entity", old, new)]


P, R = Permission, Right
COUNTS = (N_("It counts from the next page on of everybody who has it."),)
KINDS = (
    Kind(
        "member.added", P.CREATE_USER, R.CREATE, BOTH, N_("New users"), N_("Let {name} in"), _check_new_user,
        users.create_user, role_choices, effects=(N_("{name} has access from the moment of the last approval."),),
    ),
    Kind(
        "member.role", P.USERS, R.EDIT, BOTH, N_("Roles of users"), N_("Change the role of {name}"),
        _check_user, users.change_user, role_choices,
        effects=(N_("The new role counts from that person's next page on."),),
    ),
    Kind(
        "job_role.created", P.JOB_ROLES, R.CREATE, BOTH, N_("New job roles"), N_("Make the job role {name}"),
        _check_new_role, roles.create_role,
    ),
    Kind(
        "job_role.changed", P.JOB_ROLES, R.EDIT, BOTH, N_("Names of job roles"), N_("Rename the job role {name}"),
        _check_role, roles.change_role,
    ),
    Kind(
        "permission.changed", P.PERMISSIONS, R.EDIT, BOTH, N_("Rights of job roles"),
        N_("Change the rights of the job role {name}"), _check_role, roles.change_role, effects=COUNTS,
    ),
    Kind(
        "job_role.removed", P.JOB_ROLES, R.EDIT, BOTH, N_("Removal of job roles"), N_("Remove the job role {name}"),
        _check_gone_role, roles.remove_role,
    ),
    Kind(
        "account_group.created", P.ACCOUNT_GROUPS, R.CREATE, BOTH, N_("New account groups"),
        N_("Make the account group {name}"), _check_new_group, groups.create_group,
    ),
    Kind(
        "account_group.changed", P.ACCOUNT_GROUPS, R.EDIT, BOTH, N_("Changes of account groups"),
        N_("Change the account group {name}"), _check_group, groups.change_group, effects=COUNTS,
    ),
    Kind(
        "account_group.loose", P.ACCOUNT_GROUPS, R.EDIT, BOTH, N_("Accounts that are in no group"),
        N_("Add the accounts that are in no group to {name}"), _check_loose, groups.add_loose_accounts,
        effects=COUNTS,
    ),
    Kind(
        "account_group.removed", P.ACCOUNT_GROUPS, R.EDIT, BOTH, N_("Removal of account groups"),
        N_("Remove the account group {name}"), _check_gone_group, groups.remove_group,
    ),
)  # fmt: skip
