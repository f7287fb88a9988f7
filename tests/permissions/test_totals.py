"""Neither counts nor the history nor the log tell somebody with account groups of accounts outside them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.access import Actor, Scope
from portal.activity.history import as_it_was
from portal.activity.service import record, timeline
from portal.exchange.reading import show
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount
from tests import factories as make
from tests.conftest import Urls
from tests.furnish import furnish_client, furnish_portal
from tests.world import World, make_world


@dataclass(frozen=True)
class Scene:
    world: World
    ids: dict[str, uuid.UUID]
    mine: BankAccount
    limited: User  # to `mine`, in the client account and in the firm
    urls: Urls

    def setting(self, who: User, *, portal: bool = False) -> Setting:
        firm = self.world.firm.id
        return Setting(tenant=firm, portal=firm, user=who.id) if portal else Setting(self.world.client.id, user=who.id)


@pytest.fixture(scope="module")
def scene(database: Database, vault: Vault, database_urls: Urls) -> Scene:
    world, limited = make_world(database), make.make_user(database)
    ids = furnish_client(database, vault, world.client, world.firm, make.make_user(database))
    mine = make.make_bank_account(database, world.client)
    for tenant, role in ((world.client, "editor"), (world.firm, "administrator")):
        make.make_group(database, tenant, make.make_member(database, tenant, limited, role), accounts=[mine])
    return Scene(world, ids, mine, limited, database_urls)


def scope_of(session: Session, scene: Scene, who: User) -> Scope:
    return Scope(session, scene.world.client.id, "client", "editor", Actor(who.id, who.name))


def rows(database: Database, setting: Setting, query: str, **values: object) -> list[object]:
    with database.scoped(setting) as session:
        return list(session.execute(text(query), values).scalars())


@pytest.mark.parametrize("portal", [False, True])
def test_no_standing_counts_lines_of_other_accounts(scene: Scene, database: Database, portal: bool) -> None:
    asked = "SELECT tenant_id FROM standings WHERE tenant_id = :client"
    client = scene.world.client.id
    whole = scene.world.administrator if portal else scene.world.owner
    assert rows(database, scene.setting(whole, portal=portal), asked, client=client) == [client]
    assert rows(database, scene.setting(scene.limited, portal=portal), asked, client=client) == []


def test_a_client_that_is_seen_whole_has_its_standing(scene: Scene, database: Database, database_urls: Urls) -> None:
    client = make.make_tenant(database, "client", "Bakker")
    make.make_grant(database, client, scene.world.firm)
    account, person = make.make_bank_account(database, client), make.make_user(database)
    make.make_group(database, client, make.make_member(database, client, person, "editor"), accounts=[account])
    with database.scoped(Setting(client.id)) as session:
        session.execute(text("SELECT refresh_standing(:client, now())"), {"client": client.id})
    asked = "SELECT tenant_id FROM standings"
    assert rows(database, Setting(client.id, user=person.id), asked) == [client.id]


def test_history_tells_of_no_other_account(scene: Scene, database: Database) -> None:
    hidden = scene.ids["account_id"]
    for who, expected in ((scene.world.owner, True), (scene.limited, False)):
        with database.scoped(scene.setting(who)) as session:
            was = as_it_was(scope_of(session, scene, who), clock.now())
        told = {row["bank_account_id"] for row in was.of("configurations")}
        assert (str(hidden) in told) is expected
        assert was.of("memberships")


def test_the_log_tells_of_no_task_about_another_account(scene: Scene, database: Database) -> None:
    """Its title holds the reference of the entry, and its diff the total."""
    client, task = scene.world.client, uuid7()
    with psycopg.connect(scene.urls.admin) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            "INSERT INTO approval_tasks (tenant_id, id, kind, permission, subject_kind, subject_id, version, needed,"
            " state, code, values, created_at, expires_at, told) VALUES (%s, %s, 'entry.send', 'entries', 'entry', %s,"
            " 1, 1, 'waiting', '', '{}', now(), now() + interval '1 day', 0)",
            (client.id, task, scene.ids["entry_id"]),
        )
    with database.scoped(Setting(client.id)) as session:
        record(make.scope_in(session, client), "approval.submitted", ("approval", task), shown={"reference": "KPX-1"})
    for who, expected in ((scene.world.owner, 1), (scene.limited, 0)):
        with database.scoped(scene.setting(who)) as session:
            found = timeline(scope_of(session, scene, who), task)
        assert len(found) == expected


def test_what_is_billed_names_no_other_account(scene: Scene, database: Database) -> None:
    firm, client, invoice = scene.world.firm.id, scene.world.client.id, uuid7()
    with psycopg.connect(scene.urls.admin) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        account = connection.execute(
            "SELECT id FROM feed_accounts WHERE tenant_id = %s AND bank_account_id = %s",
            (client, scene.ids["account_id"]),
        ).fetchone()
        assert account
        for item, subject in (("client_account", client), ("ponto_account", account[0])):
            connection.execute(
                "INSERT INTO usages (tenant_id, id, invoice_id, position, item, client_id, client_name, subject_id,"
                " subject_name, month, days, of_days, price, net) VALUES (%s, %s, %s, 1, %s, %s, '', %s, '', now(),"
                " 1, 30, 1, 1)",
                (firm, uuid7(), invoice, item, client, subject),
            )
    asked = "SELECT item FROM usages WHERE invoice_id = :invoice ORDER BY item"
    whole = rows(database, scene.setting(scene.world.administrator, portal=True), asked, invoice=invoice)
    assert whole == ["client_account", "ponto_account"]
    assert rows(database, scene.setting(scene.limited, portal=True), asked, invoice=invoice) == ["client_account"]


def test_no_entry_of_another_account_is_listed_as_waiting_for_a_file(
    scene: Scene, database: Database, vault: Vault
) -> None:
    ids = furnish_portal(database, vault, scene.world.firm, scene.world.client, scene.world.staff)
    for who, expected in ((scene.world.administrator, 1), (scene.limited, 0)):
        with database.scoped(scene.setting(who, portal=True)) as session:
            limited = frozenset({scene.mine.id}) if who is scene.limited else None
            here = Scope(session, scene.world.firm.id, "portal", "administrator", Actor(who.id, who.name),
                         accounts=limited)  # fmt: skip
            assert len(show(here, ids["file_dossier_id"]).waiting) == expected
