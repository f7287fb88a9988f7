"""What people with account groups still saw of others: standings, history, tasks in the log, what is billed.

An account is deleted no sooner than thirty days after that was asked, whoever writes the row.
"""

from __future__ import annotations

import runpy
from pathlib import Path

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
BEFORE: str = runpy.run_path(str(Path(__file__).with_name("0027_limits.py")))["SEES"]
NOW = BEFORE.replace(
    "    WHEN 'account_group' THEN false\n",
    "    WHEN 'account_group' THEN false\n"
    "    WHEN 'approval' THEN EXISTS (SELECT 1 FROM approval_tasks WHERE id = p_id)\n",
)

# Whether a client account has no bank account outside the groups, so that its totals tell of none.
WHOLE, SEES_WHOLE = (
    "app_sees_whole(uuid)",
    """
CREATE FUNCTION app_sees_whole(p_tenant uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT 1 FROM bank_accounts b WHERE b.tenant_id = p_tenant
    AND b.id NOT IN (SELECT app_accounts()))
$$;
""",
)
_FED = "EXISTS (SELECT 1 FROM feed_accounts a WHERE a.tenant_id = {tenant} AND a.id = {account})"
UNREAD = {
    "standings": "app_sees_whole(tenant_id)",
    "histories": "(kind <> 'configurations' AND kind <> 'account_group_accounts')"
    " OR (row ->> 'bank_account_id') IS NULL OR (row ->> 'bank_account_id')::uuid IN (SELECT app_accounts())",
    "feed_spans": _FED.format(tenant="feed_spans.tenant_id", account="feed_account_id"),
    "usages": "subject_id = client_id OR " + _FED.format(tenant="client_id", account="subject_id"),
}  # fmt: skip

# The application asks for a deletion; it neither shortens the thirty days nor brings back what was taken back.
HELD = """
CREATE FUNCTION guard_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.due_at < now() + interval '29 days' THEN
      RAISE EXCEPTION 'erasure %: thirty days are left to take it back', NEW.id; END IF;
  ELSIF OLD.state <> 'held' AND NEW.state <> OLD.state THEN RAISE EXCEPTION 'erasure %: is over', OLD.id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON erasures FOR EACH ROW EXECUTE FUNCTION guard_erasure();
"""
MOVES = "state, ended_at, counts, head_seq, head_hash, seal"


def upgrade() -> None:
    op.execute(NOW.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(SEES_WHOLE)
    op.execute(
        f"ALTER FUNCTION {WHOLE} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {WHOLE} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {WHOLE} TO {APP}"
    )
    for table, condition in UNREAD.items():
        op.execute(
            f"CREATE POLICY groups ON {table} AS RESTRICTIVE FOR SELECT"
            f" USING (NOT (SELECT app_limited()) OR {condition})"
        )
    op.execute(HELD)
    op.execute(f"REVOKE UPDATE ON erasures FROM {APP}; GRANT UPDATE ({MOVES}) ON erasures TO {APP}")


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE ({MOVES}) ON erasures FROM {APP}; GRANT UPDATE ON erasures TO {APP}")
    op.execute("DROP TRIGGER guard ON erasures; DROP FUNCTION guard_erasure()")
    for table in UNREAD:
        op.execute(f"DROP POLICY groups ON {table}")
    op.execute(f"DROP FUNCTION {WHOLE}")
    op.execute(BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
