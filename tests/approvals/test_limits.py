"""People with account groups see what waits as far as they see what it is about."""

from __future__ import annotations

import uuid

import psycopg
import pytest
from psycopg import sql

from portal.approvals.models import Decision, Task, Version
from portal.kernel import clock
from portal.kernel.db import SET_SCOPE, Database, Setting, uuid7
from portal.kernel.roles import APP, plain_url
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount
from portal.tenants.models import Tenant
from tests import factories as make
from tests.conftest import Urls
from tests.furnish import furnish_client
from tests.world import make_world

TABLES = {"approval_tasks": "id", "approval_versions": "task_id", "approval_decisions": "task_id"}


def task_about(db: Database, client: Tenant, entry: uuid.UUID) -> uuid.UUID:
    """An entry waits to be sent; one of two has approved."""
    now, task_id, common = clock.now(), uuid7(), {"tenant_id": client.id}
    maker, other = make.make_user(db), make.make_user(db)
    make.make_member(db, client, other, "owner")
    with db.scoped(Setting(tenant=client.id, user=maker.id)) as session:
        session.add(
            Task(**common, id=task_id, kind="entry.send", permission="entries", subject_kind="entry", subject_id=entry,
                 version=1, needed=2, values={}, created_at=now, expires_at=now.replace(year=now.year + 1))
        )  # fmt: skip
        session.flush()
        session.add(
            Version(**common, task_id=task_id, version=1, payload={}, subject_state="", shown={}, changes=[],
                    sha256=b"x", made_by=maker.id, made_name="Maker", made_at=now)
        )  # fmt: skip
    with db.scoped(Setting(tenant=client.id, user=other.id)) as session:
        session.add(
            Decision(**common, id=uuid7(), task_id=task_id, version=1, sha256=b"x", verdict="approved",
                     user_id=other.id, user_name="Other", own_work=False, decided_at=now)
        )  # fmt: skip
    return task_id


@pytest.mark.parametrize("table", TABLES)
def test_a_task_about_an_entry_is_seen_with_its_account(
    database: Database, vault: Vault, database_urls: Urls, table: str
) -> None:
    world = make_world(database)
    ids = furnish_client(database, vault, world.client, world.firm, world.stranger)
    task_id = task_about(database, world.client, ids["draft_id"])
    with database.scoped(Setting(tenant=world.client.id)) as session:
        account = session.get_one(BankAccount, (world.client.id, ids["account_id"]))
    inside, outside = (make.make_user(database) for _ in range(2))
    make.make_group(database, world.client, make.make_member(database, world.client, inside), accounts=[account])
    make.make_group(database, world.client, make.make_member(database, world.client, outside))

    def seen(connection: psycopg.Connection[tuple[int]], user: uuid.UUID) -> int:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(APP)))
        connection.execute(SET_SCOPE, Setting(tenant=world.client.id, user=user).parameters())
        query = sql.SQL("SELECT count(*) FROM {} WHERE {} = %s")
        found = connection.execute(query.format(sql.Identifier(table), sql.Identifier(TABLES[table])), (task_id,))
        row = found.fetchone()
        connection.execute("RESET ROLE")
        assert row is not None
        return row[0]

    with psycopg.connect(plain_url(database_urls.admin)) as connection:
        assert [seen(connection, one.id) for one in (inside, outside, world.owner)] == [1, 0, 1]
        connection.execute(sql.SQL("DROP POLICY subject ON {}").format(sql.Identifier(table)))
        without = seen(connection, outside.id)
        assert without == 1
        connection.rollback()
