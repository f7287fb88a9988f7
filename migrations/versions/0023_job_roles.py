"""Job roles of a tenant's own making, account groups, legal entities, and who has which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = (
    "legal_entities", "job_roles", "job_role_rights", "account_groups", "account_group_accounts",
    "member_job_roles", "member_groups",
)  # fmt: skip

# A group holds accounts of its own tenant or, in a firm, of a client account that lets the firm in now.
GUARD = """
CREATE FUNCTION guard_account_group() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT may_use_authorisation(NEW.client_id, NEW.tenant_id) THEN
    RAISE EXCEPTION 'tenant % does not reach the accounts of %', NEW.tenant_id, NEW.client_id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON account_group_accounts
  FOR EACH ROW EXECUTE FUNCTION guard_account_group();
"""

ROLES = "role IN ('administrator','staff','reader','owner','editor','custom')"
ROLES_BEFORE = "role IN ('administrator','staff','reader','owner','editor')"
NUMBER = (
    "enterprise_number ~ CASE scheme WHEN 'kbo' THEN '^[01][0-9]{9}$' WHEN 'kvk' THEN '^[0-9]{8}$'"
    " ELSE '^[0-9]{9}$' END"
)


def upgrade() -> None:
    _what_there_is()
    _who_has_it()
    op.drop_constraint(op.f("ck_memberships_role"), "memberships", type_="check")
    op.create_check_constraint(op.f("ck_memberships_role"), "memberships", ROLES)
    op.add_column("memberships", sa.Column("assigned_only", sa.Boolean(), server_default="false", nullable=False))
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )
    op.execute(GUARD)


def _key(*columns: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in columns]


def _times() -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "changed_at")]


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id"), ondelete="CASCADE"
    )


def _to(table: str, column: str, other: str, *, owner: str = "tenant_id", cascade: bool) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{owner}_{column}")
    ondelete = "CASCADE" if cascade else None
    return sa.ForeignKeyConstraint([owner, column], [f"{other}.tenant_id", f"{other}.id"], name=name, ondelete=ondelete)


def _what_there_is() -> None:
    op.create_table(
        "legal_entities",
        *_key("tenant_id", "id"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("enterprise_number", sa.String(), nullable=False),
        *_times(),
        sa.CheckConstraint("scheme IN ('kbo','kvk','siren')", name=op.f("ck_legal_entities_scheme")),
        sa.CheckConstraint(NUMBER, name=op.f("ck_legal_entities_enterprise_number")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 160", name=op.f("ck_legal_entities_name")),
        _of_tenant("legal_entities"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_legal_entities")),
    )
    op.create_index(
        "uq_legal_entities_number", "legal_entities", ["tenant_id", "scheme", "enterprise_number"], unique=True
    )
    op.create_table(
        "job_roles",
        *_key("tenant_id", "id"),
        sa.Column("name", sa.String(), nullable=False),
        *_times(),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80", name=op.f("ck_job_roles_name")),
        _of_tenant("job_roles"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_job_roles")),
    )
    op.create_index("uq_job_roles_name", "job_roles", ["tenant_id", sa.text("lower(name)")], unique=True)
    op.create_table(
        "job_role_rights",
        *_key("tenant_id", "job_role_id"),
        sa.Column("permission", sa.String(), nullable=False),
        sa.Column("rights", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("self_approve", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "rights <@ ARRAY['view','create','edit','approve']::varchar[] AND 'view' = ANY(rights)",
            name=op.f("ck_job_role_rights_rights"),
        ),
        sa.CheckConstraint("NOT self_approve OR 'approve' = ANY(rights)", name=op.f("ck_job_role_rights_self_approve")),
        sa.CheckConstraint("permission ~ '^[a-z_]+$'", name=op.f("ck_job_role_rights_permission")),
        _to("job_role_rights", "job_role_id", "job_roles", cascade=True),
        sa.PrimaryKeyConstraint("tenant_id", "job_role_id", "permission", name=op.f("pk_job_role_rights")),
    )
    op.create_table(
        "account_groups",
        *_key("tenant_id", "id"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("legal_entity_id", sa.Uuid(), nullable=True),
        *_times(),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80", name=op.f("ck_account_groups_name")),
        _of_tenant("account_groups"),
        _to("account_groups", "legal_entity_id", "legal_entities", cascade=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_account_groups")),
    )
    op.create_index("uq_account_groups_name", "account_groups", ["tenant_id", sa.text("lower(name)")], unique=True)
    op.create_index("ix_account_groups_legal_entity", "account_groups", ["tenant_id", "legal_entity_id"])


def _who_has_it() -> None:
    op.create_table(
        "account_group_accounts",
        *_key("tenant_id", "group_id", "client_id", "bank_account_id"),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        _to("account_group_accounts", "group_id", "account_groups", cascade=True),
        _to("account_group_accounts", "bank_account_id", "bank_accounts", owner="client_id", cascade=True),
        sa.PrimaryKeyConstraint(
            "tenant_id", "group_id", "client_id", "bank_account_id", name=op.f("pk_account_group_accounts")
        ),
    )
    op.create_index("ix_account_group_accounts_account", "account_group_accounts", ["client_id", "bank_account_id"])
    op.create_table(
        "member_job_roles",
        *_key("tenant_id", "membership_id", "job_role_id"),
        _to("member_job_roles", "membership_id", "memberships", cascade=True),
        _to("member_job_roles", "job_role_id", "job_roles", cascade=False),
        sa.PrimaryKeyConstraint("tenant_id", "membership_id", "job_role_id", name=op.f("pk_member_job_roles")),
    )
    op.create_index("ix_member_job_roles_role", "member_job_roles", ["tenant_id", "job_role_id"])
    op.create_table(
        "member_groups",
        *_key("tenant_id", "membership_id", "group_id"),
        _to("member_groups", "membership_id", "memberships", cascade=True),
        _to("member_groups", "group_id", "account_groups", cascade=False),
        sa.PrimaryKeyConstraint("tenant_id", "membership_id", "group_id", name=op.f("pk_member_groups")),
    )
    op.create_index("ix_member_groups_group", "member_groups", ["tenant_id", "group_id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION guard_account_group()")
    op.drop_column("memberships", "assigned_only")
    # Whoever had nothing but job roles is left with the least of the roles that there were.
    op.execute(f"SET LOCAL ROLE {SYSTEM}")
    op.execute("UPDATE memberships SET role = 'reader' WHERE role = 'custom'; SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("RESET ROLE")
    op.drop_constraint(op.f("ck_memberships_role"), "memberships", type_="check")
    op.create_check_constraint(op.f("ck_memberships_role"), "memberships", ROLES_BEFORE)
