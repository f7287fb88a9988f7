"""Alembic's entry: one connection as the schema's owner, each migration in its own transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool, text

from portal.models import metadata

url = context.config.get_main_option("sqlalchemy.url")
engine = create_engine(url or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    # A migration that waits for a lock must not make everybody else wait behind it.
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text("SET statement_timeout = '10min'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
