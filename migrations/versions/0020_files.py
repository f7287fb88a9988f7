"""Apps without a server: dossiers kept here, entries that wait for a file, and numbered files that people fetch.

An entry is in one file only, and the bytes of both never change, whatever wrote them.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = (
    "file_forms", "file_dossiers", "file_accounts", "file_journals", "file_years", "exchange_files", "exchange_entries",
)  # fmt: skip

GUARDS = """
CREATE FUNCTION guard_exchange_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF EXISTS (SELECT 1 FROM file_dossiers d WHERE d.tenant_id = OLD.tenant_id AND d.id = OLD.dossier_id) THEN
      RAISE EXCEPTION 'entry % is kept', OLD.number; END IF;
    RETURN OLD;
  END IF;
  IF (to_jsonb(NEW) - 'file_id') IS DISTINCT FROM (to_jsonb(OLD) - 'file_id') THEN
    RAISE EXCEPTION 'entry % is kept as it was approved', OLD.number; END IF;
  IF OLD.file_id IS NOT NULL AND (NEW.file_id IS NOT NULL OR NOT EXISTS (
      SELECT 1 FROM exchange_files f
      WHERE f.tenant_id = OLD.tenant_id AND f.id = OLD.file_id AND f.state = 'withdrawn')) THEN
    RAISE EXCEPTION 'entry % is in a file', OLD.number; END IF;
  IF NEW.file_id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM exchange_files f WHERE f.tenant_id = NEW.tenant_id AND f.id = NEW.file_id
        AND f.dossier_id = NEW.dossier_id AND f.state = 'made') THEN
    RAISE EXCEPTION 'entry % goes into a new file of its dossier', OLD.number; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON exchange_entries
  FOR EACH ROW EXECUTE FUNCTION guard_exchange_entry();

CREATE FUNCTION guard_exchange_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF EXISTS (SELECT 1 FROM file_dossiers d WHERE d.tenant_id = OLD.tenant_id AND d.id = OLD.dossier_id) THEN
      RAISE EXCEPTION 'file % is kept', OLD.number; END IF;
    RETURN OLD;
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.dossier_id, NEW.number, NEW.name, NEW.content, NEW.size, NEW.sha256, NEW.entries,
      NEW.first_on, NEW.last_on, NEW.made_at, NEW.made_by)
    IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.dossier_id, OLD.number, OLD.name, OLD.content, OLD.size, OLD.sha256,
      OLD.entries, OLD.first_on, OLD.last_on, OLD.made_at, OLD.made_by) THEN
    RAISE EXCEPTION 'file % stays as it was made', OLD.number; END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
      ('made', 'fetched'), ('fetched', 'imported'), ('made', 'withdrawn'), ('fetched', 'withdrawn')) THEN
    RAISE EXCEPTION 'file % goes from % to nothing but what follows', OLD.number, OLD.state; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON exchange_files
  FOR EACH ROW EXECUTE FUNCTION guard_exchange_file();
"""


def _tenant() -> sa.Column[uuid.UUID]:
    return sa.Column("tenant_id", sa.Uuid(), nullable=False)


def _dossier() -> sa.Column[uuid.UUID]:
    return sa.Column("dossier_id", sa.Uuid(), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("tenant_id", *columns, name=op.f(f"pk_{table}"))


def _of(table: str, parent: str, column: str, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
        ondelete=ondelete,
    )


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "file_forms",
        _tenant(),
        sa.Column("authorisation_id", sa.Uuid(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        _of("file_forms", "authorisations", "authorisation_id"),
        _key("file_forms", "authorisation_id"),
    )
    op.create_table(
        "file_dossiers",
        _tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=False),
        *_words("number", "name", "country", "currency", "enterprise_number"),
        sa.Column("last_entry", sa.Integer(), nullable=False),
        sa.Column("last_file", sa.Integer(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.CheckConstraint("last_entry >= 0 AND last_file >= 0", name=op.f("ck_file_dossiers_counters")),
        _of("file_dossiers", "authorisations", "authorisation_id"),
        _key("file_dossiers", "id"),
    )
    number = sa.text("lower(number)")
    op.create_index("uq_file_dossiers_number", "file_dossiers", ["tenant_id", "authorisation_id", number], unique=True)
    _create_books()
    _create_files()
    op.execute(GUARDS)
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )


def _create_books() -> None:
    op.create_table(
        "file_accounts",
        _tenant(),
        _dossier(),
        *_words("code", "name", "kind"),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        _of("file_accounts", "file_dossiers", "dossier_id"),
        _key("file_accounts", "dossier_id", "code"),
    )
    op.create_table(
        "file_journals",
        _tenant(),
        _dossier(),
        *_words("code", "name", "type", "ledger_account"),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "type IN ('cash','bank','sales','purchase','general','other')", name=op.f("ck_file_journals_type")
        ),
        _of("file_journals", "file_dossiers", "dossier_id"),
        _key("file_journals", "dossier_id", "code"),
    )
    op.create_table(
        "file_years",
        _tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        _dossier(),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_file_years_span")),
        _of("file_years", "file_dossiers", "dossier_id"),
        _key("file_years", "id"),
    )


def _create_files() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "exchange_files",
        _tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dossier_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("fetched_at", moment, nullable=True),
        sa.Column("fetched_by", sa.String(), nullable=False),
        sa.Column("fetches", sa.Integer(), nullable=False),
        sa.Column("imported_at", moment, nullable=True),
        sa.Column("imported_by", sa.String(), nullable=False),
        sa.Column("withdrawn_at", moment, nullable=True),
        *_words("withdrawn_by", "reason"),
        sa.CheckConstraint("state IN ('made','fetched','imported','withdrawn')", name=op.f("ck_exchange_files_state")),
        sa.CheckConstraint(
            "(state = 'made') = (fetched_at IS NULL) OR state = 'withdrawn'", name=op.f("ck_exchange_files_fetched")
        ),
        sa.CheckConstraint("(state = 'imported') = (imported_at IS NOT NULL)", name=op.f("ck_exchange_files_imported")),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name=op.f("ck_exchange_files_withdrawn")
        ),
        _of("exchange_files", "file_dossiers", "dossier_id"),
        _key("exchange_files", "id"),
        sa.UniqueConstraint("tenant_id", "dossier_id", "number", name="uq_exchange_files_number"),
    )
    op.create_table(
        "exchange_entries",
        _tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dossier_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *_words("reference", "kind", "journal"),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("kept_at", moment, nullable=False),
        sa.CheckConstraint("kind IN ('bank','general')", name=op.f("ck_exchange_entries_kind")),
        _of("exchange_entries", "file_dossiers", "dossier_id"),
        _of("exchange_entries", "exchange_files", "file_id", None),
        _key("exchange_entries", "id"),
        sa.UniqueConstraint("tenant_id", "dossier_id", "reference", name="uq_exchange_entries_reference"),
        sa.UniqueConstraint("tenant_id", "dossier_id", "number", name="uq_exchange_entries_number"),
    )
    waiting = sa.text("file_id IS NULL")
    op.create_index(
        "ix_exchange_entries_waiting", "exchange_entries", ["tenant_id", "dossier_id"], postgresql_where=waiting
    )
    op.create_index("ix_exchange_entries_file", "exchange_entries", ["tenant_id", "file_id"])
    op.create_index("ix_exchange_entries_journal", "exchange_entries", ["tenant_id", "dossier_id", "journal", "date"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION guard_exchange_entry(), guard_exchange_file()")
