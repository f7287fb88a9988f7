"""Job roles: nobody gives what they lack, and what a role gives counts at the next request."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.activity.service import timeline
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from portal.people import roles, users
from portal.permissions.models import MemberJobRole
from portal.permissions.rights import Permission, Right
from portal.tenants import matrix
from tests import factories as make
from tests.people.conftest import NOWHERE, Firm

BOOKS = {"name": "Books", "rights": {"statements": ["create"], "entries": ["view", "approve"]}, "self_approve": []}


def test_a_role_counts_at_the_next_request_in_the_portal_and_in_client_accounts(firm: Firm) -> None:
    with firm.scope() as scope:
        role = roles.create_role(scope, BOOKS)
        users.change_user(scope, {"membership_id": str(firm.other_membership.id), "job_roles": [str(role)]})
    for tenant in (firm.firm, firm.client):
        with firm.scope(firm.other, tenant) as scope:
            assert scope.may(Permission.ENTRIES, Right.APPROVE)
            assert scope.may(Permission.STATEMENTS, Right.VIEW)  # whoever may anything may look
            assert not scope.may(Permission.STATEMENTS, Right.EDIT)
            assert not scope.may(Permission.COUPLINGS, Right.VIEW)
    with firm.scope() as scope:
        roles.change_role(scope, {"id": str(role), "rights": {}, "self_approve": []})
        tags = [row.tag for row in timeline(scope)]
        assert tags[:3] == ["job_role.changed", "member.job_roles_changed", "job_role.created"]
    with firm.scope(firm.other) as scope:
        assert not scope.may(Permission.ENTRIES, Right.APPROVE)
        assert scope.may(Permission.OVERVIEW, Right.VIEW)


def test_a_grant_is_the_ceiling_of_job_roles(firm: Firm, database: Database) -> None:
    looked_at = make.make_tenant(database, "client", "Only looked at")
    make.make_grant(database, looked_at, firm.firm, role="reader")
    make.make_job_role(database, firm.firm, firm.other_membership, rights={"entries": ["view", "edit"]})
    with firm.scope(firm.other, looked_at) as scope:
        assert scope.may(Permission.ENTRIES, Right.VIEW)
        assert not scope.may(Permission.ENTRIES, Right.EDIT)


MAY_MANAGE = {
    "job_roles": ["view", "create", "edit"], "permissions": ["view", "edit"], "self_approved": ["view", "edit"],
    "users": ["view", "edit"], "create_user": ["view", "create"], "statements": ["view", "approve"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"rights": {"entries": ["view"]}}, "people.not_yours"),
        ({"rights": {"statements": ["edit"]}}, "people.not_yours"),
        ({"rights": {"statements": ["approve"]}, "self_approve": ["statements"]}, "people.not_yours_alone"),
    ],
)
def test_nobody_gives_what_they_lack(firm: Firm, database: Database, payload: dict[str, Any], code: str) -> None:
    make.make_job_role(database, firm.firm, firm.other_membership, rights=MAY_MANAGE)
    with firm.scope(firm.other) as scope:
        roles.create_role(scope, {"name": "Mine", "rights": {"statements": ["approve"]}})
        with pytest.raises(Forbidden, match=code):
            roles.create_role(scope, {"name": "More", **payload})


def test_the_head_may_give_self_approve_and_who_has_it_may_too(firm: Firm, database: Database) -> None:
    alone = {"name": "Alone", "rights": {"statements": ["approve"]}, "self_approve": ["statements"]}
    with firm.scope() as scope:
        role = roles.create_role(scope, alone)
    make.make_job_role(database, firm.firm, firm.other_membership, rights=MAY_MANAGE, alone=["statements"])
    with firm.scope(firm.other) as scope:
        roles.create_role(scope, alone | {"name": "Alone too"})
        # Rights that one lacks can be taken away, not given back.
        roles.change_role(scope, {"id": str(role), "rights": {}, "self_approve": []})


def test_a_role_that_is_changed_keeps_what_its_changer_lacks(firm: Firm, database: Database) -> None:
    row = make.make_job_role(database, firm.firm, rights={"entries": ["view", "edit"]})
    make.make_job_role(database, firm.firm, firm.other_membership, rights=MAY_MANAGE)
    with firm.scope(firm.other) as scope:
        wanted = {"entries": ["view", "edit"], "statements": ["view"]}
        roles.change_role(scope, {"id": str(row.id), "rights": wanted, "self_approve": []})
        with pytest.raises(Forbidden, match=r"people\.not_yours"):
            roles.change_role(scope, {"id": str(row.id), "rights": wanted | {"entries": ["approve"]}})


def test_the_right_to_name_a_role_is_not_the_right_to_fill_it(firm: Firm, database: Database) -> None:
    rights = {"job_roles": ["view", "create", "edit"], "statements": ["view"]}
    make.make_job_role(database, firm.firm, firm.other_membership, rights=rights)
    with firm.scope(firm.other) as scope:
        role = roles.create_role(scope, {"name": "Empty"})
        roles.change_role(scope, {"id": str(role), "name": "Still empty"})
        with pytest.raises(Forbidden) as refused:
            roles.change_role(scope, {"id": str(role), "rights": {"statements": ["view"]}})
        assert refused.value.values == {"permission": Permission.PERMISSIONS, "right": Right.EDIT}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": " "}, "people.name"), ({"name": "x" * 81}, "people.name"), ({"name": "BOOKS"}, "people.name_taken"),
        ({"rights": {"nonsense": ["view"]}}, "people.choice"), ({"rights": {"entries": ["own"]}}, "people.choice"),
        ({"rights": {"entries": "view"}}, "people.choice"), ({"rights": ["entries"]}, "people.choice"),
        ({"self_approve": ["statements"]}, "job_role.self_approve"), ({"self_approve": ["x"]}, "people.choice"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(firm: Firm, change: dict[str, Any], code: str) -> None:
    with firm.scope() as scope:
        roles.create_role(scope, BOOKS)
        with pytest.raises(Invalid, match=code):
            roles.create_role(scope, BOOKS | {"name": "Other"} | change)


def test_a_role_that_somebody_has_stays(firm: Firm) -> None:
    with firm.scope() as scope:
        role = roles.create_role(scope, BOOKS)
        mine = {"membership_id": str(firm.other_membership.id)}
        users.change_user(scope, mine | {"job_roles": [str(role)]})
        with pytest.raises(Conflict, match=r"job_role\.held"):
            roles.remove_role(scope, {"id": str(role)})
        users.end_user(scope, mine)
        roles.remove_role(scope, {"id": str(role)})  # whoever has left no longer counts
        with pytest.raises(NotFound):
            roles.remove_role(scope, {"id": str(role)})
        with pytest.raises(NotFound):
            roles.change_role(scope, {"id": NOWHERE, "name": "x"})


def test_another_tenants_role_is_not_there_and_the_database_says_so_too(firm: Firm, database: Database) -> None:
    rival = make.make_tenant(database, "portal", "Rival")
    theirs = make.make_job_role(database, rival, rights={"entries": ["view"]})
    with firm.scope() as scope, pytest.raises(NotFound):
        users.change_user(scope, {"membership_id": str(firm.other_membership.id), "job_roles": [str(theirs.id)]})
    link = {"tenant_id": firm.firm.id, "membership_id": firm.other_membership.id, "job_role_id": theirs.id}
    with pytest.raises(IntegrityError, match="fk_member_job_roles"), firm.product() as scope:
        scope.session.add(MemberJobRole(**link))


@pytest.mark.parametrize(
    ("rights", "alone"),
    [("{create}", False), ("{view,own}", False), ("{}", False), ("{view}", True)],
)
def test_the_database_keeps_no_rights_that_are_none(firm: Firm, database: Database, rights: str, alone: bool) -> None:
    row = make.make_job_role(database, firm.firm, rights={})
    with (
        pytest.raises(IntegrityError, match="ck_job_role_rights"),
        database.scoped(Setting(tenant=firm.firm.id)) as session,
    ):
        session.execute(
            text("INSERT INTO job_role_rights VALUES (:tenant, :role, 'entries', :rights, :alone)"),
            {"tenant": firm.firm.id, "role": row.id, "rights": rights, "alone": alone},
        )


def test_the_matrix_tells_job_roles_and_groups(firm: Firm, database: Database) -> None:
    role = make.make_job_role(database, firm.firm, firm.other_membership, rights={"entries": ["view", "edit"]})
    group = make.make_group(database, firm.firm, firm.other_membership)
    with firm.scope() as scope:
        seen = {(seer.name, seer.place): seer for seer in matrix.seers(scope)}
        for place in ("portal", "clients"):
            tom = seen["Tom", place]
            assert (tom.role, tom.job_roles, tuple(tom.groups)) == ("custom", (role.name,), (group.name,))
            assert tom.rights[Permission.ENTRIES] == {Right.VIEW, Right.EDIT}
        assert matrix.holders(scope, Permission.ENTRIES, Right.EDIT) == ["Nadia", "Tom"]
