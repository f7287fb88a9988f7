"""Archives of an account, how long things are kept, and deleting an account for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = ("archives", "archive_parts", "retentions", "erasures")

FUNCTIONS = {
    # Archives that nobody made yet, or whose maker died; after five attempts it is given up.
    "ring_due_archives(timestamptz, integer)": """
CREATE FUNCTION ring_due_archives(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE archives a SET next_try_at = p_now + interval '10 minutes', attempts = a.attempts + 1,
    state = CASE WHEN a.attempts >= 5 THEN 'failed' ELSE 'asked' END
  FROM (SELECT q.tenant_id, q.id FROM archives q WHERE q.state = 'asked' AND q.next_try_at <= p_now
        ORDER BY q.next_try_at LIMIT p_limit FOR UPDATE SKIP LOCKED) chosen
  WHERE a.tenant_id = chosen.tenant_id AND a.id = chosen.id
  RETURNING a.tenant_id, a.id
$$;""",
    "expire_archives(timestamptz)": """
CREATE FUNCTION expire_archives(p_now timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DELETE FROM archive_parts p USING archives a
  WHERE a.tenant_id = p.tenant_id AND a.id = p.archive_id AND a.expires_at <= p_now;
  WITH gone AS (
    UPDATE archives SET state = 'expired' WHERE state = 'ready' AND expires_at <= p_now RETURNING 1)
  SELECT count(*) FROM gone
$$;""",
    "due_erasures(timestamptz)": """
CREATE FUNCTION due_erasures(p_now timestamptz) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.tenant_id, e.id FROM erasures e WHERE e.state = 'held' AND e.due_at <= p_now ORDER BY e.due_at
$$;""",
    # Logs that went with their account, and how they ended.
    "erased_chains()": """
CREATE FUNCTION erased_chains() RETURNS TABLE (tenant_id uuid, seq integer, hash bytea, seal bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.tenant_id, e.head_seq, e.head_hash, e.seal FROM erasures e WHERE e.state = 'done'
$$;""",
    # May rows of this account be removed now? Asked by the database itself before each removal.
    "may_erase(uuid)": """
CREATE FUNCTION may_erase(p_tenant uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM erasures e WHERE e.tenant_id = p_tenant AND e.state = 'held' AND e.due_at <= now())
$$;""",
    # Couplings of other accounts that go through a log-in of this one.
    "couplings_through(uuid)": """
CREATE FUNCTION couplings_through(p_tenant uuid) RETURNS TABLE (tenant_id uuid, id uuid, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.tenant_id, c.id, c.state::text FROM couplings c
  WHERE c.authorisation_tenant_id = p_tenant AND c.tenant_id <> p_tenant AND p_tenant = app_tenant()
$$;""",
    # What others keep of an account that goes: that it was there, without its log-ins.
    "let_go_of(uuid, timestamptz)": """
CREATE FUNCTION let_go_of(p_tenant uuid, p_now timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT may_erase(p_tenant) THEN RAISE EXCEPTION 'account % is not due to be deleted', p_tenant; END IF;
  UPDATE grants SET state = 'ended', portal_id = NULL WHERE portal_id = p_tenant AND tenant_id <> p_tenant;
  UPDATE feeds SET via_id = NULL WHERE via_id = p_tenant AND tenant_id <> p_tenant;
  DELETE FROM account_group_accounts WHERE client_id = p_tenant AND tenant_id <> p_tenant;
  INSERT INTO authorisations
    (tenant_id, id, app, environment, name, state, state_code, state_since, remote_user_id, remote_user_name,
     remote_email, remote_company, default_dossier, form, created_at, removed_at)
  SELECT DISTINCT c.tenant_id, a.id, a.app, a.environment, a.id::text, 'revoked', '', p_now, '', '',
    '', '', '', '{}'::jsonb, p_now, p_now
  FROM couplings c JOIN authorisations a ON a.tenant_id = c.authorisation_tenant_id AND a.id = c.authorisation_id
  WHERE c.authorisation_tenant_id = p_tenant AND c.tenant_id <> p_tenant
  ON CONFLICT DO NOTHING;
  UPDATE couplings SET authorisation_tenant_id = tenant_id
  WHERE authorisation_tenant_id = p_tenant AND tenant_id <> p_tenant;
END $$;""",
    # People who belonged to the account and belong nowhere else now.
    "erase_people(uuid[], uuid)": """
CREATE FUNCTION erase_people(p_users uuid[], p_tenant uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE one uuid; gone bigint := 0;
BEGIN
  IF NOT may_erase(p_tenant) THEN RAISE EXCEPTION 'account % is not due to be deleted', p_tenant; END IF;
  FOREACH one IN ARRAY p_users LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = one AND m.tenant_id <> p_tenant);
    CONTINUE WHEN EXISTS (SELECT 1 FROM grants g WHERE g.user_id = one AND g.tenant_id <> p_tenant);
    BEGIN
      DELETE FROM mails WHERE lower(to_email) = (SELECT lower(email) FROM users WHERE id = one);
      DELETE FROM users WHERE id = one;
      gone := gone + 1;
    EXCEPTION WHEN foreign_key_violation THEN NULL;  -- still named elsewhere, as the owner of a log-in
    END;
  END LOOP;
  RETURN gone;
END $$;""",
}

# Runs as the owner of the tables: guards that keep rows for ever are lifted for this one statement.
ERASE_ROWS = """
CREATE FUNCTION erase_rows(p_table text, p_tenant uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE gone bigint;
BEGIN
  IF NOT may_erase(p_tenant) OR p_tenant IS DISTINCT FROM app_tenant() THEN
    RAISE EXCEPTION 'account % is not due to be deleted', p_tenant; END IF;
  EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', p_table);
  EXECUTE format('DELETE FROM %I WHERE %I = $1', p_table, CASE p_table WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END)
    USING p_tenant;
  GET DIAGNOSTICS gone = ROW_COUNT;
  EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', p_table);
  RETURN gone;
END $$;
REVOKE ALL ON FUNCTION erase_rows(text, uuid) FROM PUBLIC;
"""


def upgrade() -> None:
    _tables()
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM};"
            f"GRANT SELECT, INSERT, UPDATE{'' if table == 'erasures' else ', DELETE'} ON {table} TO {APP}"
        )
    op.execute(
        f"GRANT INSERT ON authorisations TO {SYSTEM}; GRANT DELETE ON account_group_accounts, mails, users TO {SYSTEM};"
        f"GRANT SELECT ON account_group_accounts, mails, users, memberships, feeds TO {SYSTEM};"
        f"GRANT UPDATE ON grants, feeds, couplings TO {SYSTEM}"
    )
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )
    op.execute(ERASE_ROWS)
    op.execute(f"GRANT EXECUTE ON FUNCTION erase_rows(text, uuid) TO {APP}")


def _tables() -> None:
    op.create_table(
        "archives",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("with_clients", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("asked_name", sa.String(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state IN ('asked','ready','failed','expired')", name=op.f("ck_archives_state")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_archives_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_archives")),
    )
    waiting = sa.text("state = 'asked'")
    op.create_index("uq_archives_asked", "archives", ["tenant_id"], unique=True, postgresql_where=waiting)
    op.create_index("ix_archives_due", "archives", ["next_try_at"], postgresql_where=waiting)
    op.create_table(
        "archive_parts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("archive_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "archive_id"], ["archives.tenant_id", "archives.id"],
            name=op.f("fk_archive_parts_tenant_id_archive_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "archive_id", "number", name=op.f("pk_archive_parts")),
    )  # fmt: skip
    # It is packed already; trying again costs time and gains nothing.
    op.execute("ALTER TABLE archive_parts ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_table(
        "retentions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("original_months", sa.Integer(), nullable=False),
        sa.Column("trace_days", sa.Integer(), nullable=False),
        sa.Column("hold", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("original_months >= 12", name=op.f("ck_retentions_original_months")),
        sa.CheckConstraint("trace_days >= 7", name=op.f("ck_retentions_trace_days")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_retentions_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_retentions")),
    )
    op.create_table(
        "erasures",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("head_seq", sa.Integer(), nullable=True),
        sa.Column("head_hash", sa.LargeBinary(), nullable=True),
        sa.Column("seal", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state IN ('held','cancelled','done')", name=op.f("ck_erasures_state")),
        sa.CheckConstraint("kind IN ('portal','client')", name=op.f("ck_erasures_kind")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_erasures")),
    )
    held = sa.text("state = 'held'")
    op.create_index("uq_erasures_held", "erasures", ["tenant_id"], unique=True, postgresql_where=held)
    op.create_index("ix_erasures_due", "erasures", ["due_at"], postgresql_where=held)


def downgrade() -> None:
    op.execute("DROP FUNCTION erase_rows(text, uuid)")
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
    for table in ("archive_parts", "archives", "retentions", "erasures"):
        op.drop_table(table)
    op.execute(
        f"REVOKE INSERT ON authorisations FROM {SYSTEM};"
        f"REVOKE DELETE ON account_group_accounts, mails, users FROM {SYSTEM}"
    )
