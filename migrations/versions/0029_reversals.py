"""Entries that undo others, guarded by the database: what is booked is let go only by its booked reversal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

PERIOD = ["tenant_id", "configuration_id", "period_start", "sequence"]
LIVING = sa.text("reverses_id IS NOT NULL AND state <> 'dropped'")
VAT = (
    "num_nulls(vat_category, vat_rate, vat_amount) IN (0, 3) AND (document_id IS NULL OR vat_amount IS NOT NULL)"
    " AND (statement_line_id IS NULL OR vat_amount IS NULL)"
)

GUARDS = """
CREATE FUNCTION guard_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE original entries;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.reversed_at IS NOT NULL THEN RAISE EXCEPTION 'an entry begins as it is, not undone'; END IF;
    IF NEW.reverses_id IS NULL THEN RETURN NEW; END IF;
    SELECT * INTO original FROM entries WHERE tenant_id = NEW.tenant_id AND id = NEW.reverses_id;
    IF original.reverses_id IS NOT NULL THEN RAISE EXCEPTION 'entry % undoes another', original.id; END IF;
    IF original.reversed_at IS NOT NULL THEN RAISE EXCEPTION 'entry % is undone already', original.id; END IF;
    IF original.state IS DISTINCT FROM 'offered' OR NOT EXISTS (SELECT 1 FROM postings p
        WHERE p.tenant_id = NEW.tenant_id AND p.entry_id = original.id AND p.state = 'confirmed') THEN
      RAISE EXCEPTION 'entry % is not booked', NEW.reverses_id; END IF;
    IF (NEW.configuration_id, NEW.kind, NEW.journal, NEW.currency, NEW.bank_ledger_account) IS DISTINCT FROM
        (original.configuration_id, original.kind, original.journal, original.currency, original.bank_ledger_account)
      OR NEW.date < original.date THEN
      RAISE EXCEPTION 'entry % is undone where it is booked, and not before', original.id; END IF;
    RETURN NEW;
  END IF;
  IF (NEW.reverses_id, NEW.reason) IS DISTINCT FROM (OLD.reverses_id, OLD.reason) OR (OLD.reverses_id IS NOT NULL AND
      (NEW.kind, NEW.journal, NEW.currency, NEW.bank_ledger_account, NEW.date) IS DISTINCT FROM
      (OLD.kind, OLD.journal, OLD.currency, OLD.bank_ledger_account, OLD.date)) THEN
    RAISE EXCEPTION 'what entry % undoes, and where, is for ever', OLD.id; END IF;
  IF NEW.state <> OLD.state AND NEW.state = 'offered' AND NEW.reverses_id IS NOT NULL AND
      (SELECT count(*) FROM entry_lines WHERE tenant_id = NEW.tenant_id AND entry_id = NEW.reverses_id) <>
      (SELECT count(*) FROM entry_lines WHERE tenant_id = NEW.tenant_id AND entry_id = NEW.id) THEN
    RAISE EXCEPTION 'entry % does not turn every line', NEW.id; END IF;
  IF NEW.state <> OLD.state AND EXISTS (SELECT 1 FROM entries r
      WHERE r.tenant_id = OLD.tenant_id AND r.reverses_id = OLD.id AND r.state <> 'dropped') THEN
    RAISE EXCEPTION 'entry % is being undone', OLD.id; END IF;
  IF NEW.reversed_at IS DISTINCT FROM OLD.reversed_at AND (OLD.reversed_at IS NOT NULL OR NOT EXISTS (
      SELECT 1 FROM entries r JOIN postings p ON p.tenant_id = r.tenant_id AND p.entry_id = r.id
      WHERE r.tenant_id = OLD.tenant_id AND r.reverses_id = OLD.id AND r.state = 'offered'
        AND p.state = 'confirmed')) THEN
    RAISE EXCEPTION 'no booked entry undoes entry %', OLD.id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON entries FOR EACH ROW EXECUTE FUNCTION guard_reversal();

-- A turned line is its line with the sign changed, and stays so.
CREATE FUNCTION guard_turned_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' OR NOT EXISTS (
      SELECT 1 FROM entry_lines o JOIN entries r ON r.tenant_id = o.tenant_id AND r.reverses_id = o.entry_id
      WHERE o.tenant_id = NEW.tenant_id AND o.id = NEW.turns_id AND r.id = NEW.entry_id AND o.amount = -NEW.amount
        AND (o.ledger_account, o.relation) = (NEW.ledger_account, NEW.relation)) THEN
    RAISE EXCEPTION 'entry line % does not turn another round', NEW.id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER turned_made BEFORE INSERT ON entry_lines FOR EACH ROW WHEN (NEW.turns_id IS NOT NULL)
  EXECUTE FUNCTION guard_turned_line();
CREATE TRIGGER turned_kept BEFORE UPDATE ON entry_lines FOR EACH ROW
  WHEN (OLD.turns_id IS NOT NULL OR NEW.turns_id IS NOT NULL) EXECUTE FUNCTION guard_turned_line();

-- What was made of a line or a document that was sent is made of it until it is undone.
CREATE FUNCTION guard_sent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM entries WHERE tenant_id = OLD.tenant_id AND id = OLD.entry_id
             AND state = 'offered' AND reversed_at IS NULL) THEN
    RAISE EXCEPTION '% % has been sent', TG_TABLE_NAME, OLD.id; END IF;
  RETURN NEW;
END $$;
"""
SENT = """
CREATE TRIGGER keep_sent BEFORE UPDATE OF entry_id ON {0} FOR EACH ROW
  WHEN (OLD.entry_id IS NOT NULL AND NEW.entry_id IS DISTINCT FROM OLD.entry_id) EXECUTE FUNCTION guard_sent();
"""
KEEP_LINE = """
CREATE OR REPLACE FUNCTION guard_entry_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE entry_state text; undone timestamptz; let_go text[] :=
  ARRAY['statement_line_id', 'document_id', 'match_id', 'undone_source_id'];
BEGIN
  SELECT state, reversed_at INTO entry_state, undone FROM entries
  WHERE tenant_id = coalesce(NEW.tenant_id, OLD.tenant_id) AND id = coalesce(NEW.entry_id, OLD.entry_id);
  IF entry_state = 'offered' AND NOT (TG_OP = 'UPDATE' AND undone IS NOT NULL AND OLD.undone_source_id IS NULL
      AND NEW.undone_source_id = coalesce(OLD.statement_line_id, OLD.document_id)
      AND to_jsonb(NEW) - let_go = to_jsonb(OLD) - let_go) THEN
    RAISE EXCEPTION 'the lines of an offered entry do not change'; END IF;
  IF entry_state IS DISTINCT FROM 'offered' AND TG_OP = 'UPDATE' AND NEW.undone_source_id IS NOT NULL THEN
    RAISE EXCEPTION 'only what was booked is undone'; END IF;
  RETURN coalesce(NEW, OLD);
END $$;
"""
KEEP_LINE_BEFORE = """
CREATE OR REPLACE FUNCTION guard_entry_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE entry_state text;
BEGIN
  SELECT state INTO entry_state FROM entries
  WHERE tenant_id = coalesce(NEW.tenant_id, OLD.tenant_id) AND id = coalesce(NEW.entry_id, OLD.entry_id);
  IF entry_state = 'offered' THEN RAISE EXCEPTION 'the lines of an offered entry do not change'; END IF;
  RETURN coalesce(NEW, OLD);
END $$;
"""


def upgrade() -> None:
    op.add_column("entries", sa.Column("reverses_id", sa.Uuid(), nullable=True))
    op.add_column("entries", sa.Column("reason", sa.String(), nullable=False, server_default=""))
    op.add_column("entries", sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True))
    key = ["tenant_id", "id"]
    name = op.f("fk_entries_tenant_id_reverses_id")
    op.create_foreign_key(name, "entries", "entries", ["tenant_id", "reverses_id"], key)
    op.create_check_constraint(op.f("ck_entries_reason"), "entries", "(reverses_id IS NULL) = (reason = '')")
    op.drop_constraint("uq_entries_period", "entries", type_="unique")
    op.create_index(
        "uq_entries_period", "entries", PERIOD, unique=True, postgresql_where=sa.text("reverses_id IS NULL")
    )
    op.create_index(
        "uq_entries_reverses", "entries", ["tenant_id", "reverses_id"], unique=True, postgresql_where=LIVING
    )
    for column in ("turns_id", "undone_source_id"):
        op.add_column("entry_lines", sa.Column(column, sa.Uuid(), nullable=True))
    name = op.f("fk_entry_lines_tenant_id_turns_id")
    op.create_foreign_key(name, "entry_lines", "entry_lines", ["tenant_id", "turns_id"], key)
    op.create_index("uq_entry_lines_turns", "entry_lines", ["tenant_id", "turns_id"], unique=True)
    op.create_index(
        "ix_entry_lines_undone", "entry_lines", ["tenant_id", "undone_source_id"],
        postgresql_where=sa.text("undone_source_id IS NOT NULL"),
    )  # fmt: skip
    _constrain("num_nonnulls(statement_line_id, document_id, turns_id, undone_source_id) = 1", VAT)
    op.execute(GUARDS)
    op.execute(KEEP_LINE)
    for table in ("statement_lines", "documents"):
        op.execute(SENT.format(table))


def _constrain(source: str, vat: str) -> None:
    for name, condition in (("source", source), ("vat", vat)):
        op.drop_constraint(op.f(f"ck_entry_lines_{name}"), "entry_lines", type_="check")
        op.create_check_constraint(op.f(f"ck_entry_lines_{name}"), "entry_lines", condition)


def downgrade() -> None:
    """Refuses while entries undo others: those cannot be told in the older schema."""
    for table in ("statement_lines", "documents"):
        op.execute(f"DROP TRIGGER keep_sent ON {table}")
    op.execute("DROP TRIGGER turned_made ON entry_lines; DROP TRIGGER turned_kept ON entry_lines")
    op.execute("DROP TRIGGER guard ON entries")
    for function in ("guard_sent", "guard_turned_line", "guard_reversal"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute(KEEP_LINE_BEFORE)
    _constrain(
        "num_nonnulls(statement_line_id, document_id) = 1",
        "num_nulls(document_id, vat_category, vat_rate, vat_amount) IN (0, 4)",
    )
    op.drop_index("ix_entry_lines_undone", table_name="entry_lines")
    op.drop_index("uq_entry_lines_turns", table_name="entry_lines")
    op.drop_constraint(op.f("fk_entry_lines_tenant_id_turns_id"), "entry_lines", type_="foreignkey")
    for column in ("turns_id", "undone_source_id"):
        op.drop_column("entry_lines", column)
    op.drop_index("uq_entries_reverses", table_name="entries")
    op.drop_index("uq_entries_period", table_name="entries")
    op.create_unique_constraint("uq_entries_period", "entries", PERIOD)
    op.drop_constraint(op.f("ck_entries_reason"), "entries", type_="check")
    op.drop_constraint(op.f("fk_entries_tenant_id_reverses_id"), "entries", type_="foreignkey")
    for column in ("reversed_at", "reason", "reverses_id"):
        op.drop_column("entries", column)
