"""History of who may do what and of what is coupled, kept by the database: how it was on any day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"

# table → (columns of its key beside the tenant, columns that change by themselves all the time)
KEPT = {
    "memberships": ("id", ""),
    "grants": ("id", ""),
    "job_roles": ("id", "changed_at"),
    "job_role_rights": ("job_role_id,permission", ""),
    "member_job_roles": ("membership_id,job_role_id", ""),
    "account_groups": ("id", "changed_at"),
    "account_group_accounts": ("group_id,client_id,bank_account_id", ""),
    "member_groups": ("membership_id,group_id", ""),
    "couplings": ("id", "served_at,taken_until,held_until"),
    "configurations": ("id", "next_due_at,last_run_at,changed_at"),
}

KEEP = """
CREATE FUNCTION keep_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  moving text[] := string_to_array(TG_ARGV[1], ',');
  was jsonb; is_now jsonb; named text;
BEGIN
  IF TG_OP <> 'INSERT' THEN was := to_jsonb(OLD) - moving; END IF;
  IF TG_OP <> 'DELETE' THEN is_now := to_jsonb(NEW) - moving; END IF;
  IF was IS NOT DISTINCT FROM is_now THEN RETURN NULL; END IF;
  SELECT string_agg(coalesce(is_now, was) ->> part, '/' ORDER BY at) INTO named
  FROM unnest(string_to_array(TG_ARGV[0], ',')) WITH ORDINALITY AS k(part, at);
  -- Changed twice in one transaction: only what was committed counts.
  DELETE FROM histories h WHERE h.tenant_id = (coalesce(is_now, was) ->> 'tenant_id')::uuid
    AND h.kind = TG_TABLE_NAME AND h.key = named AND h.from_at = now();
  UPDATE histories h SET until_at = now() WHERE h.tenant_id = (coalesce(is_now, was) ->> 'tenant_id')::uuid
    AND h.kind = TG_TABLE_NAME AND h.key = named AND h.until_at IS NULL;
  IF is_now IS NOT NULL THEN
    INSERT INTO histories (tenant_id, kind, key, from_at, row, told)
    VALUES ((is_now ->> 'tenant_id')::uuid, TG_TABLE_NAME, named, now(), is_now, false);
  END IF;
  RETURN NULL;
END $$;
"""

# What was there before is told by its own moments; `told` says that nobody watched.
BEFORE = """
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'memberships', id::text, created_at, ended_at, to_jsonb(m) || '{"ended_at": null}', true
FROM memberships m WHERE ended_at IS NULL OR ended_at > created_at;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'memberships', id::text, ended_at, NULL, to_jsonb(m), true FROM memberships m
WHERE ended_at > created_at;

INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'grants', id::text, created_at, coalesce(activated_at, withdrawn_at),
  to_jsonb(g) || '{"state": "pending"}', true
FROM grants g WHERE coalesce(activated_at, withdrawn_at, 'infinity') > created_at;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'grants', id::text, activated_at, withdrawn_at, to_jsonb(g) || '{"state": "active"}', true
FROM grants g WHERE activated_at IS NOT NULL AND coalesce(withdrawn_at, 'infinity') > activated_at;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'grants', id::text, withdrawn_at, NULL, to_jsonb(g), true FROM grants g
WHERE withdrawn_at IS NOT NULL;

INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'couplings', id::text, activated_at, ended_at,
  to_jsonb(c) - '{served_at,taken_until,held_until}'::text[] || '{"state": "active", "ended_at": null}', true
FROM couplings c WHERE coalesce(ended_at, 'infinity') > activated_at;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'couplings', id::text, ended_at, NULL,
  to_jsonb(c) - '{served_at,taken_until,held_until}'::text[], true FROM couplings c WHERE ended_at > activated_at;

INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'configurations', id::text, created_at, NULL,
  to_jsonb(c) - '{next_due_at,last_run_at,changed_at}'::text[], true FROM configurations c;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'job_roles', id::text, created_at, NULL, to_jsonb(r) - 'changed_at', true FROM job_roles r;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'account_groups', id::text, created_at, NULL, to_jsonb(a) - 'changed_at', true
FROM account_groups a;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT tenant_id, 'account_group_accounts', concat_ws('/', group_id, client_id, bank_account_id), added_at, NULL,
  to_jsonb(a), true FROM account_group_accounts a;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT x.tenant_id, 'job_role_rights', concat_ws('/', x.job_role_id, x.permission), r.created_at, NULL,
  to_jsonb(x), true
FROM job_role_rights x JOIN job_roles r ON r.tenant_id = x.tenant_id AND r.id = x.job_role_id;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT x.tenant_id, 'member_job_roles', concat_ws('/', x.membership_id, x.job_role_id), m.created_at, NULL,
  to_jsonb(x), true
FROM member_job_roles x JOIN memberships m ON m.tenant_id = x.tenant_id AND m.id = x.membership_id;
INSERT INTO histories (tenant_id, kind, key, from_at, until_at, row, told)
SELECT x.tenant_id, 'member_groups', concat_ws('/', x.membership_id, x.group_id), m.created_at, NULL,
  to_jsonb(x), true
FROM member_groups x JOIN memberships m ON m.tenant_id = x.tenant_id AND m.id = x.membership_id;
"""


def upgrade() -> None:
    op.create_table(
        "histories",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row", postgresql.JSONB(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.CheckConstraint("until_at > from_at", name=op.f("ck_histories_order")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_histories_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "key", "from_at", name=op.f("pk_histories")),
    )
    open_ones = sa.text("until_at IS NULL")
    op.create_index(
        "uq_histories_open", "histories", ["tenant_id", "kind", "key"], unique=True, postgresql_where=open_ones
    )
    op.execute(
        f"ALTER TABLE histories ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY own ON histories USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
        f"GRANT SELECT ON histories TO {APP}; GRANT SELECT, INSERT, UPDATE, DELETE ON histories TO {SYSTEM};"
        f"GRANT SELECT ON {', '.join(KEPT)} TO {SYSTEM}"
    )
    op.execute(f"SET LOCAL ROLE {SYSTEM}; {BEFORE} RESET ROLE")
    op.execute("ALTER TABLE histories FORCE ROW LEVEL SECURITY")
    op.execute(KEEP)
    op.execute(f"ALTER FUNCTION keep_history() OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION keep_history() FROM PUBLIC")
    for table, (key, moving) in KEPT.items():
        op.execute(
            f"CREATE TRIGGER keep_history AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION keep_history('{key}', '{moving}')"
        )


def downgrade() -> None:
    for table in KEPT:
        op.execute(f"DROP TRIGGER keep_history ON {table}")
    op.execute("DROP FUNCTION keep_history()")
    op.drop_table("histories")
