"""What row-level security does, tried as the application role."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from portal.kernel.db import Database, Setting
from portal.tenants.models import Tenant
from tests import factories as make
from tests.world import make_world


def test_without_a_scope_nothing_is_seen(database: Database) -> None:
    make_world(database)
    assert make.backdoor(database, "SELECT id FROM tenants") == []


def test_a_tenant_sees_itself_and_a_portal_its_granted_clients(database: Database) -> None:
    world = make_world(database)
    with database.scoped(Setting(tenant=world.firm.id, portal=world.firm.id)) as session:
        assert set(session.scalars(select(Tenant.id))) == {world.firm.id, world.client.id}
    with database.scoped(Setting(tenant=world.client.id)) as session:
        assert set(session.scalars(select(Tenant.id))) == {world.client.id, world.firm.id}


def test_a_portal_reads_but_does_not_write_its_clients(database: Database) -> None:
    world = make_world(database)
    with database.scoped(Setting(tenant=world.firm.id, portal=world.firm.id)) as session:
        changed = session.execute(text("UPDATE tenants SET name = 'x' WHERE id = :i"), {"i": world.client.id})
        assert changed.rowcount == 0  # type: ignore[attr-defined]  # a DML result always has it


def test_a_row_of_another_tenant_cannot_be_made(database: Database) -> None:
    world = make_world(database)
    with (
        pytest.raises(DBAPIError, match="row-level security"),
        database.scoped(Setting(tenant=world.firm.id)) as session,
    ):
        session.execute(
            text("INSERT INTO chain_heads (tenant_id, seq, hash) VALUES (:t, 0, '')"), {"t": world.client.id}
        )


def test_a_returned_connection_forgets_its_tenant(database: Database) -> None:
    world = make_world(database)
    with database.scoped(Setting(tenant=world.client.id)) as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    for _ in range(20):
        with database.scoped() as session:
            same = session.scalar(text("SELECT pg_backend_pid()")) == pid
            assert session.scalars(select(Tenant.id)).all() == []
        if same:
            return
    pytest.fail("the same connection never came back")


def test_every_tenant_table_is_locked(database: Database) -> None:
    with database.scoped() as session:
        open_tables = session.scalars(
            text(
                "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
                " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
                " AND NOT (c.relrowsecurity AND c.relforcerowsecurity"
                "          AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))"
            )
        ).all()
    assert open_tables == []
