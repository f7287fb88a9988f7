"""An owner takes over the account that a firm made: who was asked decides, once, and nobody else."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.access import Scope
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Forbidden, NotFound
from portal.kernel.vault import Vault
from portal.team import newcomers, takeovers
from portal.tenants.models import Grant, Management, Membership, Takeover, Tenant
from portal.tenants.service import Details
from tests import factories as make
from tests.team.test_newcomers import numbers
from tests.world import World, make_world

BASE = "https://portal.example"


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


@contextmanager
def office(db: Database, firm: Tenant, user: User, role: str = "staff") -> Iterator[Scope]:
    with db.scoped(Setting(tenant=firm.id, portal=firm.id, user=user.id)) as session:
        yield make.scope_in(session, firm, role, user)


@pytest.fixture
def made(database: Database, world: World) -> uuid.UUID:
    with office(database, world.firm, world.staff) as scope:
        return newcomers.make_one(scope, Details("Bakkerij", "kbo", numbers(1)[0]))


def ask(db: Database, vault: Vault, world: World, client: uuid.UUID, email: str) -> uuid.UUID:
    with office(db, world.firm, world.staff) as scope:
        return takeovers.invite(scope, vault, client, email, "nl-BE", BASE).id


def decide(db: Database, user: User, takeover: uuid.UUID, *, yes: bool) -> None:
    with db.scoped(Setting(user=user.id)) as session:
        takeovers.decide(session, session.get_one(User, user.id), takeover, yes=yes)


def test_the_person_who_was_asked_becomes_the_owner_and_the_firm_stays(
    database: Database, vault: Vault, world: World, made: uuid.UUID
) -> None:
    takeover = ask(database, vault, world, made, world.stranger.email.upper())
    for other in (world.owner, world.rival_staff, world.staff):
        with pytest.raises(NotFound):
            decide(database, other, takeover, yes=True)
    with database.scoped(Setting(user=world.stranger.id)) as session:
        [asked] = takeovers.asked_of(session, world.stranger)
        assert (asked.client_name, asked.firm_name) == ("Bakkerij", world.firm.name)
    decide(database, world.stranger, takeover, yes=True)
    with database.scoped(Setting(tenant=made)) as session:
        [owner] = session.scalars(select(Membership)).all()
        assert (owner.user_id, owner.role) == (world.stranger.id, "owner")
        assert session.scalars(select(Grant.state)).all() == ["active"]
        assert session.scalars(select(Management)).one().stops_on == clock.today()
    with pytest.raises(NotFound):
        decide(database, world.stranger, takeover, yes=True)


def test_declined_or_withdrawn_or_too_late_it_cannot_be_taken(
    database: Database, vault: Vault, world: World, made: uuid.UUID
) -> None:
    first = ask(database, vault, world, made, world.stranger.email)
    decide(database, world.stranger, first, yes=False)
    second = ask(database, vault, world, made, world.stranger.email)
    with office(database, world.firm, world.staff) as scope:
        takeovers.withdraw(scope, made)
    third = ask(database, vault, world, made, world.stranger.email)
    with database.scoped(Setting(tenant=made)) as session:
        session.execute(update(Takeover).where(Takeover.id == third).values(ends_at=clock.now() - timedelta(seconds=1)))
    for takeover in (first, second, third):
        with pytest.raises(NotFound):
            decide(database, world.stranger, takeover, yes=True)
    fourth = ask(database, vault, world, made, world.stranger.email)  # the one before it is over
    decide(database, world.stranger, fourth, yes=True)


def test_asked_once_at_a_time_and_never_where_there_is_an_owner(
    database: Database, vault: Vault, world: World, made: uuid.UUID
) -> None:
    takeover = ask(database, vault, world, made, world.stranger.email)
    with pytest.raises(Conflict) as refused:
        ask(database, vault, world, made, "other@example.com")
    assert refused.value.code == "takeover.asked_already"
    decide(database, world.stranger, takeover, yes=True)
    with pytest.raises(Conflict) as refused:
        ask(database, vault, world, made, "other@example.com")
    assert refused.value.code == "takeover.not_managed"


def test_a_firm_gives_away_only_what_it_manages(database: Database, vault: Vault, world: World) -> None:
    with pytest.raises(Conflict) as refused:
        ask(database, vault, world, world.client.id, "heir@example.com")
    assert refused.value.code == "takeover.not_managed"
    with pytest.raises(NotFound):
        ask(database, vault, world, world.other_client.id, "heir@example.com")
    with office(database, world.firm, world.reader, "reader") as scope, pytest.raises(Forbidden):
        takeovers.invite(scope, vault, world.client.id, "heir@example.com", "nl-BE", BASE)


def test_two_answers_at_the_same_moment_make_one_owner(
    database: Database, vault: Vault, world: World, made: uuid.UUID
) -> None:
    takeover = ask(database, vault, world, made, world.stranger.email)
    results: list[str] = []

    def answer() -> None:
        try:
            decide(database, world.stranger, takeover, yes=True)
            results.append("taken")
        except NotFound:
            results.append("over")

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["over", "over", "over", "taken"]
    with database.scoped(Setting(tenant=made)) as session:
        assert len(session.scalars(select(Membership)).all()) == 1
