"""Configurations are due as soon as lines of a passed period wait, without a lock in the import's commit."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# A run that is open drafts them itself, or looks once more at its end.
DUE = """
CREATE OR REPLACE FUNCTION due_configurations(p_now timestamptz, p_limit integer)
RETURNS TABLE (tenant_id uuid, id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.tenant_id, c.id FROM configurations c
  WHERE c.state = 'active' AND (c.next_due_at <= p_now OR NOT EXISTS (
    SELECT 1 FROM runs f WHERE f.tenant_id = c.tenant_id AND f.configuration_id = c.id AND f.state = 'failed'
      AND f.finished_at > p_now - interval '1 hour') AND EXISTS (
    SELECT 1 FROM statement_lines l WHERE l.tenant_id = c.tenant_id AND l.bank_account_id = c.bank_account_id
      AND l.entry_id IS NULL AND l.amount <> 0 AND l.date >= c.starts_on AND l.date <= least(c.ends_on,
        CASE c.frequency WHEN 'daily' THEN (p_now AT TIME ZONE 'Europe/Brussels')::date - c.delay_days - 1
        ELSE (date_trunc('month', (p_now AT TIME ZONE 'Europe/Brussels')::date - c.delay_days)
              - interval '1 day')::date END)))
    AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.tenant_id = c.tenant_id AND r.configuration_id = c.id
      AND r.state IN ('queued', 'running'))
  ORDER BY c.next_due_at NULLS LAST LIMIT p_limit
$$;
"""
DUE_BEFORE = """
CREATE OR REPLACE FUNCTION due_configurations(p_now timestamptz, p_limit integer)
RETURNS TABLE (tenant_id uuid, id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.tenant_id, c.id FROM configurations c
  WHERE c.state = 'active' AND c.next_due_at <= p_now ORDER BY c.next_due_at LIMIT p_limit
$$;
"""
BRING_FORWARD = """
CREATE FUNCTION bring_forward(p_tenant uuid, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE configurations c SET next_due_at = p_now
  WHERE c.tenant_id = p_tenant AND c.state = 'active' AND coalesce(c.next_due_at, 'infinity') > p_now AND EXISTS (
    SELECT 1 FROM statement_lines l WHERE l.tenant_id = p_tenant AND l.bank_account_id = c.bank_account_id
      AND l.entry_id IS NULL AND l.amount <> 0
      AND l.date >= c.starts_on AND (c.ends_on IS NULL OR l.date <= c.ends_on))
$$;
ALTER FUNCTION bring_forward(uuid, timestamptz) OWNER TO koppelpoort_system;
REVOKE ALL ON FUNCTION bring_forward(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bring_forward(uuid, timestamptz) TO koppelpoort_app;
"""


def upgrade() -> None:
    op.execute("DROP FUNCTION bring_forward(uuid, timestamptz)")
    op.execute(DUE)


def downgrade() -> None:
    op.execute(DUE_BEFORE)
    op.execute(BRING_FORWARD)
