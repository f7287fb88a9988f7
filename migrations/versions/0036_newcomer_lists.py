"""Lists of businesses that a job makes into client accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = ("newcomer_lists", "newcomer_rows")
DUE = "ring_due_newcomers(timestamptz, integer)"

# Lists whose job was lost or died.
RING = """
CREATE FUNCTION ring_due_newcomers(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE newcomer_lists l SET next_try_at = p_now + interval '2 minutes', attempts = l.attempts + 1
  FROM (SELECT q.tenant_id, q.id FROM newcomer_lists q WHERE q.ended_at IS NULL AND q.next_try_at <= p_now
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
        "newcomer_lists",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_name", sa.String(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_newcomer_lists_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_newcomer_lists")),
    )
    op.create_index(
        "ix_newcomer_lists_due", "newcomer_lists", ["next_try_at"], postgresql_where=sa.text("ended_at IS NULL")
    )


def _rows() -> None:
    texts = ("name", "scheme", "enterprise_number", "street", "postcode", "city", "billing_email", "state", "code")
    op.create_table(
        "newcomer_rows",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id", "list_id")),
        sa.Column("row", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("state IN ('waits','made','refused')", name=op.f("ck_newcomer_rows_state")),
        sa.CheckConstraint("(state = 'made') = (client_id IS NOT NULL)", name=op.f("ck_newcomer_rows_made")),
        sa.CheckConstraint("(state = 'refused') = (code <> '')", name=op.f("ck_newcomer_rows_refused")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "list_id"], ["newcomer_lists.tenant_id", "newcomer_lists.id"],
            name=op.f("fk_newcomer_rows_tenant_id_list_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_newcomer_rows")),
    )  # fmt: skip
    op.create_index("uq_newcomer_rows_row", "newcomer_rows", ["tenant_id", "list_id", "row"], unique=True)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {DUE}")
    op.drop_table("newcomer_rows")
    op.drop_table("newcomer_lists")
