"""The database roles, and the database they live in.

koppelpoort_owner    LOGIN    owns the schema; migrations run as this role
koppelpoort_app      LOGIN    what web and workers use; owns nothing, bypasses nothing
koppelpoort_system   NOLOGIN  BYPASSRLS; owns the few SECURITY DEFINER functions that look
                              across tenants (the owner may hand a function to it)
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

OWNER = "koppelpoort_owner"
APP = "koppelpoort_app"
SYSTEM = "koppelpoort_system"
_ONE_AT_A_TIME = 7_031_977  # advisory lock: two machines may be set up at once


@dataclass(frozen=True)
class RoleUrls:
    """Where to connect as the owner and as the app, as SQLAlchemy writes it. Both hold passwords."""

    owner_url: str
    app_url: str


def plain_url(url: str) -> str:
    """The URL as libpq reads it, without SQLAlchemy's driver name."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def create_roles(admin_url: str, database: str, owner_password: str, app_password: str) -> RoleUrls:
    """Make the three roles and the database, or bring existing ones to this state. Safe to repeat.

    `admin_url` logs in as a superuser. Raises psycopg errors.
    """
    admin = plain_url(admin_url)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_ONE_AT_A_TIME,))
        _role(connection, OWNER, "LOGIN NOBYPASSRLS", owner_password)
        _role(connection, APP, "LOGIN NOBYPASSRLS", app_password)
        _role(connection, SYSTEM, "NOLOGIN BYPASSRLS", None)
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(SYSTEM), sql.Identifier(OWNER)))
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if exists is None:
            create = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
            connection.execute(sql.SQL(create).format(sql.Identifier(database), sql.Identifier(OWNER)))
    _own(admin, database)
    return RoleUrls(
        _url(admin, database, OWNER, owner_password),
        _url(admin, database, APP, app_password),
    )


def _role(connection: psycopg.Connection[tuple[object, ...]], name: str, may: str, password: str | None) -> None:
    verb = "ALTER" if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone() else "CREATE"
    statement = sql.SQL(verb + " ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION INHERIT " + may)
    connection.execute(statement.format(sql.Identifier(name)))
    if password is not None:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))


def _own(admin: str, database: str) -> None:
    """Give the database and its schema to the owner; others may connect only when named."""
    names = {"database": sql.Identifier(database), "owner": sql.Identifier(OWNER)}
    names |= {"app": sql.Identifier(APP), "system": sql.Identifier(SYSTEM)}
    statements = (
        "ALTER DATABASE {database} OWNER TO {owner}",
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        # temporary: an import gathers the lines of a file before it decides which are new
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}",
        "ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO {app}",
        # a function can only be handed to a role that may create in its schema
        "GRANT USAGE, CREATE ON SCHEMA public TO {system}",
    )
    with psycopg.connect(admin, dbname=database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement).format(**names))


def _url(admin: str, database: str, user: str, password: str) -> str:
    parts = conninfo_to_dict(admin)
    host, port = parts.get("host") or "127.0.0.1", parts.get("port") or "5432"
    return f"postgresql+psycopg://{user}:{password}@{host}:{port}/{database}"
