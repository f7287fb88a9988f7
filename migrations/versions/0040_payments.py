"""What was paid of invoices: rows that are written once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLE, BILLED = "invoice_payments", "billed_portals()"
# For who runs the installation and asks what is open.
FUNCTION = """
CREATE FUNCTION billed_portals() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT i.tenant_id FROM invoices i JOIN tenants t ON t.id = i.tenant_id
$$;
"""


def upgrade() -> None:
    op.create_table(
        TABLE,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id", "invoice_id")),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_by", sa.String(), nullable=False),
        sa.Column("undoes", sa.Uuid(), nullable=True),
        sa.CheckConstraint("amount <> 0 AND (amount < 0) = (undoes IS NOT NULL)", name=op.f(f"ck_{TABLE}_amount")),
        sa.CheckConstraint("currency = 'EUR'", name=op.f(f"ck_{TABLE}_currency")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoices.tenant_id", "invoices.id"],
            name=op.f(f"fk_{TABLE}_tenant_id_invoice_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{TABLE}")),
    )  # fmt: skip
    op.create_index(f"ix_{TABLE}_invoice", TABLE, ["tenant_id", "invoice_id"])
    op.create_index(
        f"uq_{TABLE}_undoes", TABLE, ["tenant_id", "undoes"], unique=True,
        postgresql_where=sa.text("undoes IS NOT NULL"),
    )  # fmt: skip
    op.execute(
        f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY; ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY;"
        f"CREATE POLICY own ON {TABLE} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
        f"GRANT SELECT, INSERT ON {TABLE} TO {APP};"
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(FUNCTION)
    op.execute(
        f"ALTER FUNCTION {BILLED} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {BILLED} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {BILLED} TO {APP}"
    )


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {BILLED}")
    op.drop_table(TABLE)
