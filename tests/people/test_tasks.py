"""The acts as tasks: refused when submitted for what would refuse them later, and carried out from what was stored."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from portal.activity.models import Activity
from portal.approvals.models import Policy, Version
from portal.approvals.people import acting, people
from portal.approvals.registry import kind_of, kinds
from portal.approvals.tasks import perform
from portal.archives import service as archives
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.errors import Forbidden, Invalid
from portal.people import reading
from portal.people.approvable import KINDS
from portal.permissions.models import AccountGroup, JobRoleRow
from tests import factories as make
from tests.people.conftest import Firm


def ask_for_two(firm: Firm, kind: str) -> None:
    with firm.product() as scope:
        scope.session.add(Policy(tenant_id=firm.firm.id, kind=kind, approvals=2, changed_at=clock.now()))


def test_every_act_can_wait(firm: Firm) -> None:
    assert {kind.name for kind in KINDS} <= set(kinds())


def test_without_a_policy_it_is_done_at_once(firm: Firm) -> None:
    with firm.scope() as scope:
        payload = {"name": "Shops", "accounts": [firm.pair(0)]}
        assert perform(scope, "account_group.created", payload).task is None
        assert [row.name for row in reading.groups(scope)] == ["Shops"]


def test_what_waits_has_changed_nothing_and_is_carried_out_from_what_was_stored(firm: Firm) -> None:
    ask_for_two(firm, "job_role.created")
    with firm.scope() as scope:
        made = {"name": "Books", "rights": {"entries": ["view", "approve"]}, "self_approve": ["entries"]}
        before = scope.session.scalar(select(func.count()).select_from(Activity))
        task = perform(scope, "job_role.created", made).task
        assert task is not None
        assert scope.session.scalars(select(JobRoleRow.name)).all() == []
        assert (scope.session.scalar(select(func.count()).select_from(Activity)) or 0) == (before or 0) + 1
        version = scope.session.scalars(select(Version).where(Version.task_id == task.id)).one()
        told = [(row["part"], row["after"], row["sign"]) for row in version.changes]
        assert told == [
            ("people.name", "Books", "new"), ("permission.entries", "View", "new"),
            ("permission.entries", "Approve", "new"), ("permission.entries", "Approve one's own work", "changed"),
        ]  # fmt: skip
        kind_of("job_role.created").carry_out(scope, json.loads(json.dumps(version.payload)))
        assert [row.name for row in reading.roles(scope)] == ["Books"]


def test_what_would_be_refused_later_is_refused_when_it_is_submitted(firm: Firm) -> None:
    for kind in ("account_group.created", "member.role"):
        ask_for_two(firm, kind)
    with firm.scope() as scope:
        with pytest.raises(Invalid, match=r"people\.name"):
            perform(scope, "account_group.created", {"name": "", "accounts": []})
        with pytest.raises(Invalid, match=r"role\.unknown"):
            perform(scope, "member.role", {"membership_id": str(firm.other_membership.id), "role": "owner"})
    with firm.scope(firm.other) as scope, pytest.raises(Forbidden):
        perform(scope, "account_group.created", {"name": "Mine", "accounts": []})


def test_a_change_of_a_person_tells_what_differs(firm: Firm) -> None:
    ask_for_two(firm, "member.role")
    with firm.scope() as scope:
        group = perform(scope, "account_group.created", {"name": "Shops", "accounts": []}).result
        payload = {"membership_id": str(firm.other_membership.id), "role": "staff", "groups": [str(group)]}
        checked = kind_of("member.role").check(scope, payload)
        assert [(one.part, one.before, one.after) for one in checked.changes] == [
            ("people.role", "Job roles only", "Staff"), ("people.groups", "–", "Shops"),
        ]  # fmt: skip
        assert perform(scope, "member.role", payload).task is not None


def test_somebody_invited_by_a_task_is_nobody_until_it_is_approved(firm: Firm) -> None:
    ask_for_two(firm, "member.added")
    with firm.scope() as scope:
        payload = {"email": "later@example.com", "name": "Later", "role": "staff"}
        assert perform(scope, "member.added", payload).task is not None
        assert scope.session.scalar(select(func.count()).where(User.email == "later@example.com")) == 0


def test_whoever_carries_out_a_task_is_as_limited_as_on_a_page(firm: Firm) -> None:
    group = make.make_group(firm.database, firm.firm, firm.other_membership, accounts=[firm.accounts[0]])
    with firm.scope() as scope:
        tom = people(scope)[firm.other.id]
        with acting(scope, tom) as theirs:
            assert theirs.accounts == {firm.accounts[0].id}
            with pytest.raises(Forbidden, match=r"permission\.every_account"):
                theirs.require_every_account()
        assert group.id in set(scope.session.scalars(select(AccountGroup.id)))


def test_an_archive_of_everything_is_not_for_somebody_limited(firm: Firm) -> None:
    make.make_group(firm.database, firm.firm, firm.other_membership)
    with firm.scope(firm.other) as scope, pytest.raises(Forbidden, match=r"permission\.every_account"):
        archives.ask(scope)
