"""Every combination of who, what and on which account, decided twice: by the code, and by Cedar.

The policies beside this file are written from the description of the product. Cedar
evaluates them; our own tables take no part in that side.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cedarpy
import pytest

from portal.permissions.deciding import Decision, JobRole, Reason, What, Who, decide
from portal.permissions.rights import Permission, Right

POLICIES = Path(__file__).with_name("policies.cedar").read_text()
INSIDE, OUTSIDE = uuid.UUID(int=1), uuid.UUID(int=2)
ROLES = (
    ("portal", "administrator"), ("portal", "staff"), ("portal", "reader"), ("portal", "custom"), ("portal", ""),
    ("client", "owner"), ("client", "editor"), ("client", "reader"), ("client", "custom"),
)  # fmt: skip
GRANTS = ("", "editor", "reader")
# Of one's own job roles: none; the right that is asked; every other right on this permission; this right on
# every other permission; and the right in one role with self-approve in another, which does not add up.
GIVEN = ("nothing", "it", "other rights", "other permissions", "apart")


HERE, THERE = frozenset({INSIDE}), frozenset({OUTSIDE})
CLIENTS = {"not limited": None, "assigned": HERE, "not assigned": THERE}
ACCOUNTS = {"none": None, "inside": INSIDE, "outside": OUTSIDE}


def given(what: str, right: Right, permission: Permission, asked: Right) -> list[str]:
    """The permissions on which these job roles give `right`."""
    if what in ("it", "apart"):
        return [permission.value] if right is asked else []
    if what == "other rights":
        return [permission.value] if right is not asked else []
    if what == "other permissions" and right is asked:
        return [p.value for p in Permission if p is not permission]
    return []


@cache
def job_roles(what: str, self_approve: bool, permission: Permission, asked: Right) -> tuple[JobRole, ...]:
    mine = {p: frozenset(r for r in Right if p in given(what, r, permission, asked)) for p in Permission}
    alone = frozenset({permission} if self_approve else ())
    if what == "apart":
        return JobRole(mine), JobRole({}, alone)
    return (JobRole(mine, alone),)


@dataclass(frozen=True, slots=True)
class Case:
    kind: str
    role: str
    given: str
    self_approve: bool
    machine: bool
    grant: str
    limited: bool
    account: str  # "none", "inside", "outside"
    client: str  # "not limited", "assigned", "not assigned"
    touched: bool
    permission: Permission
    right: Right

    def ours(self) -> Decision:
        who = Who(
            self.kind, self.role, job_roles(self.given, self.self_approve, self.permission, self.right),
            machine=self.machine, grant=self.grant, accounts=HERE if self.limited else None,
            clients=CLIENTS[self.client],
        )  # fmt: skip
        return decide(who, What(self.permission, self.right, ACCOUNTS[self.account], INSIDE, self.touched))

    def asked_of_cedar(self) -> dict[str, object]:
        alone = self.self_approve and self.given == "it" and self.right is Right.APPROVE
        context = {
            "kind": self.kind, "role": self.role, "machine": self.machine, "grant": self.grant,
            "limited": self.limited, "account": self.account,
            "assigned": self.client != "not assigned", "touched": self.touched,
            "permission": self.permission.value,
            "self_approves": [self.permission.value] if alone else [],
        } | {f"gives_{r.value}": given(self.given, r, self.permission, self.right) for r in Right}  # fmt: skip
        return {
            "principal": 'User::"somebody"', "action": f'Action::"{self.right.value}"', "resource": 'Thing::"it"',
            "context": context,
        }  # fmt: skip


def cases(permission: Permission) -> Iterator[Case]:
    no, yes = False, True
    limits = [(no, "none"), (yes, "inside"), (yes, "outside")]
    gifts = [("nothing", no), ("it", no), *((what, yes) for what in GIVEN[1:])]
    whos = [(kind, role, grant) for kind, role in ROLES for grant in (("",) if kind == "portal" else GRANTS)]
    for who, gift, machine, limit, client, touched, right in itertools.product(
        whos, gifts, (no, yes), limits, ("not limited", "not assigned"), (no, yes), Right
    ):
        kind, role, grant = who
        yield Case(kind, role, *gift, machine, grant, *limit, client, touched, permission, right)


def cedar_says(asked: list[dict[str, object]]) -> dict[str, bool]:
    """Each different question once."""
    different = {json.dumps(one): one for one in asked}
    answers = cedarpy.is_authorized_batch(list(different.values()), cedarpy.PolicySet.from_str(POLICIES), [])
    for answer in answers:
        assert not answer.diagnostics.errors, answer.diagnostics.errors
    return {
        key: answer.decision is cedarpy.Decision.Allow for key, answer in zip(different, answers, strict=True)
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("permission", Permission)
def test_the_code_and_cedar_decide_alike(permission: Permission, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [(case, case.asked_of_cedar()) for case in cases(permission)]
    answers = cedar_says([one for _, one in asked])
    decided = [(case, case.ours(), answers[json.dumps(one)]) for case, one in asked]
    different = [(case, ours.reason) for case, ours, theirs in decided if ours.allowed is not theirs]
    allowed = sum(answer for _, _, answer in decided)
    with capsys.disabled():
        print(f"{permission}: {len(asked):,} cases, {allowed:,} allowed, {len(different)} differences")
    assert different == [], different[:5]
    assert len(asked) > 9_000
    assert 0 < allowed < len(asked)


P = Permission


@pytest.mark.parametrize(
    ("who", "what", "reason"),
    [
        (Who("portal", "staff"), What(P.COUPLINGS, Right.EDIT), Reason.HELD),
        (Who("portal", "staff"), What(P.JOB_ROLES, Right.EDIT), Reason.NOT_HELD),
        (Who("client", "editor", grant="reader"), What(P.COUPLINGS, Right.EDIT), Reason.GRANT_TOO_WEAK),
        (Who("portal", "administrator"), What(P.USERS, Right.APPROVE, touched=True), Reason.OWN_WORK),
        (
            Who("portal", "custom", (JobRole({P.USERS: {Right.APPROVE}}, {P.USERS}),)),
            What(P.USERS, Right.APPROVE, touched=True),
            Reason.SELF_APPROVE,
        ),
        (Who("portal", machine=True, accounts=HERE), What(P.STATEMENTS, Right.VIEW, INSIDE), Reason.SOFTWARE),
        (Who("portal", machine=True, accounts=HERE), What(P.STATEMENTS, Right.VIEW, OUTSIDE), Reason.NOT_IN_GROUPS),
        (Who("portal", machine=True), What(P.STATEMENTS, Right.VIEW, INSIDE), Reason.NOT_IN_GROUPS),
        (
            Who("portal", "administrator", machine=True, accounts=HERE),
            What(P.STATEMENTS, Right.EDIT, INSIDE),
            Reason.SOFTWARE_ONLY_VIEWS,
        ),
        (Who("portal", "staff", clients=HERE), What(P.RUNS, Right.VIEW, client=OUTSIDE), Reason.NOT_ASSIGNED),
        (Who("portal", "staff", accounts=HERE), What(P.RUNS, Right.VIEW, OUTSIDE), Reason.NOT_IN_GROUPS),
    ],
)  # fmt: skip
def test_the_reason_says_what_stands_in_the_way(who: Who, what: What, reason: Reason) -> None:
    assert decide(who, what).reason is reason
