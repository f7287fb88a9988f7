"""Deleting an account: refused before its day, whole afterwards, whatever tables there are by then."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.access import Scope
from portal.activity.anchors import drop_anchors, folder, read
from portal.activity.verifying import verify_all
from portal.archives import erasing, tables
from portal.archives.models import Erasure
from portal.authorisations import spool
from portal.couplings.models import Coupling
from portal.kernel import queue
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.vault import Place, Unreadable, Vault
from portal.tenants.models import Tenant
from tests import factories as make
from tests.conftest import Servers, Urls, make_database
from tests.furnish import furnish_client, furnish_portal
from tests.world import World, make_world

GONE, STAYS = "zqgone", "zqstays"


@dataclass(frozen=True)
class Stage:
    database: Database
    urls: Urls
    world: World

    def ask(self, tenant: Tenant) -> uuid.UUID:
        """Asked for, and the thirty days over."""
        with self.database.scoped() as session:
            scope = Scope.system(session, tenant.id, tenant.kind)
            scope.tenant_name = tenant.name
            erasure = erasing.ask(scope, tenant.name)
        with psycopg.connect(self.urls.admin, autocommit=True) as admin:
            admin.execute("UPDATE erasures SET due_at = now() - interval '1 minute' WHERE id = %s", (erasure.id,))
        return erasure.id

    def counts(self, tenant_id: uuid.UUID) -> dict[str, int]:
        """Rows of an account in every table that there is, also in those that no model knows."""
        with psycopg.connect(self.urls.admin) as admin:
            names = admin.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
                " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'tenant_id'"
            ).fetchall()
            found = {
                name: admin.execute(
                    _query("SELECT count(*) FROM {} WHERE tenant_id = %s", name), (tenant_id,)
                ).fetchone()
                for (name,) in names
            }
        return {name: row[0] for name, row in found.items() if row and row[0] and name != "erasures"}

    def anywhere(self, text_: str) -> list[str]:
        """Tables in which this text stands, whosever rows they are."""
        with psycopg.connect(self.urls.admin) as admin:
            names = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            likes = (f"%{text_}%", f"%{text_.encode().hex()}%")
            query = "SELECT count(*) FROM {0} WHERE {0}::text LIKE ANY (%s)"
            return [name for (name,) in names if admin.execute(_query(query, name), (list(likes),)).fetchone() != (0,)]


def _query(template: str, table: str) -> sql.Composed:
    return sql.SQL(template).format(sql.Identifier(table))


@pytest.fixture
def stage(servers: Servers, vault: Vault) -> Iterator[Stage]:
    urls = make_database(servers)
    database = Database(urls.app, pool_size=3)
    world = make_world(database)
    yield Stage(database, urls, world)
    database.engine.dispose()


def furnish_client_only(stage: Stage, vault: Vault) -> None:
    extra = make.make_user(stage.database, f"{GONE} Extra")
    furnish_client(stage.database, vault, stage.world.client, stage.world.firm, extra, GONE)
    furnish_portal(stage.database, vault, stage.world.firm, stage.world.client, stage.world.staff, STAYS)
    with psycopg.connect(stage.urls.admin, autocommit=True) as admin:  # the log-in that it uses is the firm's
        admin.execute("UPDATE authorisations SET name = id::text WHERE tenant_id = %s", (stage.world.firm.id,))


def _spooled(home: Path, database: Database, vault: Vault, tenant: Tenant) -> None:
    label = spool.Label(tenant.id, uuid.uuid4(), 1, uuid.uuid4())
    place = home / "spool"
    place.mkdir(parents=True, exist_ok=True)
    (place / str(label)).write_bytes(b"sealed")
    assert [found.tenant_id for found in spool.waiting(home)] == [tenant.id]


def test_nothing_of_a_client_account_remains(
    stage: Stage, vault: Vault, tmp_path: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = stage.world.client
    furnish_client_only(stage, vault)
    place = Place("x", client.id, client.id, "x")
    with stage.database.scoped(Setting(tenant=client.id)) as session:
        sealed = vault.seal(session, place, "a secret")
    _spooled(tmp_path, stage.database, vault, client)
    queue.connect(servers.redis_url)
    try:
        bells = Queue("sync", connection=queue.connection(), serializer=JSONSerializer)
        bells.delete(delete_jobs=True)
        bells.enqueue("portal.jobs.sync.run", str(client.id), str(uuid.uuid4()))
        bells.enqueue("portal.jobs.sync.run", str(stage.world.shut_client.id), str(uuid.uuid4()))
        before, firm_before = stage.counts(client.id), stage.counts(stage.world.firm.id)
        assert before.keys() | firm_before.keys() >= {table.name for table in tables.tables()}, (
            "furnish a row for these"
        )
        assert erasing.erase(stage.database, tmp_path, client.id, stage.ask(client))
        assert [job.args[0] for job in bells.jobs] == [str(stage.world.shut_client.id)]
    finally:
        queue.connect(None)
    assert stage.counts(client.id) == {}
    assert stage.anywhere(GONE) == []
    assert stage.anywhere(client.name) == []
    assert list(spool.waiting(tmp_path)) == []
    with pytest.raises(Unreadable), stage.database.scoped(Setting(tenant=client.id)) as session:
        Vault(list(vault._keks.values())).open(session, place, sealed)
    lost = {name: (count, stage.counts(stage.world.firm.id).get(name, 0)) for name, count in firm_before.items()}
    assert {name for name, (was, is_) in lost.items() if was != is_} <= _of_other_accounts()


def _of_other_accounts() -> set[str]:
    """Tables with rows of a firm about one of its clients, and what hangs on those; they go with the client."""
    found = {"tenants"}
    while True:
        more = {
            table.name
            for table in tables.tenant_tables()
            for key in table.foreign_key_constraints
            if key.referred_table.name in found
            and (key.referred_table.name != "tenants" or key.column_keys != ["tenant_id"])
        } - found
        if not more:
            return found
        found |= more


def test_a_firm_goes_and_its_clients_keep_their_books(stage: Stage, vault: Vault, tmp_path: Path) -> None:
    extra = make.make_user(stage.database, "Extra")
    furnish_client(stage.database, vault, stage.world.client, stage.world.firm, extra, STAYS)
    furnish_portal(stage.database, vault, stage.world.firm, stage.world.client, stage.world.staff, GONE)
    firm, client = stage.world.firm, stage.world.client
    before = stage.counts(client.id)
    assert erasing.erase(stage.database, tmp_path, firm.id, stage.ask(firm))
    assert stage.counts(firm.id) == {}
    assert stage.anywhere(GONE) == []
    after = stage.counts(client.id)
    assert {name: count for name, count in before.items() if after.get(name, 0) < count} == {}
    with stage.database.scoped(Setting(tenant=client.id)) as session:
        coupling = session.query(Coupling).one()
        assert (coupling.state, coupling.authorisation_tenant_id) == ("ended", client.id)


def test_people_who_belong_elsewhere_stay(stage: Stage, tmp_path: Path) -> None:
    both, only = (make.make_user(stage.database, name) for name in ("In both", "Only here"))
    one = make.make_tenant(stage.database, "client", "One", members={both: "owner", only: "editor"})
    make.make_tenant(stage.database, "client", "Two", members={both: "owner"})
    assert erasing.erase(stage.database, tmp_path, one.id, stage.ask(one))
    with stage.database.scoped() as session:
        left = session.scalars(text("SELECT name FROM users WHERE id = ANY(:ids)"), {"ids": [both.id, only.id]}).all()
    assert left == ["In both"]


def test_it_goes_on_where_it_was_killed(
    stage: Stage, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish_client_only(stage, vault)
    erasure, real, calls = stage.ask(stage.world.client), erasing._remove, 0

    def dies(*args: object) -> None:
        nonlocal calls
        calls += 1
        if calls % 9 == 0:
            raise KeyboardInterrupt
        real(*args)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(erasing, "_remove", dies)
    deaths = 0
    while True:
        try:
            done = erasing.erase(stage.database, tmp_path, stage.world.client.id, erasure)
            break
        except KeyboardInterrupt:
            deaths += 1
            monkeypatch.setattr(erasing, "_remove", dies if deaths < 4 else real)
    assert done
    assert deaths == 4
    assert stage.counts(stage.world.client.id) == {}
    assert not erasing.erase(stage.database, tmp_path, stage.world.client.id, erasure)


def test_the_log_says_that_it_went_with_its_account(stage: Stage, vault: Vault, tmp_path: Path) -> None:
    furnish_client_only(stage, vault)
    client = stage.world.client.id
    drop_anchors(stage.database, tmp_path)
    erasure = stage.ask(stage.world.client)
    assert erasing.erase(stage.database, tmp_path, client, erasure)
    anchors = read(folder(tmp_path))
    assert client in anchors
    assert list(verify_all(stage.database, anchors)) == []
    with stage.database.scoped(Setting(tenant=client)) as session:
        row = session.get_one(Erasure, (client, erasure))
        assert row.state == "done"
        assert row.counts["statement_lines"] == 2
        assert GONE not in str(vars(row))
    with psycopg.connect(stage.urls.admin, autocommit=True) as admin:
        admin.execute("UPDATE erasures SET seal = sha256(seal) WHERE id = %s", (erasure,))
    assert [found.reason for found in verify_all(stage.database, anchors)] == ["gone"]


def test_the_database_itself_refuses_before_the_day(stage: Stage, tmp_path: Path) -> None:
    client = stage.world.client
    with stage.database.scoped() as session:
        scope = Scope.system(session, client.id)
        scope.tenant_name = client.name
        erasure = erasing.ask(scope, client.name)
    assert not erasing.erase(stage.database, tmp_path, client.id, erasure.id)
    for statement in ("SELECT erase_rows('memberships', :t)", "SELECT let_go_of(:t, now())",
                      "SELECT erase_people(ARRAY[]::uuid[], :t)"):  # fmt: skip
        with pytest.raises(DBAPIError, match="not due"), stage.database.scoped(Setting(tenant=client.id)) as session:
            session.execute(text(statement), {"t": client.id})
    assert stage.counts(client.id)["memberships"] == 3


def test_it_is_asked_by_name_once_and_can_be_taken_back(stage: Stage, tmp_path: Path) -> None:
    client = stage.world.client
    with stage.database.scoped() as session:
        scope = Scope.system(session, client.id)
        scope.tenant_name = client.name
        with pytest.raises(Invalid, match="name"):
            erasing.ask(scope, "Boulangerie")
        erasing.ask(scope, client.name.upper() + " ")
        session.flush()
        with pytest.raises(Conflict, match="asked_already"):
            erasing.ask(scope, client.name)
        erasing.cancel(scope)
        session.flush()
        with pytest.raises(Conflict, match="none"):
            erasing.cancel(scope)
        again = erasing.ask(scope, client.name)
    assert not erasing.erase(stage.database, tmp_path, client.id, again.id)


REACHES_IN = """
SELECT c.conrelid::regclass::text || '.' || string_agg(a.attname, ',') FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
WHERE c.contype = 'f' AND c.confdeltype = 'a' AND c.connamespace = 'public'::regnamespace
  AND (c.confrelid = 'tenants'::regclass OR EXISTS (SELECT 1 FROM pg_attribute t
    WHERE t.attrelid = c.confrelid AND t.attname = 'tenant_id' AND t.attnum = ANY (c.confkey)))
GROUP BY c.oid, c.conrelid HAVING NOT bool_or(a.attname = 'tenant_id')
"""
LET_GO = {
    "grants.portal_id", "feeds.via_id", "couplings.authorisation_tenant_id,authorisation_id",
    "account_group_accounts.client_id,bank_account_id",
}  # fmt: skip


def test_what_reaches_into_another_account_is_let_go_of(database_urls: Urls) -> None:
    """A foreign key from one account to another either cascades or is treated by let_go_of()."""
    with psycopg.connect(database_urls.admin) as admin:
        found = {row[0] for row in admin.execute(REACHES_IN)}
    assert found - LET_GO == set(), "let ON DELETE CASCADE do it, or add it to let_go_of()"


def test_the_application_does_not_shorten_the_thirty_days(database: Database) -> None:
    """Not by a date of its own, not by moving one, and not by bringing back what was taken back."""
    tenant = make.make_tenant(database, "client", "Doomed")
    row = text(
        "INSERT INTO erasures (tenant_id, id, kind, state, asked_at, due_at, counts)"
        " VALUES (:tenant, :id, 'client', 'held', now(), now() + :days * interval '1 day', '{}')"
    )
    asked = {"tenant": tenant.id, "id": uuid.uuid4()}
    here = Setting(tenant=tenant.id)
    with pytest.raises(DBAPIError, match="thirty days are left"), database.scoped(here) as session:
        session.execute(row, asked | {"days": 0})
    with database.scoped(here) as session:
        session.execute(row, asked | {"days": 30})
    with pytest.raises(DBAPIError, match="permission denied"), database.scoped(here) as session:
        session.execute(text("UPDATE erasures SET due_at = now()"))
    with database.scoped(here) as session:
        session.execute(text("UPDATE erasures SET state = 'cancelled', ended_at = now()"))
    with pytest.raises(DBAPIError, match="is over"), database.scoped(here) as session:
        session.execute(text("UPDATE erasures SET state = 'held', ended_at = NULL"))
