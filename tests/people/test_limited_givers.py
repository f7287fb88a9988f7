"""Whoever sees some clients or some bank accounts gives nobody more than that, by no way around."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.approvals import policies, verdicts
from portal.approvals.models import State
from portal.approvals.registry import kind_of
from portal.approvals.tasks import perform, version_of
from portal.archives import retention
from portal.archives import service as archives
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.errors import Forbidden
from portal.people import users
from portal.permissions.rights import Permission
from portal.software import service as software
from portal.tenants import assignments
from portal.tenants.models import Membership
from tests import factories as make
from tests.people.conftest import Firm

EVERYTHING = {permission.value: ["view", "create", "edit", "approve"] for permission in Permission}


@pytest.fixture
def limited(firm: Firm) -> Firm:
    """`other` may do everything in the firm, and sees the first account alone."""
    make.make_job_role(firm.database, firm.firm, firm.other_membership, rights=EVERYTHING)
    make.make_group(firm.database, firm.firm, firm.other_membership, accounts=firm.accounts[:1])
    return firm


@pytest.fixture
def assigned(firm: Firm) -> Firm:
    """`other` may do everything in the firm, and sees the clients assigned to them, which are none."""
    make.make_job_role(firm.database, firm.firm, firm.other_membership, rights=EVERYTHING)
    with firm.product() as scope:
        scope.session.get_one(Membership, (firm.firm.id, firm.other_membership.id)).assigned_only = True
    return firm


def test_software_reads_no_account_that_its_maker_does_not_see(limited: Firm, database: Database) -> None:
    """The one-time password is shown to whoever makes it, who would then read everything."""
    whole = make.make_group(database, limited.firm, accounts=limited.accounts)
    mine = make.make_group(database, limited.firm, accounts=limited.accounts[:1])
    with limited.scope(limited.other) as scope:
        made, _password = software.create(scope, "ERP")
        with pytest.raises(Forbidden, match=r"people\.wider"):
            perform(scope, "software.groups", {"id": str(made.id), "groups": [str(whole.id)]})
        with pytest.raises(Forbidden, match=r"people\.wider"):
            software.change_groups(scope, made.id, [whole.id, mine.id])
        software.change_groups(scope, made.id, [mine.id])


def test_who_sees_assigned_clients_lets_in_nobody_who_sees_them_all(assigned: Firm, database: Database) -> None:
    new = make.make_user(database)
    with assigned.scope(assigned.other) as scope:
        with pytest.raises(Forbidden, match=r"permission\.every_client"):
            users.create_user(scope, {"email": new.email, "role": "administrator"})
        made = users.create_user(scope, {"email": new.email, "role": "staff"})
        assert scope.get(Membership, made).assigned_only


def test_who_sees_assigned_clients_makes_nobody_an_administrator(assigned: Firm) -> None:
    with assigned.scope(assigned.other) as scope, pytest.raises(Forbidden, match=r"permission\.every_client"):
        users.change_user(scope, {"membership_id": str(assigned.other_membership.id), "role": "administrator"})


def test_who_sees_assigned_clients_does_not_lift_that_limit(assigned: Firm) -> None:
    with assigned.scope(assigned.other) as scope:
        with pytest.raises(Forbidden, match=r"permission\.every_client"):
            assignments.limit_person(scope, assigned.other_membership.id, False)
        with pytest.raises(Forbidden, match=r"permission\.every_client"):
            assignments.limit_firm(scope, False)


def test_who_has_a_client_for_a_time_does_not_keep_it(assigned: Firm) -> None:
    with assigned.product() as scope:
        until = clock.now() + timedelta(hours=1)
        assignments.give_for_a_time(scope, [assigned.client.id], assigned.other.id, until, "holiday")
    with assigned.scope(assigned.other) as scope:
        assert scope.clients == {assigned.client.id}
        with pytest.raises(Forbidden, match=r"permission\.every_client"):
            assignments.assign(scope, [assigned.client.id], assigned.other.id)
        with pytest.raises(Forbidden, match=r"permission\.every_client"):
            assignments.give_for_a_time(scope, [assigned.client.id], assigned.other.id, until + timedelta(days=9), "x")


def test_software_reads_no_client_that_is_not_assigned_to_its_maker(assigned: Firm, database: Database) -> None:
    group = make.make_group(database, assigned.firm, accounts=assigned.accounts)
    with assigned.scope(assigned.other) as scope:
        made, _password = software.create(scope, "ERP")
        with pytest.raises(Forbidden, match=r"permission\.every_client"):
            perform(scope, "software.groups", {"id": str(made.id), "groups": [str(group.id)]})


def test_the_limit_counts_too_when_a_task_is_carried_out(assigned: Firm, database: Database) -> None:
    """Submitted by somebody who saw everything and sees assigned clients alone by the time it is approved."""
    with assigned.product() as scope:
        scope.session.get_one(Membership, (assigned.firm.id, assigned.other_membership.id)).assigned_only = False
        scope.session.flush()
        policies.set_rule(scope, policies.Rule(kind_of("member.added"), 1))
    new = make.make_user(database)
    with assigned.scope(assigned.other) as scope:
        task = perform(scope, "member.added", {"email": new.email, "role": "administrator"}).task
        assert task is not None
        sha256 = version_of(scope, task).sha256.hex()
        scope.session.commit()
    with assigned.product() as scope:
        scope.session.get_one(Membership, (assigned.firm.id, assigned.other_membership.id)).assigned_only = True
    with assigned.scope() as scope:
        settled = verdicts.approve(scope, task.id, 1, sha256)
        assert (settled.state, settled.code) == (State.FAILED, "permission.every_client")


def test_who_sees_assigned_clients_takes_no_archive_of_all_of_them(assigned: Firm) -> None:
    with assigned.scope(assigned.other) as scope, pytest.raises(Forbidden, match=r"permission\.every_client"):
        archives.ask(scope, with_clients=True)


@pytest.fixture
def colleague(database: Database) -> User:
    return make.make_user(database, "Colleague")


def test_what_they_may_do_they_still_do(assigned: Firm, colleague: User, database: Database) -> None:
    row = make.make_member(database, assigned.firm, colleague, "staff")
    with assigned.scope(assigned.other) as scope:
        assert assignments.limit_person(scope, row.id, True).assigned_only
        users.change_user(scope, {"membership_id": str(row.id), "role": "reader"})


def test_who_sees_some_accounts_does_not_say_how_long_all_is_kept(limited: Firm) -> None:
    with limited.scope(limited.other) as scope, pytest.raises(Forbidden, match=r"permission\.every_account"):
        retention.choose(scope, original_months=12, trace_days=7, hold=False)
