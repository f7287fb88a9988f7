"""The chain of activities: whatever is changed, taken out or moved is found, and named."""

from __future__ import annotations

import uuid
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.access import Scope
from portal.activity.anchors import BadAnchor, drop_anchors, folder, read
from portal.activity.chain import seal, seal_of, verify
from portal.activity.models import ChainHead
from portal.activity.service import record, timeline
from portal.kernel.db import Database, Setting
from tests import factories as make
from tests.conftest import Urls
from tests.world import make_world

LINKS = 40


def _write(database: Database) -> tuple[uuid.UUID, list[int]]:
    world = make_world(database)
    with database.scoped() as session:
        scope = make.scope_in(session, world.client, "owner", world.owner)
        for n in range(LINKS):
            record(scope, "tenant.edited", ("tenant", world.client.id), before=str(n), name=f"n{n} “é”")
    with database.scoped(Setting(tenant=world.client.id)) as session:
        assert list(verify(session, world.client.id)) == []
    return world.client.id, list(range(1, LINKS + 1))


def _cut(database: Database, admin: str, *, seal: bytes) -> tuple[uuid.UUID, dict[int, bytes]]:
    """A chain whose last ten links are taken off and whose head is set back, and what was anchored of it."""
    tenant, _ = _write(database)
    with database.scoped(Setting(tenant=tenant)) as session:
        head = session.get_one(ChainHead, tenant)
        anchored = {head.seq: head.hash}
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM activities WHERE tenant_id = %s AND seq > 30", (tenant,))
        last = connection.execute("SELECT hash FROM activities WHERE tenant_id = %s AND seq = 30", (tenant,)).fetchone()
        assert last is not None
        connection.execute(
            "UPDATE chain_heads SET seq = 30, hash = %s, seal = %s WHERE tenant_id = %s",
            (last[0], seal or seal_of(tenant, 30, last[0]), tenant),
        )
    return tenant, anchored


def _reasons(database: Database, tenant: uuid.UUID, anchored: dict[int, bytes] | None = None) -> list[str]:
    with database.scoped(Setting(tenant=tenant)) as session:
        return [found.reason for found in verify(session, tenant, anchored)]


def test_a_cut_end_shows_by_the_seal_of_the_head(database: Database, database_urls: Urls) -> None:
    tenant, _ = _cut(database, database_urls.admin, seal=b"x" * 32)
    assert _reasons(database, tenant) == ["seal"]


def test_a_cut_end_with_an_older_genuine_head_shows_by_the_anchor(database: Database, database_urls: Urls) -> None:
    tenant, anchored = _cut(database, database_urls.admin, seal=b"")
    assert _reasons(database, tenant) == []  # alone, it cannot be seen
    assert _reasons(database, tenant, anchored) == ["truncated"]


def test_work_goes_on_after_a_tampering_and_does_not_hide_it(database: Database, database_urls: Urls) -> None:
    tenant, _ = _cut(database, database_urls.admin, seal=b"x" * 32)
    with database.scoped(Setting(tenant=tenant)) as session:
        record(Scope.system(session, tenant), "tenant.edited", ("tenant", tenant), name="later")
    assert _reasons(database, tenant) == ["seal"]
    with database.scoped(Setting(tenant=tenant)) as session:
        assert not seal(session, tenant)


def test_a_head_of_before_the_seals_is_sealed_once(database: Database, database_urls: Urls) -> None:
    tenant, _ = _write(database)
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute("UPDATE chain_heads SET seal = NULL WHERE tenant_id = %s", (tenant,))
    assert _reasons(database, tenant) == ["unsealed"]
    for done in (True, False):
        with database.scoped(Setting(tenant=tenant)) as session:
            assert seal(session, tenant) is done
    assert _reasons(database, tenant) == []


def test_anchors_are_appended_once_and_a_changed_line_is_refused(fresh_database: Database, tmp_path: Path) -> None:
    tenant, _ = _write(fresh_database)
    assert drop_anchors(fresh_database, tmp_path) >= 1
    assert drop_anchors(fresh_database, tmp_path) == 0
    assert list(read(folder(tmp_path))[tenant]) == [LINKS]
    (file,) = folder(tmp_path).iterdir()
    file.write_text(file.read_text().replace(f'"seq": {LINKS}', '"seq": 7'))
    with pytest.raises(BadAnchor, match=f"{file.name}:1"):
        read(folder(tmp_path))


def test_the_application_itself_cannot_change_what_was_written(database: Database) -> None:
    tenant, _ = _write(database)
    for statement in ("UPDATE activities SET tag = 'x'", "DELETE FROM activities"):
        with pytest.raises(DBAPIError), database.scoped(Setting(tenant=tenant)) as session:
            session.execute(text(statement))


def test_the_timeline_is_newest_first_and_knows_its_record(database: Database) -> None:
    world = make_world(database)
    with database.scoped() as session:
        scope = make.scope_in(session, world.client, "owner", world.owner)
        record(scope, "grant.given", ("grant", world.firm.id), email="a")
        record(scope, "tenant.edited", ("tenant", world.client.id), context=world.firm.id)
        record(scope, "grant.given", ("grant", world.rival.id), email="b")
        assert [row.tag for row in timeline(scope, world.firm.id)] == ["tenant.edited", "grant.given"]
        assert timeline(scope)[0].data["email"] == "b"
        assert timeline(scope)[0].actor_name == world.owner.name
