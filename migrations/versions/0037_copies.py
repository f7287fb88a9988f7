"""Configurations that a job copies to many clients, client by client."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = ("copy_lists", "copy_rows")
DUE = "ring_due_copies(timestamptz, integer)"

# Lists whose job was lost or died.
RING = """
CREATE FUNCTION ring_due_copies(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE copy_lists l SET next_try_at = p_now + interval '2 minutes', attempts = l.attempts + 1
  FROM (SELECT q.tenant_id, q.id FROM copy_lists q WHERE q.ended_at IS NULL AND q.next_try_at <= p_now
        ORDER BY q.next_try_at LIMIT p_limit FOR UPDATE SKIP LOCKED) chosen
  WHERE l.tenant_id = chosen.tenant_id AND l.id = chosen.id
  RETURNING l.tenant_id, l.id
$$;
"""


def upgrade() -> None:
    _lists()
    _rows()
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )
    op.execute(RING)
    op.execute(
        f"ALTER FUNCTION {DUE} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {DUE} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {DUE} TO {APP}"
    )


def _lists() -> None:
    op.create_table(
        "copy_lists",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id", "client_id", "configuration_id")),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("choices", postgresql.JSONB(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_name", sa.String(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_copy_lists_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_copy_lists")),
    )  # fmt: skip
    op.create_index("ix_copy_lists_due", "copy_lists", ["next_try_at"], postgresql_where=sa.text("ended_at IS NULL"))


def _rows() -> None:
    op.create_table(
        "copy_rows",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id", "list_id", "client_id")),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("state IN ('waits','made','refused')", name=op.f("ck_copy_rows_state")),
        sa.CheckConstraint("(state = 'made') = (made > 0)", name=op.f("ck_copy_rows_made")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "list_id"], ["copy_lists.tenant_id", "copy_lists.id"],
            name=op.f("fk_copy_rows_tenant_id_list_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_copy_rows")),
    )  # fmt: skip
    op.create_index("uq_copy_rows_client", "copy_rows", ["tenant_id", "list_id", "client_id"], unique=True)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {DUE}")
    op.drop_table("copy_rows")
    op.drop_table("copy_lists")
