"""Runs of all configurations that are due, made in one statement."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
SIGNATURE = "start_due_runs(uuid[], uuid[], uuid[], timestamptz)"
# Whoever has a configuration in hand is not waited for: it is due at the next tick too.
START = """
CREATE FUNCTION start_due_runs(p_tenants uuid[], p_configurations uuid[], p_ids uuid[], p_now timestamptz)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH due AS (
    SELECT c.tenant_id, c.id, t.run FROM configurations c
    JOIN unnest(p_tenants, p_configurations, p_ids) AS t (tenant_id, id, run)
      ON c.tenant_id = t.tenant_id AND c.id = t.id
    WHERE c.state = 'active' ORDER BY c.tenant_id, c.id FOR NO KEY UPDATE OF c SKIP LOCKED
  ), made AS (
    INSERT INTO runs (tenant_id, id, configuration_id, cause, state, created_at, next_try_at,
      attempts, lines, drafted, offered, blocked, code, "values")
    SELECT d.tenant_id, d.run, d.id, 'schedule', 'queued', p_now, p_now, 0, 0, 0, 0, 0, '', '{}' FROM due d
    ON CONFLICT DO NOTHING RETURNING runs.tenant_id, runs.id
  ), planned AS (
    UPDATE configurations c SET next_due_at = NULL FROM due d WHERE c.tenant_id = d.tenant_id AND c.id = d.id
  )
  SELECT m.tenant_id, m.id FROM made m
$$;
"""


def upgrade() -> None:
    op.execute(START)
    op.execute(
        f"ALTER FUNCTION {SIGNATURE} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {APP}; GRANT INSERT ON runs TO {SYSTEM}"
    )


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}; REVOKE INSERT ON runs FROM {SYSTEM}")
