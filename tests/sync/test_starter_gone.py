"""A run that a person started goes no further than that person's access, from the next step on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select, update

from portal.access import Actor, Scope
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.sync import drafting, runs
from portal.sync.models import Run
from portal.tenants.models import Assignment, Grant, Membership
from tests import factories as make
from tests.sync.office import Office

MARCH = [(date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25")]


@pytest.fixture
def karin(alone: Office) -> User:
    """Of the firm, limited to what is assigned to her, which this client is."""
    user = make.make_user(alone.database, "Karin Wouters")
    with alone.database.scoped(Setting(tenant=alone.firm.id)) as session:
        session.add(
            Membership(tenant_id=alone.firm.id, user_id=user.id, role="staff", assigned_only=True,
                       created_at=clock.now())
        )  # fmt: skip
        session.add(Assignment(tenant_id=alone.firm.id, client_id=alone.client.id, user_id=user.id))
    return user


def start(office: Office, user: User) -> Run:
    setting = Setting(tenant=office.client.id, via=office.firm.id, user=user.id)
    with office.database.scoped(setting) as session:
        actor = Actor(user.id, user.name, office.firm.id)
        scope = Scope(session, office.client.id, "client", "editor", actor)
        return runs.start_run(scope, office.configuration, "person")[0]


def work(office: Office, run: Run) -> Run:
    runs.run(office.runtime, office.client.id, run.id, office.connect)
    with office.scope() as scope:
        return scope.get(Run, run.id)


def unassigned(office: Office, user: User) -> None:
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        session.execute(update(Assignment).where(Assignment.user_id == user.id).values(ends_at=Assignment.starts_at))


def left(office: Office, user: User) -> None:
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        session.execute(update(Membership).where(Membership.user_id == user.id).values(ended_at=clock.now()))


def withdrawn(office: Office, user: User) -> None:
    with office.scope() as scope:
        scope.session.execute(update(Grant).where(Grant.portal_id == office.firm.id).values(state="withdrawn"))


def disabled(office: Office, user: User) -> None:
    with office.database.scoped() as session:
        session.execute(update(User).where(User.id == user.id).values(disabled_at=clock.now()))


def test_with_access_it_is_done_as_ever(alone: Office, karin: User) -> None:
    alone.bank_says(*MARCH)
    run = work(alone, start(alone, karin))
    assert (run.state, run.code, run.offered) == ("done", "", 1)


@pytest.mark.parametrize("cut", [unassigned, left, withdrawn, disabled])
def test_a_queued_run_stops_with_the_access_of_who_started_it(
    alone: Office, karin: User, cut: Callable[[Office, User], None]
) -> None:
    alone.bank_says(*MARCH)
    queued = start(alone, karin)
    cut(alone, karin)
    run = work(alone, queued)
    assert (run.state, run.code, run.drafted, run.offered) == ("done", "run.starter_gone", 0, 0)
    assert alone.all_postings() == []


def test_a_run_under_way_hands_nothing_over_after_the_cut(
    alone: Office, karin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone.bank_says(*MARCH)
    queued, draft_due = start(alone, karin), drafting.draft_due

    def drafted(*given: object, **more: object) -> object:
        made = draft_due(*given, **more)  # type: ignore[arg-type]  # handed on as they came
        unassigned(alone, karin)
        return made

    monkeypatch.setattr(runs, "draft_due", drafted)
    run = work(alone, queued)
    assert (run.state, run.code, run.drafted, run.offered) == ("done", "run.starter_gone", 1, 0)
    assert alone.all_postings() == []


def test_what_is_planned_goes_on(alone: Office, karin: User) -> None:
    alone.bank_says(*MARCH)
    queued = start(alone, karin)
    unassigned(alone, karin)
    work(alone, queued)
    with alone.scope() as scope:
        planned, is_new = runs.start_run(scope, alone.configuration, "schedule")
        assert is_new
        assert scope.session.scalars(select(Run.state).where(Run.id == queued.id)).one() == "done"
    assert work(alone, planned).offered == 1
