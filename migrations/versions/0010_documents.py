"""Documents with the files they came in, and keys by which other software hands them in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
OWN = ("api_keys", "api_calls", "document_files", "document_lines", "document_vat")
PORTFOLIO = ("documents",)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_api_keys_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_hash"),
    )
    op.create_table(
        "api_calls",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "api_key_id"],
            ["api_keys.tenant_id", "api_keys.id"],
            name=op.f("fk_api_calls_tenant_id_api_key_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_calls")),
        sa.UniqueConstraint("tenant_id", "api_key_id", "idempotency_key", name="uq_api_calls_key"),
    )
    op.create_index("ix_api_calls_created", "api_calls", ["created_at"], unique=False)
    op.create_table(
        "document_files",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("source IN ('upload','api')", name=op.f("ck_document_files_source")),
        sa.CheckConstraint("state IN ('stored','known','refused')", name=op.f("ck_document_files_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "api_key_id"],
            ["api_keys.tenant_id", "api_keys.id"],
            name=op.f("fk_document_files_tenant_id_api_key_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_document_files_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_document_files")),
    )
    op.create_index("ix_document_files_created", "document_files", ["tenant_id", "created_at"], unique=False)
    op.create_table(
        "documents",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("number_key", sa.String(), nullable=False),
        sa.Column("issuer_key", sa.String(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("party_name", sa.String(), nullable=False),
        sa.Column("party_key", sa.String(), nullable=False),
        sa.Column("party_country", sa.String(), nullable=False),
        sa.Column("party_vat", sa.String(), nullable=False),
        sa.Column("party_enterprise", sa.String(), nullable=False),
        sa.Column("party_iban", sa.String(), nullable=False),
        sa.Column("payment_reference", sa.String(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("vat", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("payable", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("direction IN ('sales','purchase')", name=op.f("ck_documents_direction")),
        sa.CheckConstraint("kind IN ('invoice','credit','takings')", name=op.f("ck_documents_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "entry_id"], ["entries.tenant_id", "entries.id"], name=op.f("fk_documents_tenant_id_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "file_id"],
            ["document_files.tenant_id", "document_files.id"],
            name=op.f("fk_documents_tenant_id_file_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_documents")),
        sa.UniqueConstraint("tenant_id", "direction", "kind", "issuer_key", "number_key", name="uq_documents_number"),
    )
    op.create_index("ix_documents_date", "documents", ["tenant_id", "date", "id"], unique=False)
    op.create_index(
        "ix_documents_entry",
        "documents",
        ["tenant_id", "entry_id"],
        unique=False,
        postgresql_where=sa.text("entry_id IS NOT NULL"),
    )
    op.create_index("ix_documents_file", "documents", ["tenant_id", "file_id"], unique=False)
    op.create_index(
        "ix_documents_open",
        "documents",
        ["tenant_id", "currency", "due"],
        unique=False,
        postgresql_where=sa.text("settled <> due"),
    )
    op.create_index(
        "ix_documents_reference",
        "documents",
        ["tenant_id", "payment_reference"],
        unique=False,
        postgresql_where=sa.text("payment_reference <> ''"),
    )
    op.create_index(
        "ix_documents_waiting",
        "documents",
        ["tenant_id", "direction", "date"],
        unique=False,
        postgresql_where=sa.text("entry_id IS NULL"),
    )
    op.create_table(
        "document_lines",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=True),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("vat_category", sa.String(), nullable=False),
        sa.Column("vat_rate", sa.Numeric(precision=6, scale=4), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "document_id"],
            ["documents.tenant_id", "documents.id"],
            name=op.f("fk_document_lines_tenant_id_document_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_document_lines")),
    )
    op.create_index(
        "ix_document_lines_document", "document_lines", ["tenant_id", "document_id", "position"], unique=False
    )
    op.create_table(
        "document_vat",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=6, scale=4), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("vat", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "document_id"],
            ["documents.tenant_id", "documents.id"],
            name=op.f("fk_document_vat_tenant_id_document_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_document_vat")),
        sa.UniqueConstraint("tenant_id", "document_id", "category", "rate", name="uq_document_vat_rate"),
    )
    for table in OWN + PORTFOLIO:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )
    for table in PORTFOLIO:
        op.execute(f"CREATE POLICY portfolio ON {table} FOR SELECT USING (tenant_id IN (SELECT app_clients()))")


def downgrade() -> None:
    op.drop_table("document_vat")
    op.drop_index("ix_document_lines_document", table_name="document_lines")
    op.drop_table("document_lines")
    op.drop_index("ix_documents_waiting", table_name="documents", postgresql_where=sa.text("entry_id IS NULL"))
    op.drop_index("ix_documents_reference", table_name="documents", postgresql_where=sa.text("payment_reference <> ''"))
    op.drop_index("ix_documents_open", table_name="documents", postgresql_where=sa.text("settled <> due"))
    op.drop_index("ix_documents_file", table_name="documents")
    op.drop_index("ix_documents_entry", table_name="documents", postgresql_where=sa.text("entry_id IS NOT NULL"))
    op.drop_index("ix_documents_date", table_name="documents")
    op.drop_table("documents")
    op.drop_index("ix_document_files_created", table_name="document_files")
    op.drop_table("document_files")
    op.drop_index("ix_api_calls_created", table_name="api_calls")
    op.drop_table("api_calls")
    op.drop_table("api_keys")
