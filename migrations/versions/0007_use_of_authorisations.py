"""What hangs on an authorisation, for whoever would remove it or has just repaired it."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"

FUNCTIONS = {
    # How many couplings, of whichever client, still need it: for what they sync, or for what is under way.
    "uses_of_authorisation(uuid, uuid)": """
CREATE FUNCTION uses_of_authorisation(p_tenant uuid, p_authorisation uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT count(*) FROM couplings c
  WHERE p_tenant = app_tenant() AND c.authorisation_tenant_id = p_tenant AND c.authorisation_id = p_authorisation
    AND (c.state = 'active' OR EXISTS (SELECT 1 FROM postings p WHERE p.tenant_id = c.tenant_id
      AND p.coupling_id = c.id AND p.state IN ('intent', 'sending', 'uncertain')))
$$;""",
    # It works again: what failed last is due at once, instead of hours later.
    "wake_configurations(uuid, uuid, timestamptz)": """
CREATE FUNCTION wake_configurations(p_tenant uuid, p_authorisation uuid, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE configurations f SET next_due_at = p_now FROM couplings c
  WHERE p_tenant = app_tenant() AND c.authorisation_tenant_id = p_tenant AND c.authorisation_id = p_authorisation
    AND c.state = 'active' AND f.tenant_id = c.tenant_id AND f.coupling_id = c.id AND f.state = 'active'
    AND coalesce(f.next_due_at, 'infinity') > p_now
    AND 'failed' = (SELECT r.state FROM runs r WHERE r.tenant_id = f.tenant_id AND r.configuration_id = f.id
      AND r.state IN ('done', 'failed') ORDER BY r.created_at DESC LIMIT 1)
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
