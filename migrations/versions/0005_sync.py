"""When an empty look-up counts, what a restore means for postings, and how a client account stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"

GUARD = """
CREATE OR REPLACE FUNCTION guard_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT (
       (OLD.state = 'intent'    AND NEW.state IN ('sending', 'rejected', 'parked'{restore}))
    OR (OLD.state = 'sending'   AND NEW.state IN ('confirmed', 'rejected', 'uncertain', 'intent'))
    OR (OLD.state = 'uncertain' AND NEW.state IN ('confirmed', 'intent', 'parked'))
    OR (OLD.state = 'rejected'  AND NEW.state = 'intent')
    OR (OLD.state = 'parked'    AND NEW.state IN ('intent', 'confirmed', 'uncertain'))
  ) THEN RAISE EXCEPTION 'posting % may not go from % to %', OLD.id, OLD.state, NEW.state; END IF;
  IF NEW.fence < OLD.fence THEN RAISE EXCEPTION 'posting %: the fence went back', OLD.id; END IF;
  IF NEW.payload <> OLD.payload AND NOT (OLD.state IN ('rejected', 'parked') AND NEW.state = 'intent') THEN
    RAISE EXCEPTION 'posting %: approved bytes may not change in state %', OLD.id, OLD.state; END IF;
  IF NEW.entry_id <> OLD.entry_id OR NEW.reference <> OLD.reference THEN
    RAISE EXCEPTION 'posting %: entry and reference are for ever', OLD.id; END IF;
  RETURN NEW;
END $$;
"""

FUNCTIONS = {
    # After a back-up was put back: what it calls unsent may have been sent since. Returns how many.
    "doubt_unconfirmed(timestamptz)": """
CREATE FUNCTION doubt_unconfirmed(p_now timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO restores (moment) VALUES (p_now) ON CONFLICT DO NOTHING;
  WITH doubted AS (
    UPDATE postings SET state = 'uncertain', code = 'posting.restored', fence = fence + 1, lease_until = NULL,
      looks = 0, settles_at = p_now, next_try_at = p_now, changed_at = p_now
    WHERE state IN ('intent', 'sending') RETURNING 1)
  SELECT count(*) FROM doubted
$$;""",
    # Lines of a period that was already booked do not wait for the next period.
    "bring_forward(uuid, timestamptz)": """
CREATE FUNCTION bring_forward(p_tenant uuid, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE configurations c SET next_due_at = p_now
  WHERE c.tenant_id = p_tenant AND c.state = 'active' AND coalesce(c.next_due_at, 'infinity') > p_now AND EXISTS (
    SELECT 1 FROM statement_lines l WHERE l.tenant_id = p_tenant AND l.bank_account_id = c.bank_account_id
      AND l.entry_id IS NULL AND l.amount <> 0
      AND l.date >= c.starts_on AND (c.ends_on IS NULL OR l.date <= c.ends_on))
$$;""",
    "refresh_standing(uuid, timestamptz)": """
CREATE FUNCTION refresh_standing(p_tenant uuid, p_now timestamptz) RETURNS void
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
$$;""",
}


def upgrade() -> None:
    op.add_column("postings", sa.Column("settles_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "restores",
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("moment", name=op.f("pk_restores")),
    )
    op.execute(f"GRANT SELECT ON restores TO {APP}; GRANT SELECT, INSERT ON restores TO {SYSTEM}")
    op.execute(f"GRANT INSERT ON standings TO {SYSTEM}")
    op.execute(GUARD.replace("{restore}", ", 'uncertain'"))
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    op.execute(GUARD.replace("{restore}", ""))
    op.execute(f"REVOKE INSERT ON standings FROM {SYSTEM}")
    op.drop_table("restores")
    op.drop_column("postings", "settles_at")
