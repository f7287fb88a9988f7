"""Migrations on a database with something in every table: the whole way down, and up again to the same schema."""

from __future__ import annotations

import psycopg
from psycopg import sql

from portal.kernel import migrate
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests import factories as make
from tests.conftest import Urls
from tests.furnish import furnish_client, furnish_portal
from tests.world import make_world

BEFORE = "0022"  # what came before is built, never taken down


def counts(urls: Urls) -> dict[str, int]:
    with psycopg.connect(urls.admin) as admin:
        names = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        found = {}
        for (name,) in names:
            row = admin.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
            found[name] = row[0] if row else 0
        return found


def shape(urls: Urls) -> set[tuple[str, ...]]:
    """Columns, constraints, indexes, policies, triggers and functions."""
    queries = (
        "SELECT 'column', table_name, column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'public'",
        "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '' FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
        "SELECT 'index', tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT 'policy', tablename, policyname, coalesce(qual, ''), coalesce(with_check, '') || permissive || cmd"
        " FROM pg_policies",
        "SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '' FROM pg_trigger"
        " WHERE NOT tgisinternal",
        "SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid), proowner::regrole::text,"
        " coalesce(proacl::text, '') FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'",
        "SELECT 'grant', table_name, grantee, privilege_type, '' FROM information_schema.role_table_grants"
        " WHERE table_schema = 'public'",
    )
    with psycopg.connect(urls.admin) as admin:
        return {tuple(str(cell) for cell in row) for query in queries for row in admin.execute(query).fetchall()}


def test_down_and_up_again_with_rows_in_every_table(
    fresh_database: Database, fresh_database_urls: Urls, vault: Vault
) -> None:
    world = make_world(fresh_database)
    furnish_client(fresh_database, vault, world.client, world.firm, make.make_user(fresh_database))
    furnish_portal(fresh_database, vault, world.firm, world.client, world.staff)
    fresh_database.engine.dispose()
    before, held = shape(fresh_database_urls), counts(fresh_database_urls)
    with psycopg.connect(fresh_database_urls.admin) as admin:
        found = admin.execute("SELECT count(*) FROM users WHERE software").fetchone()
    assert found
    held["users"] -= found[0]  # which cannot become people, and goes with what it can do
    migrate.downgrade(fresh_database_urls.owner, BEFORE)
    migrate.upgrade(fresh_database_urls.owner)
    after = shape(fresh_database_urls)
    assert (before - after, after - before) == (set(), set())
    now = counts(fresh_database_urls)
    for kept in ("tenants", "users", "statements", "statement_lines", "entries", "postings", "activities", "grants"):
        assert now[kept] == held[kept], kept
