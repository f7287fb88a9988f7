"""The chain of activities: whatever is changed, taken out or moved is found, and named."""

from __future__ import annotations

import random
import uuid

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.activity.models import ChainHead
from portal.activity.service import record, timeline, verify
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


TAMPERINGS = {
    "data": ["UPDATE activities SET data = data || jsonb_build_object('name', 'x') WHERE tenant_id = :t AND seq = :s"],
    "tag": ["UPDATE activities SET tag = 'grant.given' WHERE tenant_id = :t AND seq = :s"],
    "moment": ["UPDATE activities SET at = at - interval '1 second' WHERE tenant_id = :t AND seq = :s"],
    "who": ["UPDATE activities SET actor_name = 'Somebody' WHERE tenant_id = :t AND seq = :s"],
    "deleted": ["DELETE FROM activities WHERE tenant_id = :t AND seq = :s"],
    "hash": ["UPDATE activities SET hash = sha256(hash) WHERE tenant_id = :t AND seq = :s"],
    "swapped": [
        "UPDATE activities SET seq = -1 WHERE tenant_id = :t AND seq = :s",
        "UPDATE activities SET seq = :s WHERE tenant_id = :t AND seq = :s + 1",
        "UPDATE activities SET seq = :s + 1 WHERE tenant_id = :t AND seq = -1",
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_a_tampering_is_found(database: Database, database_urls: Urls, kind: str) -> None:
    """As a superuser with the trigger off: what only somebody with the server in hand can do."""
    tenant, links = _write(database)
    engine = create_engine(database_urls.admin.replace("postgresql://", "postgresql+psycopg://"))
    for seq in random.Random(kind).sample(links[:-1], 8):
        with Session(engine) as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in TAMPERINGS[kind]:
                session.execute(text(statement), {"t": tenant, "s": seq})
            assert list(verify(session, tenant)), f"{kind} at {seq} went unseen"
    engine.dispose()


def test_a_truncated_end_shows_against_the_exported_head(database: Database, database_urls: Urls) -> None:
    tenant, _ = _write(database)
    with database.scoped(Setting(tenant=tenant)) as session:
        head = session.get(ChainHead, tenant)
        assert head is not None
        exported = (head.seq, head.hash)
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM activities WHERE tenant_id = %s AND seq > 30", (tenant,))
        connection.execute(
            "UPDATE chain_heads h SET seq = 30, hash = (SELECT hash FROM activities a WHERE a.tenant_id = h.tenant_id"
            " AND a.seq = 30) WHERE tenant_id = %s",
            (tenant,),
        )
    with database.scoped(Setting(tenant=tenant)) as session:
        assert list(verify(session, tenant)) == []  # alone, it cannot be seen
        assert [b.reason for b in verify(session, tenant, exported)] == ["truncated"]


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
