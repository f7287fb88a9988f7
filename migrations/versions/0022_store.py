"""The store: installed apps, the client accounts that each may touch, and what new configurations start from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = ("installations", "app_accesses", "preferences")

FUNCTIONS = {
    # May work for this client go through this app of that tenant now? Asked in the transaction that writes `sending`.
    "may_use_app(uuid, uuid, text)": """
CREATE FUNCTION may_use_app(p_client uuid, p_holder uuid, p_app text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT may_use_authorisation(p_client, p_holder)
    AND EXISTS (SELECT 1 FROM installations i
      WHERE i.tenant_id = p_holder AND i.app = p_app AND i.state = 'installed')
    AND (p_client = p_holder OR EXISTS (SELECT 1 FROM app_accesses a
      WHERE a.tenant_id = p_holder AND a.app = p_app AND a.client_id = p_client AND a.allowed))
$$;""",
    # A person of the firm couples a client of the firm: that ticks what nobody has decided yet, and only that.
    "let_app_in(uuid, text, timestamptz)": """
CREATE FUNCTION let_app_in(p_holder uuid, p_app text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF p_holder IS NULL OR p_holder NOT IN (app_tenant(), coalesce(app_via(), app_tenant()))
    OR NOT may_use_authorisation(app_tenant(), p_holder) THEN RETURN false; END IF;
  IF p_holder <> app_tenant() THEN
    INSERT INTO app_accesses (tenant_id, app, client_id, allowed, changed_at, changed_by)
    VALUES (p_holder, p_app, app_tenant(), true, p_now, app_user()) ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO installations (tenant_id, id, app, state, installed_at, installed_by)
  SELECT p_holder, gen_random_uuid(), p_app, 'installed', p_now, app_user()
  WHERE NOT EXISTS (SELECT 1 FROM installations i WHERE i.tenant_id = p_holder AND i.app = p_app)
  ON CONFLICT DO NOTHING;
  RETURN may_use_app(app_tenant(), p_holder, p_app);
END $$;""",
}

# What worked before goes on: every tenant has installed what it connected, for the clients it is used for.
CARRIED_OVER = """
INSERT INTO installations (tenant_id, id, app, state, installed_at)
SELECT tenant_id, gen_random_uuid(), app, 'installed', min(since) FROM (
  SELECT a.tenant_id, a.app, a.created_at AS since FROM authorisations a WHERE a.removed_at IS NULL
  UNION ALL SELECT c.authorisation_tenant_id, c.app, c.activated_at FROM couplings c WHERE c.state = 'active'
  UNION ALL SELECT coalesce(f.via_id, f.tenant_id), f.provider, f.created_at FROM feeds f
) used GROUP BY tenant_id, app;
INSERT INTO app_accesses (tenant_id, app, client_id, allowed, changed_at)
SELECT holder, app, client, true, min(since) FROM (
  SELECT c.authorisation_tenant_id AS holder, c.app, c.tenant_id AS client, c.activated_at AS since FROM couplings c
  UNION ALL SELECT f.via_id, f.provider, f.tenant_id, f.created_at FROM feeds f WHERE f.via_id IS NOT NULL
) used WHERE holder <> client GROUP BY holder, app, client;
"""


def upgrade() -> None:
    _tables()
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"CREATE POLICY via ON {table} FOR SELECT USING (tenant_id = app_via());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP};"
            f"GRANT SELECT, INSERT, UPDATE ON {table} TO {SYSTEM}"
        )
    op.execute("CREATE POLICY portfolio ON preferences FOR SELECT USING (tenant_id IN (SELECT app_clients()))")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )
    op.execute(f"SET LOCAL ROLE {SYSTEM}; {CARRIED_OVER} RESET ROLE")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _tables() -> None:
    op.create_table(
        "installations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("installed_by", sa.Uuid(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('installed','removed')", name=op.f("ck_installations_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_installations_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_installations")),
    )
    op.create_index(
        "uq_installations_app", "installations", ["tenant_id", "app"], unique=True,
        postgresql_where=sa.text("state = 'installed'"),
    )  # fmt: skip
    op.create_table(
        "app_accesses",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_app_accesses_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["tenants.id"], name=op.f("fk_app_accesses_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "app", "client_id", name=op.f("pk_app_accesses")),
    )
    op.create_table(
        "preferences",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_preferences_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "app", name=op.f("pk_preferences")),
    )


def downgrade() -> None:
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
    for table in reversed(TABLES):
        op.drop_table(table)
