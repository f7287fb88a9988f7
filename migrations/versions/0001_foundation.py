"""Every table of the foundation: people, tenants, authorisations, couplings, ledger, sync."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_data_keys")),
    )
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("to_email", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
    )
    op.create_index(
        "ix_mails_due",
        "mails",
        ["next_try_at"],
        unique=False,
        postgresql_where="sent_at IS NULL AND given_up_at IS NULL",
    )
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("enterprise_number", sa.String(), nullable=False),
        sa.Column("vat_number", sa.String(), nullable=False),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("postcode", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("billing_email", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("country IN ('BE','NL','FR')", name=op.f("ck_tenants_country")),
        sa.CheckConstraint("kind = 'client' OR email IS NOT NULL", name=op.f("ck_tenants_portal_email")),
        sa.CheckConstraint("kind IN ('portal','client')", name=op.f("ck_tenants_kind")),
        sa.CheckConstraint("scheme IN ('kbo','kvk','siren')", name=op.f("ck_tenants_scheme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_index(
        "uq_tenants_portal_email",
        "tenants",
        [sa.literal_column("lower(email)")],
        unique=True,
        postgresql_where=sa.text("kind = 'portal' AND email_verified_at IS NOT NULL"),
    )
    op.create_table(
        "ticks",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("instance", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("task", "moment", name=op.f("pk_ticks")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("theme", sa.String(), nullable=False),
        sa.Column("single_keys", sa.Boolean(), nullable=False),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("locale IN ('nl-BE','nl-NL','fr-BE','fr-FR','en-GB')", name=op.f("ck_users_locale")),
        sa.CheckConstraint("theme IN ('light','dark','system')", name=op.f("ck_users_theme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "access_requests",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("firm_name", sa.String(), nullable=False),
        sa.Column("firm_email", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked','granted','declined','withdrawn')", name=op.f("ck_access_requests_state")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_access_requests_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_access_requests")),
    )
    op.create_index(
        "ix_access_requests_email",
        "access_requests",
        [sa.literal_column("lower(email)")],
        unique=False,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_table(
        "activities",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("via_id", sa.Uuid(), nullable=True),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("context_id", sa.Uuid(), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("actor_kind IN ('person','system','provider')", name=op.f("ck_activities_actor_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_activities_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_activities")),
    )
    op.create_index(
        "ix_activities_subject", "activities", ["tenant_id", "subject_kind", "subject_id", "seq"], unique=False
    )
    op.create_index("uq_activities_seq", "activities", ["tenant_id", "seq"], unique=True)
    op.create_table(
        "assignments",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["tenants.id"], name=op.f("fk_assignments_client_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_assignments_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_assignments_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_assignments")),
    )
    op.create_index("uq_assignments_client", "assignments", ["tenant_id", "client_id"], unique=True)
    op.create_table(
        "authorisations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_code", sa.String(), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("deputy_id", sa.Uuid(), nullable=True),
        sa.Column("remote_user_id", sa.String(), nullable=False),
        sa.Column("remote_user_name", sa.String(), nullable=False),
        sa.Column("remote_email", sa.String(), nullable=False),
        sa.Column("remote_company", sa.String(), nullable=False),
        sa.Column("default_dossier", sa.String(), nullable=False),
        sa.Column("dossiers_fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('inactive','active','needs_consent','refused','revoked')", name=op.f("ck_authorisations_state")
        ),
        sa.ForeignKeyConstraint(["deputy_id"], ["users.id"], name=op.f("fk_authorisations_deputy_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_authorisations_owner_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_authorisations_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_authorisations")),
    )
    op.create_index(
        "uq_authorisations_login",
        "authorisations",
        ["tenant_id", "app", "environment", "remote_user_id"],
        unique=True,
        postgresql_where=sa.text("remote_user_id <> '' AND removed_at IS NULL"),
    )
    op.create_index(
        "uq_authorisations_name",
        "authorisations",
        ["tenant_id", sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "bank_accounts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("bic", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_bank_accounts_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_bank_accounts")),
        sa.UniqueConstraint("tenant_id", "number", "currency", name="uq_bank_accounts_number"),
    )
    op.create_table(
        "chain_heads",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_chain_heads_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_chain_heads")),
    )
    op.create_table(
        "grants",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("portal_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("role IN ('editor','reader')", name=op.f("ck_grants_role")),
        sa.CheckConstraint("state IN ('pending','active','withdrawn','ended')", name=op.f("ck_grants_state")),
        sa.CheckConstraint(
            "state IN ('pending','withdrawn','ended') OR num_nonnulls(portal_id, user_id) = 1",
            name=op.f("ck_grants_holder"),
        ),
        sa.ForeignKeyConstraint(["portal_id"], ["tenants.id"], name=op.f("fk_grants_portal_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_grants_tenant_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_grants_user_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_grants")),
    )
    op.create_index(
        "ix_grants_pending",
        "grants",
        [sa.literal_column("lower(email)")],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_grants_portal",
        "grants",
        ["portal_id", "tenant_id"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "ix_grants_user", "grants", ["user_id", "tenant_id"], unique=False, postgresql_where=sa.text("state = 'active'")
    )
    op.create_index(
        "uq_grants_email",
        "grants",
        ["tenant_id", sa.literal_column("lower(email)")],
        unique=True,
        postgresql_where=sa.text("state IN ('pending','active')"),
    )
    op.create_table(
        "imports",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('stored','known','refused')", name=op.f("ck_imports_state")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_imports_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_created", "imports", ["tenant_id", "created_at"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('administrator','staff','reader','owner','editor')", name=op.f("ck_memberships_role")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_memberships_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memberships_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"], unique=False)
    op.create_index(
        "uq_memberships_user",
        "memberships",
        ["tenant_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_ref", sa.Uuid(), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('verify_email','reset_password','verify_portal')", name=op.f("ck_one_time_tokens_purpose")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_tokens")),
    )
    op.create_index("uq_one_time_tokens_token_hash", "one_time_tokens", ["token_hash"], unique=True)
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"], unique=False)
    op.create_table(
        "run_batches",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_run_batches_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_run_batches")),
    )
    op.create_table(
        "standings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_lines", sa.Integer(), nullable=False),
        sa.Column("waiting_entries", sa.Integer(), nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('active','attention','stopped','wait_client','none')", name=op.f("ck_standings_state")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_standings_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_standings")),
    )
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_sessions")),
    )
    op.create_index("ix_user_sessions_user_id", "user_sessions", ["user_id"], unique=False)
    op.create_index("uq_user_sessions_token_hash", "user_sessions", ["token_hash"], unique=True)
    op.create_table(
        "call_budgets",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=False),
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=True),
        sa.Column("minute_used", sa.Integer(), nullable=False),
        sa.Column("day", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day_used", sa.Integer(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_hour", sa.DateTime(timezone=True), nullable=True),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"],
            ["authorisations.tenant_id", "authorisations.id"],
            name=op.f("fk_call_budgets_tenant_id_authorisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_call_budgets")),
        sa.UniqueConstraint("tenant_id", "authorisation_id", "dossier", "endpoint", name="uq_call_budgets_endpoint"),
    )
    op.create_table(
        "couplings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("authorisation_tenant_id", sa.Uuid(), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=False),
        sa.Column("authorisation_name", sa.String(), nullable=False),
        sa.Column("dossier_code", sa.String(), nullable=False),
        sa.Column("dossier_number", sa.String(), nullable=False),
        sa.Column("dossier_name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_code", sa.String(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('active','ended')", name=op.f("ck_couplings_state")),
        sa.ForeignKeyConstraint(
            ["authorisation_tenant_id", "authorisation_id"],
            ["authorisations.tenant_id", "authorisations.id"],
            name=op.f("fk_couplings_authorisation_tenant_id_authorisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaces_id"],
            ["couplings.tenant_id", "couplings.id"],
            name=op.f("fk_couplings_tenant_id_replaces_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_couplings_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_couplings")),
    )
    op.create_index(
        "uq_couplings_active",
        "couplings",
        ["tenant_id", "app"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "uq_couplings_dossier",
        "couplings",
        ["authorisation_tenant_id", "authorisation_id", "dossier_code"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "credentials",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("access_token", sa.LargeBinary(), nullable=False),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"],
            ["authorisations.tenant_id", "authorisations.id"],
            name=op.f("fk_credentials_tenant_id_authorisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "authorisation_id", name=op.f("pk_credentials")),
    )
    op.create_table(
        "dossiers",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("vat_number", sa.String(), nullable=False),
        sa.Column("enterprise_number", sa.String(), nullable=False),
        sa.Column("siret", sa.String(), nullable=False),
        sa.Column("customer_name", sa.String(), nullable=False),
        sa.Column("archived_on", sa.Date(), nullable=True),
        sa.Column("blocking", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('active','inactive','archived','blocked')", name=op.f("ck_dossiers_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"],
            ["authorisations.tenant_id", "authorisations.id"],
            name=op.f("fk_dossiers_tenant_id_authorisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_dossiers")),
        sa.UniqueConstraint("tenant_id", "authorisation_id", "code", name="uq_dossiers_code"),
    )
    op.create_table(
        "login_states",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=True),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["user_sessions.id"], name=op.f("fk_login_states_session_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"],
            ["authorisations.tenant_id", "authorisations.id"],
            name=op.f("fk_login_states_tenant_id_authorisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_login_states_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_login_states")),
    )
    op.create_index("uq_login_states_hash", "login_states", ["tenant_id", "state_hash"], unique=True)
    op.create_table(
        "refresh_attempts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('open','renewed','refused','transient','unknown')", name=op.f("ck_refresh_attempts_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"],
            ["authorisations.tenant_id", "authorisations.id"],
            name=op.f("fk_refresh_attempts_tenant_id_authorisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_refresh_attempts")),
    )
    op.create_index(
        "ix_refresh_attempts_open",
        "refresh_attempts",
        ["tenant_id", "authorisation_id"],
        unique=False,
        postgresql_where=sa.text("outcome = 'open'"),
    )
    op.create_table(
        "statements",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=True),
        sa.Column("opening_date", sa.Date(), nullable=True),
        sa.Column("closing", sa.BigInteger(), nullable=True),
        sa.Column("closing_date", sa.Date(), nullable=True),
        sa.Column("first_date", sa.Date(), nullable=True),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("new_lines", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"],
            ["bank_accounts.tenant_id", "bank_accounts.id"],
            name=op.f("fk_statements_tenant_id_bank_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["imports.tenant_id", "imports.id"],
            name=op.f("fk_statements_tenant_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_statements")),
        sa.UniqueConstraint("tenant_id", "bank_account_id", "digest", name="uq_statements_digest"),
    )
    op.create_index(
        "ix_statements_closing", "statements", ["tenant_id", "bank_account_id", "closing_date"], unique=False
    )
    op.create_table(
        "books",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("rows", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('ledger_accounts','journals','vat_codes','periods')", name=op.f("ck_books_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "coupling_id"],
            ["couplings.tenant_id", "couplings.id"],
            name=op.f("fk_books_tenant_id_coupling_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "coupling_id", "kind", name=op.f("pk_books")),
    )
    op.create_table(
        "comparisons",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered", sa.Integer(), nullable=False),
        sa.Column("booked", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("doubled", sa.Integer(), nullable=False),
        sa.Column("altered", sa.Integer(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "coupling_id"],
            ["couplings.tenant_id", "couplings.id"],
            name=op.f("fk_comparisons_tenant_id_coupling_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_comparisons")),
        sa.UniqueConstraint("tenant_id", "coupling_id", "night", name="uq_comparisons_night"),
    )
    op.create_index("ix_comparisons_night", "comparisons", ["tenant_id", "night"], unique=False)
    op.create_table(
        "configurations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column("entry_kind", sa.String(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("bank_ledger_account", sa.String(), nullable=False),
        sa.Column("suspense_account", sa.String(), nullable=False),
        sa.Column("frequency", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("delay_days", sa.Integer(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("entry_kind IN ('bank','general')", name=op.f("ck_configurations_entry_kind")),
        sa.CheckConstraint("frequency IN ('daily','monthly')", name=op.f("ck_configurations_frequency")),
        sa.CheckConstraint("state IN ('active','inactive','deleted')", name=op.f("ck_configurations_state")),
        sa.CheckConstraint("delay_days BETWEEN 0 AND 14", name=op.f("ck_configurations_delay")),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name=op.f("ck_configurations_span")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"],
            ["bank_accounts.tenant_id", "bank_accounts.id"],
            name=op.f("fk_configurations_tenant_id_bank_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "coupling_id"],
            ["couplings.tenant_id", "couplings.id"],
            name=op.f("fk_configurations_tenant_id_coupling_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_configurations")),
    )
    op.create_index(
        "uq_configurations_bank_account",
        "configurations",
        ["tenant_id", "bank_account_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "entries",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("configuration_id", sa.Uuid(), nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("bank_ledger_account", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=True),
        sa.Column("closing", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('bank','general')", name=op.f("ck_entries_kind")),
        sa.CheckConstraint("state IN ('draft','offered','dropped')", name=op.f("ck_entries_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "configuration_id"],
            ["configurations.tenant_id", "configurations.id"],
            name=op.f("fk_entries_tenant_id_configuration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "coupling_id"],
            ["couplings.tenant_id", "couplings.id"],
            name=op.f("fk_entries_tenant_id_coupling_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_entries")),
        sa.UniqueConstraint("tenant_id", "configuration_id", "period_start", "sequence", name="uq_entries_period"),
        sa.UniqueConstraint("tenant_id", "reference", name="uq_entries_reference"),
    )
    op.create_index("ix_entries_state", "entries", ["tenant_id", "state", "period_end"], unique=False)
    op.create_table(
        "runs",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("configuration_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("drafted", sa.Integer(), nullable=False),
        sa.Column("offered", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("cause IN ('schedule','person')", name=op.f("ck_runs_cause")),
        sa.CheckConstraint("state IN ('queued','running','done','failed')", name=op.f("ck_runs_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "configuration_id"],
            ["configurations.tenant_id", "configurations.id"],
            name=op.f("fk_runs_tenant_id_configuration_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_runs")),
    )
    op.create_index(
        "ix_runs_batch", "runs", ["batch_id"], unique=False, postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    op.create_index("ix_runs_configuration", "runs", ["tenant_id", "configuration_id", "created_at"], unique=False)
    op.create_index(
        "ix_runs_due", "runs", ["next_try_at"], unique=False, postgresql_where=sa.text("state IN ('queued','running')")
    )
    op.create_index(
        "uq_runs_open",
        "runs",
        ["tenant_id", "configuration_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued','running')"),
    )
    op.create_table(
        "postings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("remote_number", sa.String(), nullable=False),
        sa.Column("remote_debit", sa.BigInteger(), nullable=True),
        sa.Column("remote_lines", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("provider_text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state <> 'confirmed' OR remote_id <> ''", name=op.f("ck_postings_confirmed_has_remote_id")),
        sa.CheckConstraint(
            "state IN ('intent','sending','uncertain','confirmed','rejected','parked')", name=op.f("ck_postings_state")
        ),
        sa.CheckConstraint("payload_hash = sha256(payload)", name=op.f("ck_postings_payload_hash")),
        sa.CheckConstraint("sends <= 2", name=op.f("ck_postings_sends")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "coupling_id"],
            ["couplings.tenant_id", "couplings.id"],
            name=op.f("fk_postings_tenant_id_coupling_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "entry_id"], ["entries.tenant_id", "entries.id"], name=op.f("fk_postings_tenant_id_entry_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_postings")),
        sa.UniqueConstraint("tenant_id", "entry_id", name="uq_postings_entry"),
        sa.UniqueConstraint("tenant_id", "reference", name="uq_postings_reference"),
    )
    op.create_index("ix_postings_coupling", "postings", ["tenant_id", "coupling_id", "state"], unique=False)
    op.create_index(
        "ix_postings_due",
        "postings",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('intent','sending','uncertain')"),
    )
    op.create_table(
        "statement_lines",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("counterparty_account", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("end_to_end_id", sa.String(), nullable=False),
        sa.Column("bank_reference", sa.String(), nullable=False),
        sa.Column("transaction_code", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"],
            ["bank_accounts.tenant_id", "bank_accounts.id"],
            name=op.f("fk_statement_lines_tenant_id_bank_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "entry_id"],
            ["entries.tenant_id", "entries.id"],
            name=op.f("fk_statement_lines_tenant_id_entry_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["statements.tenant_id", "statements.id"],
            name=op.f("fk_statement_lines_tenant_id_statement_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_statement_lines")),
        sa.UniqueConstraint("tenant_id", "bank_account_id", "fingerprint", name="uq_statement_lines_fingerprint"),
    )
    op.create_index(
        "ix_statement_lines_date", "statement_lines", ["tenant_id", "bank_account_id", "date", "id"], unique=False
    )
    op.create_index(
        "ix_statement_lines_entry",
        "statement_lines",
        ["tenant_id", "entry_id"],
        unique=False,
        postgresql_where=sa.text("entry_id IS NOT NULL"),
    )
    op.create_index(
        "ix_statement_lines_waiting",
        "statement_lines",
        ["tenant_id", "bank_account_id", "date"],
        unique=False,
        postgresql_where=sa.text("entry_id IS NULL"),
    )
    op.create_table(
        "entry_lines",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("statement_line_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("ledger_account", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("drafted_account", sa.String(), nullable=False),
        sa.Column("drafted_description", sa.String(), nullable=False),
        sa.Column("corrected_by", sa.Uuid(), nullable=True),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "entry_id"],
            ["entries.tenant_id", "entries.id"],
            name=op.f("fk_entry_lines_tenant_id_entry_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_line_id"],
            ["statement_lines.tenant_id", "statement_lines.id"],
            name=op.f("fk_entry_lines_tenant_id_statement_line_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_entry_lines")),
    )
    op.create_index("ix_entry_lines_entry", "entry_lines", ["tenant_id", "entry_id", "position"], unique=False)
    op.create_index("uq_entry_lines_statement_line", "entry_lines", ["tenant_id", "statement_line_id"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_entry_lines_statement_line", table_name="entry_lines")
    op.drop_index("ix_entry_lines_entry", table_name="entry_lines")
    op.drop_table("entry_lines")
    op.drop_index(
        "ix_statement_lines_waiting", table_name="statement_lines", postgresql_where=sa.text("entry_id IS NULL")
    )
    op.drop_index(
        "ix_statement_lines_entry", table_name="statement_lines", postgresql_where=sa.text("entry_id IS NOT NULL")
    )
    op.drop_index("ix_statement_lines_date", table_name="statement_lines")
    op.drop_table("statement_lines")
    op.drop_index(
        "ix_postings_due", table_name="postings", postgresql_where=sa.text("state IN ('intent','sending','uncertain')")
    )
    op.drop_index("ix_postings_coupling", table_name="postings")
    op.drop_table("postings")
    op.drop_index("uq_runs_open", table_name="runs", postgresql_where=sa.text("state IN ('queued','running')"))
    op.drop_index("ix_runs_due", table_name="runs", postgresql_where=sa.text("state IN ('queued','running')"))
    op.drop_index("ix_runs_configuration", table_name="runs")
    op.drop_index("ix_runs_batch", table_name="runs", postgresql_where=sa.text("batch_id IS NOT NULL"))
    op.drop_table("runs")
    op.drop_index("ix_entries_state", table_name="entries")
    op.drop_table("entries")
    op.drop_index(
        "uq_configurations_bank_account", table_name="configurations", postgresql_where=sa.text("state = 'active'")
    )
    op.drop_table("configurations")
    op.drop_index("ix_comparisons_night", table_name="comparisons")
    op.drop_table("comparisons")
    op.drop_table("books")
    op.drop_index("ix_statements_closing", table_name="statements")
    op.drop_table("statements")
    op.drop_index(
        "ix_refresh_attempts_open", table_name="refresh_attempts", postgresql_where=sa.text("outcome = 'open'")
    )
    op.drop_table("refresh_attempts")
    op.drop_index("uq_login_states_hash", table_name="login_states")
    op.drop_table("login_states")
    op.drop_table("dossiers")
    op.drop_table("credentials")
    op.drop_index("uq_couplings_dossier", table_name="couplings", postgresql_where=sa.text("state = 'active'"))
    op.drop_index("uq_couplings_active", table_name="couplings", postgresql_where=sa.text("state = 'active'"))
    op.drop_table("couplings")
    op.drop_table("call_budgets")
    op.drop_index("uq_user_sessions_token_hash", table_name="user_sessions")
    op.drop_index("ix_user_sessions_user_id", table_name="user_sessions")
    op.drop_table("user_sessions")
    op.drop_table("standings")
    op.drop_table("run_batches")
    op.drop_index("ix_recovery_codes_user_id", table_name="recovery_codes")
    op.drop_table("recovery_codes")
    op.drop_index("uq_one_time_tokens_token_hash", table_name="one_time_tokens")
    op.drop_table("one_time_tokens")
    op.drop_index("uq_memberships_user", table_name="memberships", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("ix_memberships_user_id", table_name="memberships")
    op.drop_table("memberships")
    op.drop_index("ix_imports_created", table_name="imports")
    op.drop_table("imports")
    op.drop_index("uq_grants_email", table_name="grants", postgresql_where=sa.text("state IN ('pending','active')"))
    op.drop_index("ix_grants_user", table_name="grants", postgresql_where=sa.text("state = 'active'"))
    op.drop_index("ix_grants_portal", table_name="grants", postgresql_where=sa.text("state = 'active'"))
    op.drop_index("ix_grants_pending", table_name="grants", postgresql_where=sa.text("state = 'pending'"))
    op.drop_table("grants")
    op.drop_table("chain_heads")
    op.drop_table("bank_accounts")
    op.drop_index("uq_authorisations_name", table_name="authorisations", postgresql_where=sa.text("removed_at IS NULL"))
    op.drop_index(
        "uq_authorisations_login",
        table_name="authorisations",
        postgresql_where=sa.text("remote_user_id <> '' AND removed_at IS NULL"),
    )
    op.drop_table("authorisations")
    op.drop_index("uq_assignments_client", table_name="assignments")
    op.drop_table("assignments")
    op.drop_index("uq_activities_seq", table_name="activities")
    op.drop_index("ix_activities_subject", table_name="activities")
    op.drop_table("activities")
    op.drop_index("ix_access_requests_email", table_name="access_requests", postgresql_where=sa.text("state = 'asked'"))
    op.drop_table("access_requests")
    op.drop_index("uq_users_email", table_name="users")
    op.drop_table("users")
    op.drop_table("ticks")
    op.drop_index(
        "uq_tenants_portal_email",
        table_name="tenants",
        postgresql_where=sa.text("kind = 'portal' AND email_verified_at IS NOT NULL"),
    )
    op.drop_table("tenants")
    op.drop_index("ix_mails_due", table_name="mails", postgresql_where="sent_at IS NULL AND given_up_at IS NULL")
    op.drop_table("mails")
    op.drop_table("data_keys")
