"""Windows of calls that roll, calls at the same time, and whose turn it is among dossiers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
MOMENTS = ("served_at", "taken_until", "held_until")
OPEN = "state IN ('intent','sending','uncertain')"

FUNCTIONS = {
    # What waits in each dossier, and which dossiers are being worked on: all that choosing needs.
    "waiting_dossiers(timestamptz)": """
CREATE FUNCTION waiting_dossiers(p_now timestamptz) RETURNS TABLE (tenant_id uuid, coupling_id uuid, firm uuid,
  authorisation_id uuid, app text, waiting bigint, since timestamptz, served_at timestamptz, taken boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH due AS (
    SELECT p.tenant_id, p.coupling_id, count(*) FILTER (WHERE p.state = 'intent') AS intents,
      count(*) FILTER (WHERE p.state <> 'intent') AS others, min(p.next_try_at) AS since
    FROM postings p WHERE p.state IN ('intent', 'sending', 'uncertain') AND p.next_try_at <= p_now
      AND (p.lease_until IS NULL OR p.lease_until < p_now)
    GROUP BY p.tenant_id, p.coupling_id
  ), standing AS (
    SELECT c.tenant_id, c.id, c.authorisation_tenant_id, c.authorisation_id, c.app, d.since, c.served_at,
      coalesce(d.others, 0) + CASE WHEN c.held_until > p_now OR EXISTS (
        SELECT 1 FROM call_budgets b WHERE b.tenant_id = c.authorisation_tenant_id
          AND b.authorisation_id = c.authorisation_id AND b.dossier IN ('', c.dossier_code) AND b.endpoint = ''
          AND b.free_at > p_now) THEN 0 ELSE coalesce(d.intents, 0) END AS waiting,
      coalesce(c.taken_until > p_now, false) AS taken
    FROM couplings c LEFT JOIN due d ON d.tenant_id = c.tenant_id AND d.coupling_id = c.id
    WHERE d.since IS NOT NULL OR c.taken_until > p_now
  )
  SELECT s.tenant_id, s.id, s.authorisation_tenant_id, s.authorisation_id, s.app, s.waiting, s.since, s.served_at,
    s.taken FROM standing s WHERE s.waiting > 0 OR s.taken
$$;""",
    # A turn for each of these dossiers, until it is given back or the time is up; which ones got it.
    "take_turns(uuid[], uuid[], timestamptz, timestamptz)": """
CREATE FUNCTION take_turns(p_tenants uuid[], p_couplings uuid[], p_now timestamptz, p_until timestamptz)
RETURNS TABLE (coupling_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE couplings c SET served_at = p_now, taken_until = p_until
  FROM (SELECT k.tenant_id, k.id FROM couplings k
    JOIN unnest(p_tenants, p_couplings) AS t (tenant_id, id) ON k.tenant_id = t.tenant_id AND k.id = t.id
    FOR NO KEY UPDATE OF k SKIP LOCKED) free
  WHERE c.tenant_id = free.tenant_id AND c.id = free.id RETURNING c.id
$$;""",
    # The dossiers of a log-in that works again need not wait until they are tried by themselves.
    "wake_dossiers(uuid, uuid, timestamptz)": """
CREATE FUNCTION wake_dossiers(p_tenant uuid, p_authorisation uuid, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE couplings SET held_until = NULL
  WHERE p_tenant = app_tenant() AND authorisation_tenant_id = p_tenant AND authorisation_id = p_authorisation
    AND held_until IS NOT NULL;
  UPDATE postings p SET next_try_at = p_now FROM couplings c
  WHERE p_tenant = app_tenant() AND c.authorisation_tenant_id = p_tenant AND c.authorisation_id = p_authorisation
    AND p.tenant_id = c.tenant_id AND p.coupling_id = c.id AND p.state = 'intent'
    AND p.code LIKE 'posting.authorisation_%' AND p.next_try_at > p_now
$$;""",
}
BEFORE = """
CREATE FUNCTION ring_due_postings(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE postings p SET next_try_at = p_now + interval '20 seconds'
  FROM (
    SELECT due.tenant_id, due.id FROM (
      SELECT q.tenant_id, q.id, q.next_try_at, c.authorisation_tenant_id AS firm,
        row_number() OVER (PARTITION BY q.coupling_id ORDER BY q.next_try_at, q.id) AS turn
      FROM postings q JOIN couplings c ON c.tenant_id = q.tenant_id AND c.id = q.coupling_id
      WHERE q.state IN ('intent', 'sending', 'uncertain') AND q.next_try_at <= p_now
        AND (q.lease_until IS NULL OR q.lease_until < p_now)
    ) due
    ORDER BY due.turn, row_number() OVER (PARTITION BY due.firm ORDER BY due.turn, due.next_try_at), due.next_try_at
    LIMIT p_limit
  ) chosen WHERE p.tenant_id = chosen.tenant_id AND p.id = chosen.id
  RETURNING p.tenant_id, p.id
$$;"""


def upgrade() -> None:
    for name in MOMENTS:
        op.add_column("couplings", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_postings_turn", "postings", ["tenant_id", "coupling_id", "next_try_at", "id"],
        postgresql_where=sa.text(OPEN),
    )  # fmt: skip
    op.drop_column("call_budgets", "minute")
    op.drop_column("call_budgets", "minute_used")
    op.add_column("call_budgets", sa.Column("slot", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("call_budgets", sa.Column("slots", ARRAY(sa.Integer()), nullable=False, server_default="{}"))
    moments = ARRAY(sa.DateTime(timezone=True))
    op.add_column("call_budgets", sa.Column("under_way", moments, nullable=False, server_default="{}"))
    op.add_column("call_budgets", sa.Column("free_at", sa.DateTime(timezone=True), nullable=True))
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        _hand_over(signature)
    op.execute("DROP FUNCTION ring_due_postings(timestamptz, integer)")


def _hand_over(signature: str) -> None:
    op.execute(
        f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
    )


def downgrade() -> None:
    op.execute(BEFORE)
    _hand_over("ring_due_postings(timestamptz, integer)")
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for name in ("slot", "slots", "under_way", "free_at"):
        op.drop_column("call_budgets", name)
    op.add_column("call_budgets", sa.Column("minute", sa.DateTime(timezone=True), nullable=True))
    op.add_column("call_budgets", sa.Column("minute_used", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("ix_postings_turn", table_name="postings", postgresql_where=sa.text(OPEN))
    for name in MOMENTS:
        op.drop_column("couplings", name)
