"""The balance after each statement line and its statement's order; which dossiers are taken.

A line refers to its statement together with the bank account, so that both always agree; that
makes its own reference to the bank account redundant, and each line costs one look-up less.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
SIGNATURE = "taken_dossiers(uuid, uuid)"
# Dossiers of one authorisation that another client account is coupled to: codes, not whose.
TAKEN = """
CREATE FUNCTION taken_dossiers(p_holder uuid, p_authorisation uuid) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.dossier_code::text FROM couplings c
  WHERE c.authorisation_tenant_id = p_holder AND c.authorisation_id = p_authorisation AND c.state = 'active'
    AND p_holder IN (app_tenant(), app_via()) AND c.tenant_id IS DISTINCT FROM app_tenant()
$$;"""


def upgrade() -> None:
    op.add_column("statement_lines", sa.Column("balance", sa.BigInteger(), nullable=True))
    op.add_column("statements", sa.Column("in_order", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column("statements", "in_order", server_default=None)
    op.create_unique_constraint("uq_statements_account", "statements", ["tenant_id", "bank_account_id", "id"])
    op.drop_constraint("fk_statement_lines_tenant_id_bank_account_id", "statement_lines")
    op.drop_constraint("fk_statement_lines_tenant_id_statement_id", "statement_lines")
    op.create_foreign_key(
        "fk_statement_lines_tenant_id_bank_account_id_statement_id",
        "statement_lines",
        "statements",
        ["tenant_id", "bank_account_id", "statement_id"],
        ["tenant_id", "bank_account_id", "id"],
    )
    op.execute(TAKEN)
    op.execute(
        f"ALTER FUNCTION {SIGNATURE} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {APP}"
    )


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.drop_constraint("fk_statement_lines_tenant_id_bank_account_id_statement_id", "statement_lines")
    op.create_foreign_key(
        "fk_statement_lines_tenant_id_statement_id",
        "statement_lines",
        "statements",
        ["tenant_id", "statement_id"],
        ["tenant_id", "id"],
    )
    op.create_foreign_key(
        "fk_statement_lines_tenant_id_bank_account_id",
        "statement_lines",
        "bank_accounts",
        ["tenant_id", "bank_account_id"],
        ["tenant_id", "id"],
    )
    op.drop_constraint("uq_statements_account", "statements")
    op.drop_column("statements", "in_order")
    op.drop_column("statement_lines", "balance")
