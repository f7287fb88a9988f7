"""Matches of bank lines with documents, their sums kept and held by the database, and entry lines in parts.

A statement line's counter side may be several entry lines: one for each match and one for the
rest. Together they are the line's amount, in one entry, whatever wrote them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = ("matches", "party_accounts")
LIVING = sa.text("undone_at IS NULL")
OPEN = sa.text("settled <> due")
WITHIN = "{0} BETWEEN least({1}, 0) AND greatest({1}, 0)"
NAMES = ("party_key", "party_words", "party_iban", "number_key")

TRIGGERS = """
CREATE FUNCTION guard_match() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE row_ matches := coalesce(NEW, OLD);
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.undone_at IS NULL THEN RAISE EXCEPTION 'match % is undone before it goes', OLD.id; END IF;
    RETURN OLD;
  END IF;
  IF TG_OP = 'UPDATE' AND (OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL OR
      (NEW.line_id, NEW.amount, NEW.how) IS DISTINCT FROM (OLD.line_id, OLD.amount, OLD.how)
      OR NEW.document_id IS DISTINCT FROM OLD.document_id) THEN
    RAISE EXCEPTION 'match %: nothing but undoing it once', OLD.id; END IF;
  IF TG_OP = 'INSERT' AND NEW.undone_at IS NOT NULL THEN RAISE EXCEPTION 'a match begins undone'; END IF;
  IF EXISTS (SELECT 1 FROM statement_lines l JOIN entries e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
             WHERE l.tenant_id = row_.tenant_id AND l.id = row_.line_id AND e.state = 'offered') THEN
    RAISE EXCEPTION 'line % has been sent', row_.line_id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON matches FOR EACH ROW EXECUTE FUNCTION guard_match();

-- By whole statements, so that a credit note may be set off against an invoice of more than the line.
CREATE FUNCTION count_matches() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE way bigint := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
  UPDATE statement_lines l SET matched = l.matched + way * s.total FROM (
    SELECT tenant_id, line_id, sum(amount)::bigint AS total FROM changed GROUP BY tenant_id, line_id) s
  WHERE l.tenant_id = s.tenant_id AND l.id = s.line_id;
  UPDATE documents d SET settled = d.settled + way * s.total FROM (
    SELECT tenant_id, document_id, sum(amount)::bigint AS total FROM changed
    WHERE document_id IS NOT NULL GROUP BY tenant_id, document_id) s
  WHERE d.tenant_id = s.tenant_id AND d.id = s.document_id;
  RETURN NULL;
END $$;
CREATE TRIGGER count_made AFTER INSERT ON matches REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_matches();
CREATE TRIGGER count_undone AFTER UPDATE ON matches REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_matches();

CREATE FUNCTION check_entry_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong uuid;
BEGIN
  SELECT l.id INTO wrong FROM (SELECT DISTINCT tenant_id, statement_line_id FROM changed) c
  JOIN statement_lines l ON l.tenant_id = c.tenant_id AND l.id = c.statement_line_id
  CROSS JOIN LATERAL (
    SELECT sum(e.amount) AS total, count(DISTINCT e.entry_id) AS entries FROM entry_lines e
    WHERE e.tenant_id = l.tenant_id AND e.statement_line_id = l.id) s
  WHERE s.entries > 1 OR (s.entries = 1 AND s.total <> -l.amount) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'the entry lines of statement line % are not its amount', wrong; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER whole_made AFTER INSERT ON entry_lines REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION check_entry_lines();
CREATE TRIGGER whole_changed AFTER UPDATE ON entry_lines REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION check_entry_lines();
CREATE TRIGGER whole_gone AFTER DELETE ON entry_lines REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION check_entry_lines();
"""


def upgrade() -> None:
    text = {"nullable": False, "server_default": ""}
    op.add_column("statement_lines", sa.Column("matched", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_check_constraint(
        op.f("ck_statement_lines_matched"), "statement_lines", WITHIN.format("matched", "amount")
    )
    op.add_column("documents", sa.Column("party_words", sa.String(), **text))
    op.add_column("documents", sa.Column("open", sa.BigInteger(), sa.Computed("due - settled", persisted=True)))
    op.create_check_constraint(op.f("ck_documents_settled"), "documents", WITHIN.format("settled", "due"))
    op.drop_index("ix_documents_open", table_name="documents", postgresql_where=OPEN)
    op.create_index("ix_documents_open", "documents", ["tenant_id", "currency", "open"], postgresql_where=OPEN)
    for name in NAMES:
        op.create_index(f"ix_documents_open_{name}", "documents", ["tenant_id", name], postgresql_where=OPEN)
    for name in ("receivable_account", "payable_account"):
        op.add_column("couplings", sa.Column(name, sa.String(), **text))
    _create_matches()
    op.add_column("entry_lines", sa.Column("part", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("entry_lines", sa.Column("match_id", sa.Uuid(), nullable=True))
    op.add_column("entry_lines", sa.Column("relation", sa.String(), **text))
    op.create_foreign_key(
        "fk_entry_lines_tenant_id_match_id", "entry_lines", "matches", ["tenant_id", "match_id"], ["tenant_id", "id"]
    )
    op.drop_index("uq_entry_lines_statement_line", table_name="entry_lines")
    columns = ["tenant_id", "statement_line_id", "part"]
    op.create_index("uq_entry_lines_statement_line", "entry_lines", columns, unique=True)
    op.execute(TRIGGERS)
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )


def _create_matches() -> None:
    op.create_table(
        "matches",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("matched_by", sa.Uuid(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(how = 'rest') = (document_id IS NULL)", name=op.f("ck_matches_document")),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_matches_amount")),
        sa.CheckConstraint("how IN ('certain','proposed','hand','rest')", name=op.f("ck_matches_how")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "document_id"],
            ["documents.tenant_id", "documents.id"],
            name=op.f("fk_matches_tenant_id_document_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "line_id"],
            ["statement_lines.tenant_id", "statement_lines.id"],
            name=op.f("fk_matches_tenant_id_line_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_matches")),
    )
    op.create_index("ix_matches_line", "matches", ["tenant_id", "line_id"], postgresql_where=LIVING)
    op.create_index("ix_matches_document", "matches", ["tenant_id", "document_id"], postgresql_where=LIVING)
    op.create_table(
        "party_accounts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("party_key", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_party_accounts_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_party_accounts")),
        sa.UniqueConstraint("tenant_id", "account", "party_key", name="uq_party_accounts_account"),
    )


def downgrade() -> None:
    for trigger in ("whole_made", "whole_changed", "whole_gone"):
        op.execute(f"DROP TRIGGER {trigger} ON entry_lines")
    op.execute("DROP FUNCTION check_entry_lines()")
    op.drop_index("uq_entry_lines_statement_line", table_name="entry_lines")
    # Refused as long as a line is in parts: what was sent that way cannot be told otherwise.
    op.create_index("uq_entry_lines_statement_line", "entry_lines", ["tenant_id", "statement_line_id"], unique=True)
    op.drop_constraint("fk_entry_lines_tenant_id_match_id", "entry_lines")
    for name in ("relation", "match_id", "part"):
        op.drop_column("entry_lines", name)
    op.drop_table("party_accounts")
    op.drop_table("matches")
    op.execute("DROP FUNCTION count_matches(); DROP FUNCTION guard_match()")
    for name in ("payable_account", "receivable_account"):
        op.drop_column("couplings", name)
    for name in NAMES:
        op.drop_index(f"ix_documents_open_{name}", table_name="documents")
    op.drop_index("ix_documents_open", table_name="documents")
    op.create_index("ix_documents_open", "documents", ["tenant_id", "currency", "due"], postgresql_where=OPEN)
    op.drop_constraint("ck_documents_settled", "documents")
    op.drop_column("documents", "open")
    op.drop_column("documents", "party_words")
    op.drop_constraint("ck_statement_lines_matched", "statement_lines")
    op.drop_column("statement_lines", "matched")
