"""People: invited, changed and let go, and never with more than whoever does it has."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.identity import passwords, sessions
from portal.identity import service as identity
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Forbidden, Invalid
from portal.kernel.mail import Mail, place_of
from portal.kernel.vault import Vault
from portal.people import users
from portal.permissions.rights import Permission, Right
from portal.tenants.models import Membership
from tests import factories as make
from tests.people.conftest import Firm

PASSWORD = "kalm water stroomt diep"


def mails_to(database: Database, vault: Vault, email: str) -> list[tuple[str, str]]:
    """(template, values) of each mail to this address."""
    with database.scoped() as session:
        rows = session.query(Mail).filter_by(to_email=email).order_by(Mail.created_at).all()
        return [(row.template, vault.open(session, place_of(row.id), row.values)) for row in rows]


def test_somebody_new_is_invited_and_comes_in_by_the_mail(firm: Firm, database: Database, vault: Vault) -> None:
    with firm.scope() as scope:
        users.create_user(scope, {"email": "New@Example.com ", "name": "New  Here", "role": "staff"})
    ((template, told),) = mails_to(database, vault, "new@example.com")
    assert template == "invited_new"
    token = re.search(r"reset/new\?t=([\w-]+)", told)
    assert token
    with database.scoped() as session:
        person = identity.reset_password(session, token.group(1), PASSWORD)
        assert (person.name, person.email_verified_at is not None) == ("New Here", True)
        cookie = sessions.start(session, person, second_factor=True)
        found = sessions.enter(session, cookie, firm.firm.id)
        assert found is not None
        assert found.role == "staff"


def test_somebody_who_is_here_already_is_told(firm: Firm, database: Database, vault: Vault) -> None:
    known = make.make_user(database, "Known")
    with firm.scope() as scope:
        users.create_user(scope, {"email": known.email, "name": "", "role": "reader"})
        with pytest.raises(Invalid, match=r"member\.already"):
            users.create_user(scope, {"email": known.email, "name": "", "role": "reader"})
    assert [template for template, _ in mails_to(database, vault, known.email)] == ["invited"]


def test_a_password_that_was_set_for_an_address_nobody_proved_counts_no_more(firm: Firm, database: Database) -> None:
    squatter = make.make_user(database, "Squatter", verified=False)
    with database.scoped() as session:
        session.get_one(User, squatter.id).password_hash = passwords.hash_password(PASSWORD)
        cookie = sessions.start(session, squatter, second_factor=True)
    with firm.scope() as scope:
        users.create_user(scope, {"email": squatter.email, "name": "Real", "role": "staff"})
    with database.scoped() as session:
        assert sessions.enter(session, cookie, firm.firm.id) is None
        assert identity.log_in(session, squatter.email, PASSWORD) is None


def test_without_a_name_nobody_new_comes(firm: Firm) -> None:
    with firm.scope() as scope:
        with pytest.raises(Invalid, match=r"member\.unknown"):
            users.create_user(scope, {"email": "nobody-there@example.com", "role": "staff"})
        with pytest.raises(Invalid, match=r"name\.empty"):
            users.create_user(scope, {"email": "nobody-there@example.com", "name": " ", "role": "staff"})
        with pytest.raises(Invalid, match="email"):
            users.create_user(scope, {"email": "nonsense", "name": "X", "role": "staff"})
        with pytest.raises(Invalid, match=r"role\.unknown"):
            users.create_user(scope, {"email": "x@example.com", "name": "X", "role": "owner"})


def test_nobody_makes_an_administrator_who_is_none(firm: Firm, database: Database) -> None:
    rights = {"users": ["view", "edit"], "create_user": ["view", "create"], "statements": ["view"]}
    mine = make.make_job_role(database, firm.firm, firm.other_membership, rights=rights)
    more = make.make_job_role(database, firm.firm, rights={"entries": ["view", "edit"]})
    me = {"membership_id": str(firm.other_membership.id)}
    with firm.scope(firm.other) as scope:
        for role in ("administrator", "staff", "reader"):
            with pytest.raises(Forbidden, match=r"people\.not_yours"):
                users.change_user(scope, me | {"role": role})
            with pytest.raises(Forbidden, match=r"people\.not_yours"):
                users.create_user(scope, {"email": "x@example.com", "name": "X", "role": role})
        with pytest.raises(Forbidden, match=r"people\.not_yours"):
            users.change_user(scope, me | {"job_roles": [str(mine.id), str(more.id)]})
        users.create_user(scope, {"email": "x@example.com", "name": "X", "role": "custom", "job_roles": [str(mine.id)]})


def test_one_head_remains_who_sees_every_account(firm: Firm, database: Database) -> None:
    group = make.make_group(database, firm.firm)
    head = {"membership_id": str(firm.head_membership.id)}
    with firm.scope() as scope:
        for change in ({"role": "staff"}, {"groups": [str(group.id)]}):
            with pytest.raises(Conflict, match=r"member\.last_head"):
                users.change_user(scope, head | change)
        with pytest.raises(Conflict, match=r"member\.last_head"):
            users.end_user(scope, head)
        users.change_user(scope, {"membership_id": str(firm.other_membership.id), "role": "administrator"})
        users.change_user(scope, head | {"groups": [str(group.id)]})
        with pytest.raises(Conflict, match=r"member\.last_head"):  # the other one sees some accounts alone
            users.end_user(scope, {"membership_id": str(firm.other_membership.id)})


def test_the_database_keeps_a_head_whatever_the_code_does(firm: Firm, database: Database) -> None:
    for change in ("role = 'staff'", "ended_at = now()"):
        with (
            pytest.raises(DBAPIError, match="would be left without"),
            database.scoped(Setting(tenant=firm.firm.id)) as session,
        ):
            session.execute(
                text(f"UPDATE memberships SET {change} WHERE id = :id"),  # noqa: S608 (one of the two above)
                {"id": firm.head_membership.id},
            )
    with database.scoped(Setting(tenant=firm.firm.id)) as session:
        session.add(
            Membership(tenant_id=firm.firm.id, user_id=make.make_user(database).id, role="administrator",
                       created_at=clock.now())
        )  # fmt: skip
        session.flush()
        session.get_one(Membership, (firm.firm.id, firm.head_membership.id)).role = "staff"


def test_an_assigned_person_sees_the_clients_assigned_and_no_other(firm: Firm, database: Database) -> None:
    person = make.make_user(database, "Assigned")
    make.make_member(database, firm.firm, person, "staff", assigned_only=True)
    with firm.scope(person) as scope:
        assert scope.clients == frozenset()
        assert scope.session.scalars(text("SELECT app_clients()")).all() == []
    with pytest.raises(AssertionError), firm.scope(person, firm.client):
        pass
    with database.scoped(Setting(tenant=firm.firm.id)) as session:
        session.execute(
            text("INSERT INTO assignments (tenant_id, id, client_id, user_id, starts_at, reason)"
                 " VALUES (:firm, gen_random_uuid(), :client, :user, now(), '')"),
            {"firm": firm.firm.id, "client": firm.client.id, "user": person.id},
        )  # fmt: skip
    with firm.scope(person, firm.client) as scope:
        assert scope.clients == {firm.client.id}
        assert scope.may(Permission.ENTRIES, Right.VIEW)
