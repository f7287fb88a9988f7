"""The heads of the activity log are sealed; signing in is written down for the person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"

FUNCTIONS = {
    # The last link of every chain, to be copied out of the database.
    "heads_of_chains()": """
CREATE FUNCTION heads_of_chains() RETURNS TABLE (tenant_id uuid, seq integer, hash bytea, seal bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.tenant_id, h.seq, h.hash, h.seal FROM chain_heads h
$$;""",
    # Whoever has a link, a head or an account; the links are skipped through by the index.
    "all_chains()": """
CREATE FUNCTION all_chains() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE linked AS (
    (SELECT a.tenant_id FROM activities a ORDER BY a.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT a.tenant_id FROM activities a WHERE a.tenant_id > l.tenant_id ORDER BY a.tenant_id LIMIT 1)
    FROM linked l WHERE l.tenant_id IS NOT NULL
  )
  SELECT tenant_id FROM linked WHERE tenant_id IS NOT NULL
  UNION SELECT id FROM tenants UNION SELECT tenant_id FROM chain_heads
$$;""",
}


def upgrade() -> None:
    # Empty for what is there: the key is not in the database. `portal audit seal` walks and seals.
    op.add_column("chain_heads", sa.Column("seal", sa.LargeBinary(), nullable=True))
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.CheckConstraint("method IN ('password','code','recovery_code','passkey')", name=op.f("ck_sign_ins_method")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sign_ins_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
    )
    op.create_index("ix_sign_ins_user_id_at", "sign_ins", ["user_id", "at"])
    op.execute(f"GRANT SELECT, INSERT, DELETE ON sign_ins TO {APP}")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    op.drop_table("sign_ins")
    op.drop_column("chain_heads", "seal")
