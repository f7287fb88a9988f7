"""A finding that a person has seen no longer asks for attention; it stays in its night."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

EVERY = "jsonb_array_length(n.findings)"
UNSEEN = "jsonb_array_length(jsonb_path_query_array(n.findings, '$[*] ? (!exists(@.seen_at))'))"


def _count(before: str, now: str) -> None:
    """The same function, counting something else."""
    bind = op.get_bind()
    told = "SELECT pg_get_functiondef('refresh_standing(uuid, timestamptz)'::regprocedure)"
    definition = str(bind.exec_driver_sql(told).scalar_one())
    if definition.count(before) != 1:
        raise RuntimeError("refresh_standing() is not as migration 0006 made it")
    bind.exec_driver_sql(definition.replace(before, now))


def upgrade() -> None:
    _count(EVERY, UNSEEN)


def downgrade() -> None:
    _count(UNSEEN, EVERY)
