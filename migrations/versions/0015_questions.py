"""Files that wait for an answer, what was learnt about headings, and answers kept for an account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
FORGET = "forget_parked_files(timestamptz)"


def upgrade() -> None:
    op.create_table(
        "parked_files",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"],
            ["bank_accounts.tenant_id", "bank_accounts.id"],
            name=op.f("fk_parked_files_tenant_id_bank_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_parked_files_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_parked_files")),
    )
    op.create_index("ix_parked_files_expires", "parked_files", ["expires_at"], unique=False)
    op.create_table(
        "csv_mappings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("headings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_csv_mappings_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_csv_mappings")),
        sa.UniqueConstraint("tenant_id", "fingerprint", name="uq_csv_mappings_fingerprint"),
    )
    op.create_table(
        "account_answers",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("day_first", sa.Boolean(), nullable=True),
        sa.Column("decimal", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"],
            ["bank_accounts.tenant_id", "bank_accounts.id"],
            name=op.f("fk_account_answers_tenant_id_bank_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_account_answers")),
        sa.UniqueConstraint("tenant_id", "bank_account_id", "format", name="uq_account_answers_format"),
    )
    for table in ("parked_files", "csv_mappings", "account_answers"):
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )
    # What the people of a firm learn in one client account, they know in all: they read and write the firm's rows.
    op.execute("CREATE POLICY via ON csv_mappings USING (tenant_id = app_via()) WITH CHECK (tenant_id = app_via())")
    op.execute(f"GRANT DELETE ON parked_files TO {SYSTEM}")
    op.execute(
        """
CREATE FUNCTION forget_parked_files(p_now timestamptz) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (DELETE FROM parked_files WHERE expires_at <= p_now RETURNING 1) SELECT count(*)::integer FROM gone
$$;"""
    )
    op.execute(
        f"ALTER FUNCTION {FORGET} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {FORGET} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {FORGET} TO {APP}"
    )


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {FORGET}")
    op.drop_table("account_answers")
    op.drop_table("csv_mappings")
    op.drop_index("ix_parked_files_expires", table_name="parked_files")
    op.drop_table("parked_files")
