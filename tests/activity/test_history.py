"""As it was on a day: written by the database with every change, and told for what was there before."""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.access import Scope
from portal.activity.history import AsItWas, as_it_was, end_of
from portal.couplings.models import Coupling
from portal.kernel import clock, migrate
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.tenants.models import Grant, Membership
from tests import factories as make
from tests.conftest import Urls
from tests.world import make_world


def _was(database: Database, tenant: uuid.UUID, moment: object = None) -> AsItWas:
    with database.scoped(Setting(tenant=tenant)) as session:
        now = session.scalar(text("SELECT clock_timestamp()"))
        return as_it_was(Scope.system(session, tenant), moment or now)  # type: ignore[arg-type]  # a moment


def test_each_change_can_be_seen_as_it_was(database: Database) -> None:
    world = make_world(database)
    moments = [clock.now()]
    for role in ("reader", "editor"):
        with database.scoped(Setting(tenant=world.client.id)) as session:
            session.query(Grant).filter_by(tenant_id=world.client.id).one().role = role
        moments.append(clock.now())
    with database.scoped(Setting(tenant=world.client.id)) as session:
        session.delete(session.query(Grant).filter_by(tenant_id=world.client.id).one())
    seen = [[row["role"] for row in _was(database, world.client.id, moment).of("grants")] for moment in moments]
    assert seen == [["editor"], ["reader"], ["editor"]]
    assert _was(database, world.client.id).of("grants") == []
    assert not _was(database, world.client.id).told


def test_what_moves_by_itself_makes_no_history(database: Database, vault: Vault) -> None:
    world = make_world(database)
    authorisation = make.make_authorisation(database, vault, world.firm, access="a", refresh="b")
    coupling = make.make_coupling(database, world.client, authorisation, number="7")
    with database.scoped(Setting(tenant=world.client.id)) as session:
        session.get_one(Coupling, (world.client.id, coupling.id)).served_at = clock.now()
    with database.scoped(Setting(tenant=world.client.id)) as session:
        count = session.scalar(text("SELECT count(*) FROM histories WHERE kind = 'couplings'"))
    assert count == 1


def test_two_changes_in_one_transaction_are_one(database: Database) -> None:
    world = make_world(database)
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        for role in ("reader", "administrator", "reader"):
            session.execute(text("UPDATE memberships SET role = :r WHERE role = 'staff' OR role = :r"), {"r": role})
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        rows = session.execute(text("SELECT key FROM histories WHERE kind = 'memberships' AND until_at IS NULL")).all()
        assert len(rows) == len(set(rows)) == 3


def test_the_application_cannot_write_history(database: Database) -> None:
    world = make_world(database)
    for statement in ("UPDATE histories SET row = '{}'", "DELETE FROM histories",
                      "INSERT INTO histories SELECT * FROM histories"):  # fmt: skip
        with pytest.raises(DBAPIError), database.scoped(Setting(tenant=world.client.id)) as session:
            session.execute(text(statement))


def test_another_account_sees_none_of_it(database: Database) -> None:
    world = make_world(database)
    with database.scoped(Setting(tenant=world.other_client.id)) as session:
        query = text("SELECT count(*) FROM histories WHERE tenant_id = :t")
        assert session.scalar(query, {"t": world.client.id}) == 0


def test_a_day_ends_at_midnight_where_the_bookkeeper_is() -> None:
    yesterday = clock.today() - timedelta(days=1)
    assert end_of(yesterday).astimezone(clock.BUSINESS_ZONE).date() == yesterday
    assert end_of(yesterday) < end_of(clock.today()) <= clock.now()


def test_rows_from_before_are_told_by_their_own_moments(fresh_database: Database, fresh_database_urls: Urls) -> None:
    """As if the migration had come later: history is taken away, and made again over rows that lived."""
    world = make_world(fresh_database)
    now = clock.now()
    began, left = now - timedelta(days=300), now - timedelta(days=100)
    with psycopg.connect(fresh_database_urls.admin, autocommit=True) as admin:
        admin.execute("UPDATE grants SET created_at = %s, activated_at = %s", (began, began + timedelta(days=5)))
        admin.execute("UPDATE memberships SET created_at = %s", (began,))
        admin.execute("UPDATE memberships SET ended_at = %s WHERE user_id = %s", (left, world.editor.id))
    before = next(name for name, after in _revisions() if after)
    migrate.downgrade(fresh_database_urls.owner, before)
    migrate.upgrade(fresh_database_urls.owner)
    client = world.client.id

    def members(days: int) -> int:
        return len(_was(fresh_database, client, now - timedelta(days=days)).of("memberships", ended_at=None))

    assert [members(days) for days in (301, 299, 101, 99)] == [0, 3, 3, 2]
    states = [
        [row["state"] for row in _was(fresh_database, client, began + timedelta(days=days)).of("grants")]
        for days in (-1, 1, 6)
    ]
    assert states == [[], ["pending"], ["active"]]
    assert _was(fresh_database, client).told
    with fresh_database.scoped(Setting(tenant=client)) as session:
        session.query(Membership).filter_by(user_id=world.client_reader.id).one().role = "editor"
    assert {row["role"] for row in _was(fresh_database, client).of("memberships", ended_at=None)} == {"owner", "editor"}


def _revisions() -> list[tuple[str, bool]]:
    """(revision, whether the next one is that of history), oldest first."""
    from alembic.script import ScriptDirectory

    scripts = list(ScriptDirectory.from_config(migrate.configuration("")).walk_revisions())[::-1]
    return [(one.revision, "History of who may do what" in (after.doc or "")) for one, after in pairwise(scripts)]
