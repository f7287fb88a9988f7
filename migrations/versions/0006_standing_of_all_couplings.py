"""What waits for a person counts in the standing, also what an ended coupling left behind, and every finding."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NOW = """
CREATE OR REPLACE FUNCTION refresh_standing(p_tenant uuid, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH coupling AS (
    SELECT id FROM couplings WHERE tenant_id = p_tenant AND state = 'active' ORDER BY activated_at DESC LIMIT 1
  ), chosen AS (
    SELECT c.* FROM configurations c JOIN coupling k ON k.id = c.coupling_id
    WHERE c.tenant_id = p_tenant AND c.state = 'active'
  ), latest AS (
    SELECT DISTINCT ON (r.configuration_id) r.state, r.code FROM runs r JOIN chosen c ON c.id = r.configuration_id
    WHERE r.tenant_id = p_tenant AND r.state IN ('done', 'failed') ORDER BY r.configuration_id, r.created_at DESC
  ), night AS (
    SELECT jsonb_array_length(n.findings) AS wrong FROM comparisons n JOIN coupling k ON k.id = n.coupling_id
    WHERE n.tenant_id = p_tenant ORDER BY n.night DESC LIMIT 1
  ), waiting AS (
    SELECT count(*) AS entries FROM entries e
    WHERE e.tenant_id = p_tenant AND e.state = 'draft'
  ), arrived AS (
    SELECT EXISTS (SELECT 1 FROM statement_lines l JOIN chosen c ON c.bank_account_id = l.bank_account_id
      WHERE l.tenant_id = p_tenant) AS any
  ), lines AS (
    SELECT count(*) AS waiting FROM statement_lines l
    WHERE l.tenant_id = p_tenant AND l.entry_id IS NULL AND l.amount <> 0 AND NOT EXISTS (
      SELECT 1 FROM chosen c WHERE c.bank_account_id = l.bank_account_id
        AND (l.date < c.starts_on OR l.date > c.ends_on))
  ), causes (rank, state, code, number) AS (
    SELECT 1, 'stopped', code, count(*) FROM latest WHERE state = 'failed' GROUP BY code
    UNION ALL
    SELECT CASE p.state WHEN 'parked' THEN 2 ELSE 3 END, 'attention', p.code, count(*)
    FROM postings p
    JOIN entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id AND e.state = 'offered'
    WHERE p.tenant_id = p_tenant AND p.state IN ('parked', 'rejected') GROUP BY p.state, p.code
    UNION ALL
    SELECT 4, 'attention', 'standing.differences', wrong FROM night WHERE wrong > 0
    UNION ALL
    SELECT 5, 'attention', 'standing.entries_wait', entries FROM waiting WHERE entries > 0
    UNION ALL
    SELECT 6, 'none', 'standing.no_coupling', 0 WHERE NOT EXISTS (SELECT 1 FROM coupling)
    UNION ALL
    SELECT 7, 'none', 'standing.no_configuration', 0 WHERE NOT EXISTS (SELECT 1 FROM chosen)
    UNION ALL
    SELECT 8, 'wait_client', 'standing.no_statements', 0 FROM arrived WHERE NOT arrived.any
    UNION ALL
    SELECT 9, 'active', '', 0
  ), worst AS (
    SELECT state, code, number FROM causes ORDER BY rank, number DESC, code LIMIT 1
  )
  INSERT INTO standings AS s (tenant_id, state, code, "values", since, last_sync_at, next_sync_at, waiting_lines,
    waiting_entries, coupling_id, changed_at)
  SELECT p_tenant, w.state, w.code, CASE WHEN w.number > 0 THEN jsonb_build_object('count', w.number) ELSE '{}' END,
    p_now, (SELECT max(last_run_at) FROM chosen), (SELECT min(next_due_at) FROM chosen),
    (SELECT waiting FROM lines), (SELECT entries FROM waiting), (SELECT id FROM coupling), p_now
  FROM worst w WHERE EXISTS (SELECT 1 FROM tenants WHERE id = p_tenant AND kind = 'client')
  ON CONFLICT (tenant_id) DO UPDATE SET state = excluded.state, code = excluded.code, "values" = excluded."values",
    since = CASE WHEN (s.state, s.code) = (excluded.state, excluded.code) THEN s.since ELSE excluded.since END,
    last_sync_at = excluded.last_sync_at, next_sync_at = excluded.next_sync_at,
    waiting_lines = excluded.waiting_lines, waiting_entries = excluded.waiting_entries,
    coupling_id = excluded.coupling_id, changed_at = excluded.changed_at
$$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION refresh_standing(p_tenant uuid, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH coupling AS (
    SELECT id FROM couplings WHERE tenant_id = p_tenant AND state = 'active' ORDER BY activated_at DESC LIMIT 1
  ), chosen AS (
    SELECT c.* FROM configurations c JOIN coupling k ON k.id = c.coupling_id
    WHERE c.tenant_id = p_tenant AND c.state = 'active'
  ), latest AS (
    SELECT DISTINCT ON (r.configuration_id) r.state, r.code FROM runs r JOIN chosen c ON c.id = r.configuration_id
    WHERE r.tenant_id = p_tenant AND r.state IN ('done', 'failed') ORDER BY r.configuration_id, r.created_at DESC
  ), night AS (
    SELECT n.missing + n.doubled + n.altered AS wrong FROM comparisons n JOIN coupling k ON k.id = n.coupling_id
    WHERE n.tenant_id = p_tenant ORDER BY n.night DESC LIMIT 1
  ), waiting AS (
    SELECT count(*) AS entries FROM entries e JOIN chosen c ON c.id = e.configuration_id
    WHERE e.tenant_id = p_tenant AND e.state = 'draft'
  ), arrived AS (
    SELECT EXISTS (SELECT 1 FROM statement_lines l JOIN chosen c ON c.bank_account_id = l.bank_account_id
      WHERE l.tenant_id = p_tenant) AS any
  ), lines AS (
    SELECT count(*) AS waiting FROM statement_lines l
    WHERE l.tenant_id = p_tenant AND l.entry_id IS NULL AND l.amount <> 0 AND NOT EXISTS (
      SELECT 1 FROM chosen c WHERE c.bank_account_id = l.bank_account_id
        AND (l.date < c.starts_on OR l.date > c.ends_on))
  ), causes (rank, state, code, number) AS (
    SELECT 1, 'none', 'standing.no_coupling', 0 WHERE NOT EXISTS (SELECT 1 FROM coupling)
    UNION ALL
    SELECT 2, 'none', 'standing.no_configuration', 0 WHERE NOT EXISTS (SELECT 1 FROM chosen)
    UNION ALL
    SELECT 3, 'stopped', code, count(*) FROM latest WHERE state = 'failed' GROUP BY code
    UNION ALL
    SELECT CASE p.state WHEN 'parked' THEN 4 ELSE 5 END, 'attention', p.code, count(*)
    FROM postings p JOIN coupling k ON k.id = p.coupling_id
    JOIN entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id AND e.state = 'offered'
    WHERE p.tenant_id = p_tenant AND p.state IN ('parked', 'rejected') GROUP BY p.state, p.code
    UNION ALL
    SELECT 6, 'attention', 'standing.differences', wrong FROM night WHERE wrong > 0
    UNION ALL
    SELECT 7, 'attention', 'standing.entries_wait', entries FROM waiting WHERE entries > 0
    UNION ALL
    SELECT 8, 'wait_client', 'standing.no_statements', 0 FROM arrived WHERE NOT arrived.any
    UNION ALL
    SELECT 9, 'active', '', 0
  ), worst AS (
    SELECT state, code, number FROM causes ORDER BY rank, number DESC, code LIMIT 1
  )
  INSERT INTO standings AS s (tenant_id, state, code, "values", since, last_sync_at, next_sync_at, waiting_lines,
    waiting_entries, coupling_id, changed_at)
  SELECT p_tenant, w.state, w.code, CASE WHEN w.number > 0 THEN jsonb_build_object('count', w.number) ELSE '{}' END,
    p_now, (SELECT max(last_run_at) FROM chosen), (SELECT min(next_due_at) FROM chosen),
    (SELECT waiting FROM lines), (SELECT entries FROM waiting), (SELECT id FROM coupling), p_now
  FROM worst w WHERE EXISTS (SELECT 1 FROM tenants WHERE id = p_tenant AND kind = 'client')
  ON CONFLICT (tenant_id) DO UPDATE SET state = excluded.state, code = excluded.code, "values" = excluded."values",
    since = CASE WHEN (s.state, s.code) = (excluded.state, excluded.code) THEN s.since ELSE excluded.since END,
    last_sync_at = excluded.last_sync_at, next_sync_at = excluded.next_sync_at,
    waiting_lines = excluded.waiting_lines, waiting_entries = excluded.waiting_entries,
    coupling_id = excluded.coupling_id, changed_at = excluded.changed_at
$$;
"""


def upgrade() -> None:
    op.execute(NOW)


def downgrade() -> None:
    op.execute(BEFORE)
