"""Submitting, editing, withdrawing, approving and refusing: what is done, and above all what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.activity.models import Activity
from portal.approvals import tasks, verdicts
from portal.approvals.models import Task, Version
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.kernel.errors import Conflict, Forbidden, Invalid
from tests.approvals.conftest import Bureau


def test_without_a_rule_it_is_done_at_once(bureau: Bureau) -> None:
    with bureau.acting("Anna") as scope:
        assert tasks.perform(scope, "member.role", bureau.payload("reader")).task is None
    assert bureau.role() == "reader"


def test_with_a_rule_nothing_happens_before_another_agrees(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    assert bureau.role() == "staff"
    assert bureau.approve(task_id, "Bert") == "carried_out"
    assert bureau.role() == "reader"


@pytest.mark.parametrize("needed", [2, 3])
def test_so_many_different_people_must_agree(bureau: Bureau, needed: int) -> None:
    bureau.change_role("Dora", "administrator")
    bureau.rule(needed)
    task_id = bureau.submit("staff")
    others = ["Bert", "Carl", "Dora"][:needed]
    for name in others[:-1]:
        assert bureau.approve(task_id, name) == "waiting"
        with pytest.raises(Conflict, match=r"approval\.decided"):
            bureau.approve(task_id, name)
    assert bureau.role() == "administrator"
    assert bureau.approve(task_id, others[-1]) == "carried_out"
    assert bureau.role() == "staff"


def test_nobody_approves_or_refuses_what_they_submitted(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    with pytest.raises(Forbidden, match=r"approval\.own_work"):
        bureau.approve(task_id, "Anna")
    with bureau.acting("Anna") as scope, pytest.raises(Forbidden, match=r"approval\.own_work"):
        verdicts.refuse(scope, task_id, 1, _hash(bureau, task_id), "no")
    assert bureau.role() == "staff"


def test_whoever_edited_it_has_touched_it_and_so_has_the_first_author(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    with bureau.acting("Bert") as scope:
        tasks.edit(scope, task_id, 1, bureau.payload("administrator"))
    for name in ("Anna", "Bert"):
        with pytest.raises(Forbidden, match=r"approval\.own_work"):
            bureau.approve(task_id, name)
    assert bureau.approve(task_id, "Carl") == "carried_out"
    assert bureau.role() == "administrator"


def test_an_edit_voids_what_was_approved_before(bureau: Bureau) -> None:
    bureau.rule(2)
    task_id = bureau.submit()
    bureau.approve(task_id, "Bert")
    with bureau.acting("Anna") as scope:
        tasks.edit(scope, task_id, 1, bureau.payload("administrator"))
    assert bureau.approve(task_id, "Carl") == "waiting"
    assert bureau.approve(task_id, "Bert") == "carried_out"
    assert bureau.role() == "administrator"


def test_what_was_shown_before_an_edit_cannot_be_approved(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    shown = _hash(bureau, task_id)
    with bureau.acting("Anna") as scope:
        tasks.edit(scope, task_id, 1, bureau.payload("administrator"))
    for version in (1, 2):
        with bureau.acting("Bert") as scope, pytest.raises(Conflict, match=r"approval\.stale"):
            verdicts.approve(scope, task_id, version, shown)


def test_an_edit_that_changes_nothing_is_none(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    with bureau.acting("Anna") as scope, pytest.raises(Invalid, match=r"approval\.same"):
        tasks.edit(scope, task_id, 1, bureau.payload("reader"))


def test_an_edit_stays_with_its_subject(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    with bureau.acting("Anna") as scope, pytest.raises(Conflict, match=r"approval\.other_subject"):
        tasks.edit(scope, task_id, 1, bureau.payload("reader", "Carl"))


def test_self_approve_lets_somebody_decide_on_their_own_work_and_the_log_says_so(bureau: Bureau) -> None:
    bureau.rule(1)
    bureau.give_self_approve("Anna")
    task_id = bureau.submit()
    assert bureau.approve(task_id, "Anna") == "carried_out"
    with bureau.database.scoped(Setting(bureau.tenant.id)) as session:
        tags = session.scalars(select(Activity.tag).where(Activity.subject_id == task_id)).all()
    assert "approval.self_approved" in tags
    assert "approval.approved" not in tags


def test_self_approve_of_another_permission_does_not_count(bureau: Bureau) -> None:
    bureau.rule(1)
    bureau.give_self_approve("Anna", "couplings")
    task_id = bureau.submit()
    with pytest.raises(Forbidden, match=r"approval\.own_work"):
        bureau.approve(task_id, "Anna")


def test_who_may_not_approve_is_told_the_right(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    with pytest.raises(Forbidden) as refused:
        bureau.approve(task_id, "Dora")
    assert refused.value.values == {"permission": "users", "right": "approve"}


def test_refused_is_refused(bureau: Bureau) -> None:
    bureau.rule(2)
    task_id = bureau.submit()
    bureau.approve(task_id, "Bert")
    with bureau.acting("Carl") as scope:
        with pytest.raises(Invalid, match=r"approval\.reason"):
            verdicts.refuse(scope, task_id, 1, _hash(bureau, task_id), "  ")
        assert verdicts.refuse(scope, task_id, 1, _hash(bureau, task_id), "not now").state == "refused"
    with pytest.raises(Conflict, match=r"approval\.settled"):
        bureau.approve(task_id, "Bert")
    assert bureau.role() == "staff"


def test_its_makers_withdraw_it_and_nobody_else(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    with bureau.acting("Bert") as scope, pytest.raises(Forbidden, match=r"approval\.not_yours"):
        tasks.withdraw(scope, task_id)
    with bureau.acting("Anna") as scope:
        assert tasks.withdraw(scope, task_id).state == "withdrawn"
    with pytest.raises(Conflict, match=r"approval\.settled"):
        bureau.approve(task_id, "Bert")


def test_two_tasks_do_not_wait_for_the_same_thing(bureau: Bureau) -> None:
    bureau.rule(1)
    bureau.submit()
    with bureau.acting("Bert") as scope, pytest.raises(Conflict, match=r"approval\.waits_already"):
        tasks.perform(scope, "member.role", bureau.payload("administrator"))


def test_what_changed_meanwhile_is_not_done(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit("reader")
    bureau.change_role("Dora", "administrator")
    assert bureau.approve(task_id, "Bert") == "failed"
    assert bureau.task(task_id).code == "approval.subject_changed"
    assert bureau.role() == "administrator"


def test_the_right_of_who_submitted_it_is_asked_again(bureau: Bureau) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    bureau.change_role("Anna", "staff")
    assert bureau.approve(task_id, "Bert") == "failed"
    assert (bureau.task(task_id).code, bureau.role()) == ("approval.submitter_right", "staff")


def test_a_yes_of_somebody_who_lost_the_right_no_longer_counts(bureau: Bureau) -> None:
    bureau.change_role("Dora", "administrator")
    bureau.rule(2)
    task_id = bureau.submit("staff")
    bureau.approve(task_id, "Bert")
    bureau.change_role("Bert", "reader")
    assert bureau.approve(task_id, "Carl") == "waiting"
    assert bureau.approve(task_id, "Dora") == "carried_out"


def test_what_stands_in_the_way_is_told_and_leaves_nothing_half_done(bureau: Bureau) -> None:
    """By then who submitted it may still change people, but holds less than what would be given."""
    bureau.rule(1)
    task_id = bureau.submit("administrator")
    bureau.change_role("Anna", "custom")
    bureau.give_self_approve("Anna")
    assert bureau.approve(task_id, "Bert") == "failed"
    assert (bureau.task(task_id).code, bureau.role()) == ("people.not_yours", "staff")


def test_what_has_expired_is_not_approved(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    later = clock.now() + tasks.EXPIRES + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(Conflict, match=r"approval\.settled"):
        bureau.approve(task_id, "Bert")


def _hash(bureau: Bureau, task_id: object) -> str:
    with bureau.database.scoped(Setting(bureau.tenant.id)) as session:
        task = session.scalars(select(Task).where(Task.id == task_id)).one()
        made = select(Version.sha256).where(Version.task_id == task.id, Version.version == task.version)
        return session.scalars(made).one().hex()
