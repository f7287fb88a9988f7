"""Every policy is needed, and none lets too much through: take one away or open one, and a probe goes red.

A probe looks into one table in one scope and counts: rows that should be there, and rows
of strangers. Each mutant lives in a transaction that is rolled back.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from portal.kernel.db import Database, Setting
from portal.kernel.errors import NotFound
from portal.kernel.roles import APP
from portal.kernel.vault import NO_TENANT, Place, Vault
from portal.models import metadata
from tests import factories as make
from tests.conftest import Urls, make_database
from tests.furnish import furnish_client, furnish_portal
from tests.world import World, make_world


@dataclass(frozen=True)
class Scene:
    admin_url: str
    world: World
    mine: dict[str, uuid.UUID]
    shut_out: uuid.UUID  # somebody of the client and of the firm whose account groups are empty
    limited: uuid.UUID  # somebody of the client whose group holds the account with everything on it


@pytest.fixture(scope="module")
def scene(request: pytest.FixtureRequest, vault: Vault) -> Iterator[Scene]:
    urls: Urls = make_database(request.getfixturevalue("servers"))
    database = Database(urls.app, pool_size=2)
    world = make_world(database)
    mine = furnish_client(database, vault, world.client, world.firm, world.stranger)
    furnish_client(database, vault, world.other_client, world.rival, world.stranger)
    furnish_portal(database, vault, world.firm, world.client, world.staff)
    furnish_portal(database, vault, world.rival, world.other_client, world.rival_staff)
    with database.scoped(Setting(tenant=world.client.id)) as session:
        vault.seal(session, Place("x", world.client.id, world.client.id, "x"), "x")
    with database.scoped(Setting(tenant=world.other_client.id)) as session:
        vault.seal(session, Place("x", world.other_client.id, world.other_client.id, "x"), "x")
    with database.scoped() as session:
        vault.seal(session, Place("mails", NO_TENANT, world.client.id, "x"), "x")
    shut_out = make.make_user(database)
    for tenant in (world.client, world.firm):
        make.make_group(database, tenant, make.make_member(database, tenant, shut_out))
    yield Scene(urls.admin, world, mine, shut_out.id, world.stranger.id)
    database.engine.dispose()


@contextmanager
def as_admin(scene: Scene) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(scene.admin_url) as connection:
        yield connection
        connection.rollback()


def count(
    connection: psycopg.Connection[Any], table: str, column: str, tenants: list[uuid.UUID], **scope: object
) -> int:
    """Rows of these tenants that the application sees in this scope."""
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(APP)))
    for name in ("tenant", "portal", "via", "user", "software"):
        connection.execute("SELECT set_config(%s, %s, true)", (f"app.{name}", str(scope.get(name) or "")))
    query = sql.SQL("SELECT count(*) FROM {} WHERE {} = ANY(%s)").format(sql.Identifier(table), sql.Identifier(column))
    row = connection.execute(query, (tenants,)).fetchone()
    connection.execute("RESET ROLE")
    assert row is not None
    return int(row[0])


def probes(connection: psycopg.Connection[Any], scene: Scene, table: str) -> list[str]:
    """What is wrong in this table, in words; nothing when isolation holds and work is possible."""
    world, column = scene.world, "id" if table == "tenants" else "tenant_id"
    client, firm = world.client.id, world.firm.id
    strangers = [world.other_client.id, world.rival.id, world.shut_client.id]
    wrong = []
    scopes: list[tuple[str, dict[str, object]]] = [
        ("nobody", {}),
        ("the client", {"tenant": client, "via": firm, "user": world.staff.id}),
        ("the portal", {"tenant": firm, "portal": firm, "user": world.staff.id}),
    ]
    for who, scope in scopes:
        if count(connection, table, column, strangers, **scope):
            wrong.append(f"{who} sees rows of strangers")
        if who == "nobody" and count(connection, table, column, [client, firm]):
            wrong.append("nobody sees rows")
    for tenant, where, scope in EXPECTED.get(table, [("client", "its own scope", _CLIENT)]):
        scope = {
            key: getattr(world, str(value)).id if isinstance(value, str) else value for key, value in scope.items()
        }
        if not count(connection, table, column, [getattr(world, tenant).id], **scope):
            wrong.append(f"{tenant} is not seen in {where}")
    if table in OF_ACCOUNTS:
        if any(count(connection, table, column, [client], **scope, user=scene.shut_out) for scope in (
            {"tenant": client}, {"tenant": firm, "portal": firm}, {"tenant": client, "via": firm},
        )):  # fmt: skip
            wrong.append("somebody without accounts sees some")
        if not count(connection, table, column, [client], tenant=client, user=scene.limited):
            wrong.append("somebody does not see the account of their group")
    software = scene.mine["client_software_user"]
    if table in OF_SOFTWARE:
        if not count(connection, table, column, [client], software=software):
            wrong.append("software does not see the account of its group")
        if count(connection, table, column, [firm, *strangers], software=software):
            wrong.append("software sees rows of strangers")
    if table == "software_users" and not count(connection, table, column, [client], user=software):
        wrong.append("software does not see its own row")
    if table == "data_keys" and not count(connection, table, column, [NO_TENANT]):
        wrong.append("the installation's own keys are not seen")
    return wrong


# What tells of one bank account: read by those alone whose groups it is in.
OF_ACCOUNTS = (
    "bank_accounts", "statements", "statement_lines", "line_sources", "pending_lines", "line_changes",
    "deleted_lines", "account_answers", "feed_accounts", "configurations", "parked_files", "entries", "entry_lines",
    "postings", "runs", "matches", "feed_fetches", "feed_visits", "feed_reminders", "renewal_links", "imports",
    "feeds", "comparisons", "standings", "feed_spans",
)  # fmt: skip
# What software reads by its groups, with no tenant set.
OF_SOFTWARE = ("bank_accounts", "statements", "statement_lines", "tenants")
_PORTAL: dict[str, object] = {"tenant": "firm", "portal": "firm"}
Probe = tuple[str, str, dict[str, object]]
_OF_FIRM: list[Probe] = [("firm", "its own scope", _PORTAL)]
_CLIENT: dict[str, object] = {"tenant": "client"}
_PORTFOLIO: list[Probe] = [("client", "its own scope", _CLIENT), ("client", "the portal", _PORTAL)]
_VIA: list[Probe] = [*_OF_FIRM, ("firm", "a client account", {"tenant": "client", "via": "firm"})]
EXPECTED: dict[str, list[Probe]] = {
    **dict.fromkeys(
        ("assignment_periods", "refresh_attempts", "login_states", "call_budgets", "credentials", "run_batches",
         "calendar_links", "newcomer_lists", "newcomer_rows", "copy_lists", "copy_rows"),
        _OF_FIRM,
    ),
    **dict.fromkeys(
        ("activities", "couplings", "configurations", "bank_accounts", "documents", "entries", "entry_lines",
         "postings", "runs", "comparisons", "standings", "feeds", "feed_accounts", "feed_fetches", "feed_reminders",
         "renewal_links", "approval_tasks", "approval_versions", "approval_decisions"),
        _PORTFOLIO,
    ),
    "authorisations": _VIA,
    "dossiers": _VIA,
    "csv_mappings": _VIA,
    "installations": _VIA,
    "approval_policies": _VIA,
    "app_accesses": _VIA,
    "preferences": [*_VIA, *_PORTFOLIO],
    "tenants": [
        *_PORTFOLIO, ("firm", "a client account", {"tenant": "other_client", "via": "firm"}),
        ("firm", "the account it has a grant of", _CLIENT),
    ],
    "grants": [("client", "its own scope", _CLIENT), ("client", "the portal", {"tenant": "firm", "portal": "firm"})],
    "access_requests": [*_OF_FIRM],
    "takeovers": _PORTFOLIO,
    "managements": _PORTFOLIO,
    **dict.fromkeys(
        ("invoices", "invoice_lines", "usages", "invoice_files", "invoice_payments", "closed_months"), _OF_FIRM
    ),
}  # fmt: skip


def tables() -> list[str]:
    return sorted(
        table.name for table in metadata.tables.values() if "tenant_id" in table.columns or table.name == "tenants"
    )


@pytest.mark.parametrize("table", tables())
def test_isolation_holds_in(scene: Scene, table: str) -> None:
    with as_admin(scene) as connection:
        assert probes(connection, scene, table) == []


@pytest.mark.parametrize("table", tables())
def test_without_row_level_security_a_probe_goes_red_in(scene: Scene, table: str) -> None:
    with as_admin(scene) as connection:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))
        assert probes(connection, scene, table)


@pytest.mark.parametrize("table", tables())
def test_every_policy_is_needed_and_bounded_in(scene: Scene, table: str) -> None:
    with as_admin(scene) as connection:
        policies = connection.execute("SELECT policyname FROM pg_policies WHERE tablename = %s", (table,)).fetchall()
        assert policies
        for (policy,) in policies:
            if policy in ("asked_read", "asked_decide"):
                continue  # probed by tests/tenants/test_access_requests.py
            if policy == "subject":
                continue  # probed by tests/approvals/test_limits.py
            if policy == "itself_changes":
                continue  # probed by tests/routes/software/test_first_sign_in.py
            if policy == "groups" and table not in OF_ACCOUNTS:
                continue  # probed by tests/permissions/test_limits.py
            names = {"table": sql.Identifier(table), "policy": sql.Identifier(policy)}
            connection.execute("SAVEPOINT before")
            connection.execute(sql.SQL("DROP POLICY {policy} ON {table}").format(**names))
            assert probes(connection, scene, table), f"{policy} can be dropped and nobody notices"
            connection.execute("ROLLBACK TO before")
            connection.execute(sql.SQL("ALTER POLICY {policy} ON {table} USING (true)").format(**names))
            assert probes(connection, scene, table), f"{policy} can be opened and nobody notices"
            connection.execute("ROLLBACK TO before")


def test_a_look_up_by_id_stays_in_its_tenant_even_where_the_policies_show_more(
    database: Database, vault: Vault
) -> None:
    """A portal reads its clients' rows; under the portal's own address they are still not its own."""
    from portal.couplings.models import Coupling
    from portal.ledger.models import BankAccount, Entry
    from portal.sync.models import Posting, Run

    world = make_world(database)
    ids = furnish_client(database, vault, world.client, world.firm, world.stranger)
    with database.scoped() as session:
        scope = make.scope_in(session, world.firm, "administrator")
        for model, key in (
            (Coupling, "coupling_id"), (Entry, "entry_id"), (Posting, "posting_id"), (Run, "run_id"),
            (BankAccount, "account_id"),
        ):  # fmt: skip
            assert session.query(model).filter_by(id=ids[key]).count() == 1
            with pytest.raises(NotFound):
                scope.get(model, ids[key])
