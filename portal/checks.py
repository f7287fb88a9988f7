"""What the code promises of itself, checked: `portal check`.

Row-level security on every tenant table, a permission on every route, complete
translations, one migration head, a job behind every bell, a sentence for every code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from portal.kernel import migrate, queue
from portal.kernel.db import Database
from portal.models import metadata
from portal.routes import _access, wording
from portal.translations import catalogues

SOURCE = Path(__file__).parent
# Rows of people and of the machinery; everything else belongs to a tenant.
NOT_OF_A_TENANT = {
    "users", "user_sessions", "recovery_codes", "one_time_tokens", "mails", "ticks", "restores", "alembic_version",
    "sellers", "prices", "vat_rates", "invoice_counters", "mail_attachments",
    "sign_ins", "passkeys", "passkey_challenges",
}  # fmt: skip
_TABLES = text(
    "SELECT c.relname, c.relkind, c.relrowsecurity AND c.relforcerowsecurity AS locked,"
    " EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid) AS policied,"
    " coalesce('security_invoker=true' = ANY(c.reloptions), false) AS invoker"
    " FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')"
)
_FOREIGN = text(
    "SELECT c.conname, c.conrelid::regclass::text AS child, c.confrelid::regclass::text AS parent,"
    " (SELECT array_agg(a.attname::text) FROM pg_attribute a"
    "  WHERE a.attrelid = c.confrelid AND a.attnum = ANY(c.confkey)) AS columns"
    " FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace"
)
# Keys without a tenant in them that are meant so: a person or a tenant itself is referred to.
PARENTS_BY_THEMSELVES = {"users", "tenants", "user_sessions", "sellers", "mails"}


def database_problems(database: Database) -> Iterator[str]:
    with database.scoped() as session:
        for row in session.execute(_TABLES):
            if row.relkind == "m":
                yield f"{row.relname}: a materialised view leaks over tenants"
            elif row.relkind == "v" and not row.invoker:
                yield f"{row.relname}: a view without security_invoker leaks over tenants"
            elif row.relkind in "rp" and row.relname not in NOT_OF_A_TENANT and not (row.locked and row.policied):
                yield f"{row.relname}: no forced row-level security with a policy"
        for row in session.execute(_FOREIGN):
            # In the child it may have another name: a group of a firm holds accounts of a client.
            if row.parent not in PARENTS_BY_THEMSELVES and "tenant_id" not in row.columns:
                yield f"{row.conname}: a foreign key without the tenant reaches rows of others"
    try:
        database.assert_safe_role()
    except RuntimeError as unsafe:
        yield str(unsafe)


def route_problems(app: Flask) -> Iterator[str]:
    try:
        _access.check_declared(app)
    except RuntimeError as undeclared:
        yield str(undeclared)


def migration_problems() -> Iterator[str]:
    heads = migrate.heads()
    if len(heads) != 1:
        yield f"there are {len(heads)} migration heads: {', '.join(heads)}"


def model_problems() -> Iterator[str]:
    for table in metadata.tables.values():
        if table.name not in NOT_OF_A_TENANT | {"tenants"} and "tenant_id" not in table.primary_key.columns:
            yield f"{table.name}: the tenant is not in its primary key"


def job_problems() -> Iterator[str]:
    """Every bell that is rung by a literal name has a declared job behind it."""
    for path, line, name in _found(r'queue\.ring\(\s*[\w.]+,\s*"([a-z_.]+)"'):
        if name not in queue.JOBS:
            yield f"{path}:{line}: no job {name}"


def wording_problems() -> Iterator[str]:
    """Every code that is raised with a literal, and every activity that is recorded, has a sentence."""
    for path, line, code in _found(r'(?:NotFound|Forbidden|Conflict|Invalid|TooMany|LoginRefused)\(\s*"([a-z_.]+)"'):
        if not wording.knows("ERRORS", code):
            yield f"{path}:{line}: no sentence for the error {code}"
    for path, line, tag in _found(r'\brecord\(\s*[\w.]+,\s*"([a-z_.]+)"'):
        if not wording.knows("TAGS", tag):
            yield f"{path}:{line}: no sentence for the activity {tag}"


def _found(pattern: str) -> Iterator[tuple[str, int, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for match in re.finditer(pattern, source):
            yield str(path.relative_to(SOURCE.parent)), source.count("\n", 0, match.start()) + 1, match.group(1)


def all_problems(app: Flask, database: Database) -> Iterable[tuple[str, list[str]]]:
    """(what was checked, what is wrong with it)"""
    yield "row-level security", list(database_problems(database))
    yield "keys", list(model_problems())
    yield "permissions", list(route_problems(app))
    yield "migrations", list(migration_problems())
    yield "jobs", list(job_problems())
    yield "wording", list(wording_problems())
    yield "translations", [str(fault) for fault in catalogues.check()]
