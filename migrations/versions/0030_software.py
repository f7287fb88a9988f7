"""Accounting software with a user code of its own: who it is, what it reads, and that it stays what it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = ("software_users", "ungrouped_tellings")
ROLES = "role IN ('administrator','staff','reader','owner','editor','custom','software')"
ROLES_BEFORE = "role IN ('administrator','staff','reader','owner','editor','custom')"

SETTING = """
CREATE FUNCTION app_software() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.software', true), '')::uuid $$;
"""

FUNCTIONS = {
    # The accounts of the groups of the software that acts, while it may: complete, living, and let in.
    "software_accounts()": """
CREATE FUNCTION software_accounts()
RETURNS TABLE (client_id uuid, bank_account_id uuid, group_id uuid, group_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp ROWS 100 AS $$
  SELECT a.client_id, a.bank_account_id, n.id, n.name::text
  FROM memberships m
  JOIN users u ON u.id = m.user_id AND u.software AND u.disabled_at IS NULL AND u.totp_confirmed_at IS NOT NULL
  JOIN software_users s ON s.tenant_id = m.tenant_id AND s.id = m.id AND s.set_up_at IS NOT NULL
  JOIN tenants h ON h.id = m.tenant_id AND h.closed_at IS NULL
  JOIN member_groups g ON g.tenant_id = m.tenant_id AND g.membership_id = m.id
  JOIN account_groups n ON n.tenant_id = g.tenant_id AND n.id = g.group_id
  JOIN account_group_accounts a ON a.tenant_id = g.tenant_id AND a.group_id = g.group_id
  JOIN tenants t ON t.id = a.client_id AND t.closed_at IS NULL
  WHERE m.user_id = app_software() AND m.role = 'software' AND m.ended_at IS NULL
    AND (a.client_id = m.tenant_id OR EXISTS (SELECT 1 FROM grants x WHERE x.tenant_id = a.client_id
      AND x.portal_id = m.tenant_id AND x.state = 'active' AND (x.ends_on IS NULL OR x.ends_on >= app_today())))
$$;""",
    # Who comes with this user code, and by what it proves to be that.
    "software_login(text)": """
CREATE FUNCTION software_login(p_code text)
RETURNS TABLE (user_id uuid, tenant_id uuid, id uuid, name text, password_hash text, previous_password_hash text,
  password_changed_at timestamptz, ready boolean, networks text[], last_address text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, m.tenant_id, m.id, u.name::text, u.password_hash::text, s.previous_password_hash::text,
    u.password_changed_at, u.totp_confirmed_at IS NOT NULL AND s.set_up_at IS NOT NULL,
    s.networks::text[], s.last_address::text
  FROM users u
  JOIN memberships m ON m.user_id = u.id AND m.role = 'software' AND m.ended_at IS NULL
  JOIN software_users s ON s.tenant_id = m.tenant_id AND s.id = m.id
  JOIN tenants h ON h.id = m.tenant_id AND h.closed_at IS NULL
  WHERE lower(u.email) = lower(p_code) AND u.software AND u.disabled_at IS NULL
$$;""",
    "note_software_use(uuid, timestamptz, text)": """
CREATE FUNCTION note_software_use(p_user uuid, p_now timestamptz, p_address text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE software_users SET last_used_at = greatest(last_used_at, p_now), last_address = p_address, uses = uses + 1
  WHERE user_id = p_user
$$;""",
    # Tenants that work with groups and reach a bank account that is in none of them, which nobody was told yet.
    "tenants_with_ungrouped(integer)": """
CREATE FUNCTION tenants_with_ungrouped(p_limit integer) RETURNS TABLE (tenant_id uuid, kind text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT t.id, t.kind::text FROM tenants t
  WHERE t.closed_at IS NULL
    AND EXISTS (SELECT 1 FROM account_groups n WHERE n.tenant_id = t.id)
    AND EXISTS (
      SELECT 1 FROM bank_accounts b
      WHERE b.tenant_id IN (SELECT t.id UNION ALL SELECT x.tenant_id FROM grants x
          WHERE x.portal_id = t.id AND x.state = 'active' AND (x.ends_on IS NULL OR x.ends_on >= app_today()))
        AND NOT EXISTS (SELECT 1 FROM account_group_accounts a
          WHERE a.tenant_id = t.id AND a.client_id = b.tenant_id AND a.bank_account_id = b.id)
        AND NOT EXISTS (SELECT 1 FROM ungrouped_tellings o
          WHERE o.tenant_id = t.id AND o.client_id = b.tenant_id AND o.bank_account_id = b.id))
  ORDER BY t.id LIMIT p_limit
$$;""",
}

# Software reads by its groups and by nothing else: no tenant is set while it acts.
READS = {"bank_accounts": "id", "statements": "bank_account_id", "statement_lines": "bank_account_id"}

GUARDS = """
-- Software stays software, and people stay people; what was deleted is not brought back.
CREATE FUNCTION guard_software_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.software <> OLD.software THEN
    RAISE EXCEPTION 'user %: software stays software, and people stay people', OLD.id; END IF;
  IF OLD.software AND (NEW.email <> OLD.email OR (OLD.disabled_at IS NOT NULL AND NEW.disabled_at IS NULL)) THEN
    RAISE EXCEPTION 'user %: the user code of software stays, and what was deleted stays so', OLD.id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_software BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION guard_software_user();

CREATE FUNCTION guard_software_membership() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.role = 'software') <> (SELECT u.software FROM users u WHERE u.id = NEW.user_id) THEN
    RAISE EXCEPTION 'membership %: software has the role of software, and nobody else has', NEW.id; END IF;
  IF TG_OP = 'UPDATE' AND OLD.role = 'software'
      AND (NEW.role <> 'software' OR NEW.user_id <> OLD.user_id OR OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL)
    THEN RAISE EXCEPTION 'membership %: software stays what it is', OLD.id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_software BEFORE INSERT OR UPDATE ON memberships
  FOR EACH ROW EXECUTE FUNCTION guard_software_membership();

-- Nothing but groups gives software anything.
CREATE FUNCTION guard_software_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM users u WHERE u.id = NEW.user_id AND u.software) THEN
    RAISE EXCEPTION '%: not for software', TG_TABLE_NAME; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_software BEFORE INSERT OR UPDATE ON grants
  FOR EACH ROW EXECUTE FUNCTION guard_software_grant();

CREATE FUNCTION guard_software_role() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM memberships m WHERE m.tenant_id = NEW.tenant_id AND m.id = NEW.membership_id
      AND m.role = 'software') THEN
    RAISE EXCEPTION 'job roles are not for software'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_software BEFORE INSERT OR UPDATE ON member_job_roles
  FOR EACH ROW EXECUTE FUNCTION guard_software_role();
"""
GUARDED = {
    "users": "guard_software_user", "memberships": "guard_software_membership", "grants": "guard_software_grant",
    "member_job_roles": "guard_software_role",
}  # fmt: skip


def upgrade() -> None:
    op.add_column("users", sa.Column("software", sa.Boolean(), server_default="false", nullable=False))
    # A person signs in with an address, software with a code.
    op.create_check_constraint(op.f("ck_users_software"), "users", "software = (position('@' IN email) = 0)")
    op.create_check_constraint(op.f("ck_users_software_address"), "users", "NOT software OR email_verified_at IS NULL")
    op.drop_constraint(op.f("ck_memberships_role"), "memberships", type_="check")
    op.create_check_constraint(op.f("ck_memberships_role"), "memberships", ROLES)
    only = sa.text("role = 'software'")
    op.create_index("uq_memberships_software", "memberships", ["user_id"], unique=True, postgresql_where=only)
    _tables()
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )
    op.execute("CREATE POLICY itself ON software_users FOR SELECT USING (user_id = app_user())")
    op.execute("CREATE POLICY itself_changes ON software_users FOR UPDATE USING (user_id = app_user())")
    op.execute(SETTING)
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )
    for table, column in READS.items():
        op.execute(
            f"CREATE POLICY software ON {table} FOR SELECT USING"  # noqa: S608 (names of our own)
            f" ((tenant_id, {column}) IN (SELECT s.client_id, s.bank_account_id FROM software_accounts() s))"
        )
    op.execute(
        "CREATE POLICY software ON tenants FOR SELECT USING (id IN (SELECT s.client_id FROM software_accounts() s))"
    )
    op.execute(GUARDS)


def _tables() -> None:
    op.create_table(
        "software_users",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("networks", postgresql.ARRAY(postgresql.CIDR()), server_default="{}", nullable=False),
        sa.Column("set_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("previous_password_hash", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_address", sa.String(), server_default="", nullable=False),
        sa.Column("uses", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"], ["memberships.tenant_id", "memberships.id"],
            name=op.f("fk_software_users_tenant_id_id"), ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_software_users_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_software_users")),
    )  # fmt: skip
    op.create_index("uq_software_users_user", "software_users", ["user_id"], unique=True)
    op.create_table(
        "ungrouped_tellings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_ungrouped_tellings_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["client_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"],
            name=op.f("fk_ungrouped_tellings_client_id_bank_account_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "client_id", "bank_account_id", name=op.f("pk_ungrouped_tellings")),
    )  # fmt: skip
    op.create_index("ix_ungrouped_tellings_account", "ungrouped_tellings", ["client_id", "bank_account_id"])


def downgrade() -> None:
    for table in GUARDED:
        op.execute(f"DROP TRIGGER guard_software ON {table}")
    for function in sorted(set(GUARDED.values())):
        op.execute(f"DROP FUNCTION {function}()")
    for table in (*READS, "tenants"):
        op.execute(f"DROP POLICY software ON {table}")
    for table in reversed(TABLES):
        op.drop_table(table)
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    op.execute("DROP FUNCTION app_software()")
    # Software cannot become a person: it goes, with all that hangs on it.
    op.execute(f"GRANT DELETE ON users TO {SYSTEM}; SET LOCAL ROLE {SYSTEM}")
    # What is judged at the end is judged now: a table with such a judgement before it is not altered.
    op.execute("DELETE FROM users WHERE software; SET CONSTRAINTS ALL IMMEDIATE")
    op.execute(f"RESET ROLE; REVOKE DELETE ON users FROM {SYSTEM}")
    op.drop_index("uq_memberships_software", "memberships")
    op.drop_constraint(op.f("ck_memberships_role"), "memberships", type_="check")
    op.create_check_constraint(op.f("ck_memberships_role"), "memberships", ROLES_BEFORE)
    op.drop_column("users", "software")
