"""Documents go out to the books: configurations of documents, entries and lines of them, VAT codes by rate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
BEFORE = {"kinds": "'bank','general'", "books": "'ledger_accounts','journals','vat_codes','periods'"}
NOW = {name: f"{kinds},{more}" for (name, kinds), more in zip(
    BEFORE.items(), ("'sales','purchase'", "'relations'"), strict=True
)}  # fmt: skip
CHECKS = (
    ("configurations", "entry_kind", "entry_kind IN ({kinds})"),
    ("entries", "kind", "kind IN ({kinds})"),
    ("books", "kind", "kind IN ({books})"),
)
LINES = """EXISTS (
    SELECT 1 FROM statement_lines l WHERE l.tenant_id = c.tenant_id AND l.bank_account_id = c.bank_account_id
      AND l.entry_id IS NULL AND l.amount <> 0 AND l.date >= c.starts_on AND l.date <= {until})"""
DOCUMENTS = """EXISTS (
    SELECT 1 FROM documents d WHERE d.tenant_id = c.tenant_id AND d.direction = c.entry_kind AND d.entry_id IS NULL
      AND d.gross <> 0 AND d.date >= c.starts_on AND d.date <= {until})"""
UNTIL = """least(c.ends_on,
        CASE c.frequency WHEN 'daily' THEN (p_now AT TIME ZONE 'Europe/Brussels')::date - c.delay_days - 1
        ELSE (date_trunc('month', (p_now AT TIME ZONE 'Europe/Brussels')::date - c.delay_days)
              - interval '1 day')::date END)"""
# A run that is open drafts them itself, or looks once more at its end.
DUE = """
CREATE OR REPLACE FUNCTION due_configurations(p_now timestamptz, p_limit integer)
RETURNS TABLE (tenant_id uuid, id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.tenant_id, c.id FROM configurations c
  WHERE c.state = 'active' AND (c.next_due_at <= p_now OR NOT EXISTS (
    SELECT 1 FROM runs f WHERE f.tenant_id = c.tenant_id AND f.configuration_id = c.id AND f.state = 'failed'
      AND f.finished_at > p_now - interval '1 hour') AND ({waiting}))
    AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.tenant_id = c.tenant_id AND r.configuration_id = c.id
      AND r.state IN ('queued', 'running'))
  ORDER BY c.next_due_at NULLS LAST LIMIT p_limit
$$;
"""
ARRIVED = "WHERE l.tenant_id = p_tenant) AS any"
ARRIVED_DOCUMENTS = (
    "WHERE l.tenant_id = p_tenant) OR EXISTS (SELECT 1 FROM documents d JOIN chosen c ON c.entry_kind = d.direction"
    " WHERE d.tenant_id = p_tenant) AS any"
)


def upgrade() -> None:
    op.alter_column("configurations", "bank_account_id", nullable=True)
    op.add_column("configurations", sa.Column("relation", sa.String(), nullable=False, server_default=""))
    _checks(NOW)
    op.create_check_constraint(
        "source", "configurations", "(entry_kind IN ('sales','purchase')) = (bank_account_id IS NULL)"
    )
    op.create_index(
        "uq_configurations_documents",
        "configurations",
        ["tenant_id", "entry_kind"],
        unique=True,
        postgresql_where=sa.text("state = 'active' AND bank_account_id IS NULL"),
    )
    _entry_lines()
    _vat_mappings()
    op.execute(DUE.format(waiting=f"{LINES} OR {DOCUMENTS}".format(until=UNTIL)))
    _arrived(ARRIVED, ARRIVED_DOCUMENTS)


def _checks(told: dict[str, str]) -> None:
    for table, name, condition in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
        op.create_check_constraint(name, table, condition.format(**told))


def _entry_lines() -> None:
    op.alter_column("entry_lines", "statement_line_id", nullable=True)
    op.add_column("entry_lines", sa.Column("document_id", sa.Uuid(), nullable=True))
    op.add_column("entry_lines", sa.Column("vat_category", sa.String(), nullable=True))
    op.add_column("entry_lines", sa.Column("vat_rate", sa.Numeric(precision=6, scale=4), nullable=True))
    op.add_column("entry_lines", sa.Column("vat_amount", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        "fk_entry_lines_tenant_id_document_id",
        "entry_lines",
        "documents",
        ["tenant_id", "document_id"],
        ["tenant_id", "id"],
    )
    op.create_check_constraint("source", "entry_lines", "num_nonnulls(statement_line_id, document_id) = 1")
    op.create_check_constraint(
        "vat", "entry_lines", "num_nulls(document_id, vat_category, vat_rate, vat_amount) IN (0, 4)"
    )
    op.create_index(
        "ix_entry_lines_document",
        "entry_lines",
        ["tenant_id", "document_id"],
        postgresql_where=sa.text("document_id IS NOT NULL"),
    )


def _vat_mappings() -> None:
    op.create_table(
        "vat_mappings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=6, scale=4), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("side IN ('sales','purchase')", name=op.f("ck_vat_mappings_side")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "coupling_id"],
            ["couplings.tenant_id", "couplings.id"],
            name=op.f("fk_vat_mappings_tenant_id_coupling_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_vat_mappings")),
        sa.UniqueConstraint("tenant_id", "coupling_id", "side", "category", "rate", name="uq_vat_mappings_rate"),
    )
    op.execute(
        "ALTER TABLE vat_mappings ENABLE ROW LEVEL SECURITY; ALTER TABLE vat_mappings FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY own ON vat_mappings USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON vat_mappings TO {APP};"
        f"GRANT SELECT, UPDATE ON vat_mappings TO {SYSTEM}"
    )


def _arrived(before: str, now: str) -> None:
    """The same function of standings, looking at something else."""
    bind = op.get_bind()
    told = "SELECT pg_get_functiondef('refresh_standing(uuid, timestamptz)'::regprocedure)"
    definition = str(bind.exec_driver_sql(told).scalar_one())
    if definition.count(before) != 1:
        raise RuntimeError("refresh_standing() is not as the migrations before made it")
    bind.exec_driver_sql(definition.replace(before, now))


def downgrade() -> None:
    """Refuses while documents are configured or in entries: those cannot be told in the older schema."""
    _arrived(ARRIVED_DOCUMENTS, ARRIVED)
    op.execute(DUE.format(waiting=LINES.format(until=UNTIL)))
    op.drop_table("vat_mappings")
    op.execute("DELETE FROM books WHERE kind = 'relations'")
    op.drop_index("ix_entry_lines_document", table_name="entry_lines")
    for name in ("vat", "source"):
        op.drop_constraint(op.f(f"ck_entry_lines_{name}"), "entry_lines")
    op.drop_constraint("fk_entry_lines_tenant_id_document_id", "entry_lines")
    for column in ("vat_amount", "vat_rate", "vat_category", "document_id"):
        op.drop_column("entry_lines", column)
    op.alter_column("entry_lines", "statement_line_id", nullable=False)
    op.drop_index("uq_configurations_documents", table_name="configurations")
    op.drop_constraint(op.f("ck_configurations_source"), "configurations")
    _checks(BEFORE)
    op.drop_column("configurations", "relation")
    op.alter_column("configurations", "bank_account_id", nullable=False)
