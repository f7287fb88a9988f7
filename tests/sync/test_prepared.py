"""What every posting asks of PostgreSQL stays prepared on its connection: planning takes longer than running."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from portal.kernel.db import Database
from portal.runtime import Runtime
from portal.sync import dispatch
from tests.sync.office import Office, settings
from tests.sync.test_together import offer

ENTRIES = 8  # more than the five times after which the driver prepares a statement


def test_the_statements_of_a_posting_stay_prepared(alone: Office) -> None:
    offer(alone, ENTRIES)
    url: Any = alone.database.engine.url.render_as_string(hide_password=False)
    database = Database(url.replace("+psycopg", ""), pool_size=1, max_overflow=0)
    try:
        dispatch.drain(Runtime(settings(), database, alone.vault), alone.connect, hands=1)
        with database.scoped() as session:
            prepared = " ".join(session.scalars(text("SELECT statement FROM pg_prepared_statements")))
    finally:
        database.engine.dispose()
    for part in ("WITH chosen AS", "may_use_authorisation", "sum(CASE", "refresh_standing", "INSERT INTO activities"):
        assert part in prepared, part
