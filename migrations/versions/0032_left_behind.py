"""What somebody who leaves a firm made in its clients' accounts and goes on working."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"

FUNCTIONS = {
    # Living keys for other software that this person made, in the accounts of the clients of the portal in scope.
    "keys_made_by(uuid)": """
CREATE FUNCTION keys_made_by(p_user uuid)
RETURNS TABLE (client_id uuid, client text, name text, last_used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT k.tenant_id, t.name::text, k.name::text, k.last_used_at FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
  WHERE k.created_by = p_user AND k.revoked_at IS NULL AND t.closed_at IS NULL
    AND k.tenant_id IN (SELECT g.tenant_id FROM grants g WHERE g.portal_id = app_portal() AND g.state = 'active'
      AND (g.ends_on IS NULL OR g.ends_on >= app_today()))
    AND EXISTS (SELECT 1 FROM memberships m WHERE m.tenant_id = app_portal() AND m.user_id = p_user)
  ORDER BY lower(t.name), lower(k.name)
$$;""",
}


def upgrade() -> None:
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
