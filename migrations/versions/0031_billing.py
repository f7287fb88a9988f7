"""Billing: who manages which client account, prices, documents without gaps, and the days of bank accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
KEPT = ("invoices", "invoice_lines", "usages", "invoice_files", "closed_months")  # written once

FUNCTIONS = {
    # What the portal that asks used, day by day, in a stretch of time; also of clients that have left it since.
    "facts_to_bill(date, date)": """
CREATE FUNCTION facts_to_bill(p_from date, p_until date)
RETURNS TABLE (item text, client_id uuid, client_name text, subject_id uuid, subject_name text,
  starts_on date, stops_on date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH managed AS (
    SELECT m.tenant_id, t.name, greatest(m.starts_on, p_from) AS starts_on,
      least(coalesce(m.stops_on, p_until), p_until) AS stops_on
    FROM managements m JOIN tenants t ON t.id = m.tenant_id WHERE m.portal_id = app_tenant()
  )
  SELECT 'client_account', tenant_id, name, tenant_id, '', starts_on, stops_on FROM managed
  WHERE starts_on < stops_on
  UNION ALL
  SELECT s.provider || '_account', m.tenant_id, m.name, s.feed_account_id, s.number,
    greatest(m.starts_on, s.starts_on), least(m.stops_on, coalesce(s.stops_on, p_until))
  FROM managed m JOIN feed_spans s ON s.tenant_id = m.tenant_id
  WHERE greatest(m.starts_on, s.starts_on) < least(m.stops_on, coalesce(s.stops_on, p_until))
$$;""",
    # Portals that have something to close this month; only once it is known who sends the bills.
    "portals_to_bill(date, integer)": """
CREATE FUNCTION portals_to_bill(p_month date, p_limit integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT m.portal_id FROM managements m
  WHERE m.starts_on < p_month + interval '1 month' AND EXISTS (SELECT 1 FROM sellers)
    AND NOT EXISTS (SELECT 1 FROM closed_months c WHERE c.tenant_id = m.portal_id AND c.month = p_month)
  LIMIT p_limit
$$;""",
    # Whose document is this? For who runs the installation and has only its number.
    "invoice_of_number(text)": """
CREATE FUNCTION invoice_of_number(p_number text) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT i.tenant_id, i.id FROM invoices i WHERE i.number = p_number
$$;""",
    # The next number, and the row that carries it, in one transaction: a gap cannot be made.
    "number_invoice()": """
CREATE FUNCTION number_invoice() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  NEW.year := extract(year FROM NEW.issued_on);
  INSERT INTO invoice_counters AS c (seller_id, year, last) VALUES (NEW.seller_id, NEW.year, 1)
  ON CONFLICT (seller_id, year) DO UPDATE SET last = c.last + 1 RETURNING last INTO NEW.serial;
  NEW.number := (SELECT prefix FROM sellers WHERE id = NEW.seller_id) || '-' || NEW.year || '-'
    || lpad(NEW.serial::text, greatest(5, length(NEW.serial::text)), '0');
  RETURN NEW;
END $$;""",
    # At the commit: lines and what stands behind them are all there and add up, so none can be added later.
    "whole_invoice()": """
CREATE FUNCTION whole_invoice() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE wanted invoices; seen bigint; lines integer; document uuid;
BEGIN
  IF TG_TABLE_NAME = 'invoices' THEN document := NEW.id; ELSE document := NEW.invoice_id; END IF;
  SELECT * INTO wanted FROM invoices i WHERE i.tenant_id = NEW.tenant_id AND i.id = document;
  IF TG_TABLE_NAME <> 'usages' THEN
    SELECT coalesce(sum(l.net), 0), count(*) INTO seen, lines FROM invoice_lines l
    WHERE l.tenant_id = NEW.tenant_id AND l.invoice_id = document;
    IF seen <> wanted.net OR lines <> wanted.line_count THEN
      RAISE EXCEPTION 'invoice %: its lines are % in %, not % in %', wanted.number, seen, lines, wanted.net,
        wanted.line_count;
    END IF;
  END IF;
  IF TG_TABLE_NAME <> 'invoice_lines' THEN
    SELECT coalesce(sum(u.net), 0) INTO seen FROM usages u
    WHERE u.tenant_id = NEW.tenant_id AND u.invoice_id = document;
    IF seen <> (wanted.net * CASE wanted.kind WHEN 'credit' THEN -1 ELSE 1 END) THEN
      RAISE EXCEPTION 'invoice %: its usage adds up to %, not %', wanted.number, seen, wanted.net;
    END IF;
  END IF;
  RETURN NULL;
END $$;""",
    # One firm at a time, and one that was let in.
    "guard_management()": """
CREATE FUNCTION guard_management() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM tenants t WHERE t.id = NEW.tenant_id FOR NO KEY UPDATE;
  IF TG_OP = 'INSERT' AND NOT may_use_authorisation(NEW.tenant_id, NEW.portal_id) THEN
    RAISE EXCEPTION 'client account % did not let portal % in', NEW.tenant_id, NEW.portal_id; END IF;
  IF EXISTS (SELECT 1 FROM managements m WHERE m.tenant_id = NEW.tenant_id AND m.id <> NEW.id
      AND m.starts_on < coalesce(NEW.stops_on, 'infinity') AND NEW.starts_on < coalesce(m.stops_on, 'infinity')
      AND m.starts_on < coalesce(m.stops_on, 'infinity') AND NEW.starts_on < coalesce(NEW.stops_on, 'infinity')) THEN
    RAISE EXCEPTION 'client account % would be managed by two firms on one day', NEW.tenant_id
      USING ERRCODE = 'exclusion_violation';
  END IF;
  RETURN NEW;
END $$;""",
    # From when to when a bank account is linked and its consent alive; a made-up bank is never billed.
    "keep_feed_span(feed_accounts, feeds, boolean)": """
CREATE FUNCTION keep_feed_span(p_account feed_accounts, p_feed feeds, p_linked boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF p_linked THEN
    INSERT INTO feed_spans (tenant_id, id, feed_account_id, provider, number, starts_on)
    VALUES (p_account.tenant_id, gen_random_uuid(), p_account.id, p_feed.provider, p_account.number, app_today())
    ON CONFLICT (tenant_id, feed_account_id) WHERE stops_on IS NULL DO NOTHING;
  ELSE
    UPDATE feed_spans s SET stops_on = app_today()
    WHERE s.tenant_id = p_account.tenant_id AND s.feed_account_id = p_account.id AND s.stops_on IS NULL;
  END IF;
END $$;""",
    "follow_feed_account()": """
CREATE FUNCTION follow_feed_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE account feed_accounts; feed feeds;
BEGIN
  account := coalesce(NEW, OLD);
  SELECT * INTO feed FROM feeds f WHERE f.tenant_id = account.tenant_id AND f.id = account.feed_id;
  PERFORM keep_feed_span(account, feed,
    TG_OP <> 'DELETE' AND account.ticked AND feed.state IN ('connected', 'attention') AND NOT feed.sandbox);
  RETURN NULL;
END $$;""",
    "follow_feed()": """
CREATE FUNCTION follow_feed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM keep_feed_span(a, NEW, a.ticked AND NEW.state IN ('connected', 'attention') AND NOT NEW.sandbox)
  FROM feed_accounts a WHERE a.tenant_id = NEW.tenant_id AND a.feed_id = NEW.id;
  RETURN NULL;
END $$;""",
}

TRIGGERS = """
CREATE TRIGGER number_it BEFORE INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION number_invoice();
CREATE CONSTRAINT TRIGGER whole AFTER INSERT ON invoices DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION whole_invoice();
CREATE CONSTRAINT TRIGGER whole AFTER INSERT ON invoice_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION whole_invoice();
CREATE CONSTRAINT TRIGGER whole AFTER INSERT ON usages DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION whole_invoice();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON managements FOR EACH ROW EXECUTE FUNCTION guard_management();
CREATE TRIGGER follow AFTER INSERT OR DELETE OR UPDATE OF ticked ON feed_accounts
  FOR EACH ROW EXECUTE FUNCTION follow_feed_account();
CREATE TRIGGER follow AFTER UPDATE OF state, sandbox ON feeds FOR EACH ROW EXECUTE FUNCTION follow_feed();
"""
# What is linked now counts from when it was; what came and went before is not known.
CARRIED_OVER = """
INSERT INTO feed_spans (tenant_id, id, feed_account_id, provider, number, starts_on)
SELECT a.tenant_id, gen_random_uuid(), a.id, f.provider, a.number,
  (greatest(a.created_at, coalesce(f.connected_at, a.created_at)) AT TIME ZONE 'Europe/Brussels')::date
FROM feed_accounts a JOIN feeds f ON f.tenant_id = a.tenant_id AND f.id = a.feed_id
WHERE a.ticked AND f.state IN ('connected', 'attention') AND NOT f.sandbox
"""


def upgrade() -> None:
    _facts()
    _prices()
    _documents()
    _attachments()
    for table in ("managements", "feed_spans", *KEPT):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant())"
        )
        op.execute(f"GRANT SELECT ON {table} TO {APP}; GRANT SELECT, INSERT, UPDATE ON {table} TO {SYSTEM}")
    op.execute("CREATE POLICY firm ON managements FOR SELECT USING (portal_id = app_tenant())")
    op.execute(f"GRANT INSERT, UPDATE ON managements TO {APP}")
    for table in KEPT:
        op.execute(
            f"GRANT INSERT ON {table} TO {APP};"
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for table in ("sellers", "prices", "vat_rates"):
        op.execute(f"GRANT SELECT ON {table} TO {APP}, {SYSTEM}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON invoice_counters TO {SYSTEM}")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )
    op.execute(f"SET LOCAL ROLE {SYSTEM}; {CARRIED_OVER}; RESET ROLE")
    op.execute(TRIGGERS)


def _key(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id"), ondelete="CASCADE"
    )


def _attachments() -> None:
    op.create_table(
        "mail_attachments",
        *_key("id", "mail_id"),
        *_texts("name", "media_type"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["mails.id"], name=op.f("fk_mail_attachments_mail_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_attachments")),
    )
    op.create_index(op.f("ix_mail_attachments_mail_id"), "mail_attachments", ["mail_id"])
    op.execute(f"GRANT SELECT, INSERT, DELETE ON mail_attachments TO {APP}")


def _facts() -> None:
    op.create_table(
        "managements",
        *_key("tenant_id", "id", "portal_id"),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("stops_on", sa.Date(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("stops_on >= starts_on", name=op.f("ck_managements_order")),
        _of_tenant("managements"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_managements")),
    )
    op.create_index("ix_managements_portal", "managements", ["portal_id", "tenant_id"])
    op.create_table(
        "feed_spans",
        *_key("tenant_id", "id", "feed_account_id"),
        *_texts("provider", "number"),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("stops_on", sa.Date(), nullable=True),
        sa.CheckConstraint("stops_on >= starts_on", name=op.f("ck_feed_spans_order")),
        _of_tenant("feed_spans"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feed_spans")),
    )
    op.create_index(
        "uq_feed_spans_open", "feed_spans", ["tenant_id", "feed_account_id"], unique=True,
        postgresql_where=sa.text("stops_on IS NULL"),
    )  # fmt: skip


def _prices() -> None:
    op.create_table(
        "sellers",
        *_key("id"),
        *_texts("key", "name", "street", "postcode", "city", "country", "enterprise_number", "vat_number", "iban",
                "bic", "email", "prefix"),
        sa.Column("due_days", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("due_days BETWEEN 0 AND 120", name=op.f("ck_sellers_due_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sellers")),
        sa.UniqueConstraint("key", name=op.f("uq_sellers_key")),
    )  # fmt: skip
    _of_seller("prices", "item", sa.Column("amount", sa.BigInteger(), nullable=False),
               sa.CheckConstraint("amount >= 0 AND amount % 1000 = 0", name=op.f("ck_prices_amount")))  # fmt: skip
    _of_seller("vat_rates", "country", sa.Column("rate", sa.Numeric(5, 4), nullable=False),
               sa.CheckConstraint("rate >= 0 AND rate < 1", name=op.f("ck_vat_rates_rate")))  # fmt: skip
    op.create_table(
        "invoice_counters",
        *_key("seller_id"),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_invoice_counters_seller_id")),
        sa.PrimaryKeyConstraint("seller_id", "year", name=op.f("pk_invoice_counters")),
    )


def _of_seller(table: str, name: str, *more: sa.schema.SchemaItem) -> None:
    """A list with dates."""
    op.create_table(
        table,
        *_key("seller_id"),
        *_texts(name),
        sa.Column("valid_from", sa.Date(), nullable=False),
        *more,
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f(f"fk_{table}_seller_id")),
        sa.PrimaryKeyConstraint("seller_id", name, "valid_from", name=op.f(f"pk_{table}")),
    )


def _documents() -> None:
    op.create_table(
        "closed_months",
        *_key("tenant_id"),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        _of_tenant("closed_months"),
        sa.PrimaryKeyConstraint("tenant_id", "month", name=op.f("pk_closed_months")),
    )
    op.create_table(
        "invoices",
        *_key("tenant_id", "id", "seller_id"),
        *_texts("kind", "number", "locale", "reason"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("year", "serial", "line_count")),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("month", "issued_on", "due_on")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("net", "vat", "gross")),
        *(sa.Column(name, postgresql.JSONB(), nullable=False) for name in ("vat_rows", "seller", "buyer", "refers_to")),
        sa.Column("credits", sa.Uuid(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('invoice','credit')", name=op.f("ck_invoices_kind")),
        sa.CheckConstraint("gross = net + vat AND net >= 0", name=op.f("ck_invoices_sum")),
        _of_tenant("invoices"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_invoices")),
    )
    op.create_index("uq_invoices_serial", "invoices", ["seller_id", "year", "serial"], unique=True)
    op.create_index(
        "uq_invoices_credits", "invoices", ["tenant_id", "credits"], unique=True,
        postgresql_where=sa.text("credits IS NOT NULL"),
    )  # fmt: skip
    op.create_index("ix_invoices_issued", "invoices", ["tenant_id", "issued_on"])
    _of_invoice(
        "invoice_lines",
        *_texts("item", "client_name", "subject_name", "unit", "category"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("position", "quantity", "of_days")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("price", "net")),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("correction", sa.Boolean(), nullable=False),
        sa.Column("rate", sa.Numeric(5, 4), nullable=False),
        sa.CheckConstraint("unit IN ('month','day')", name=op.f("ck_invoice_lines_unit")),
    )
    op.create_index("uq_invoice_lines_position", "invoice_lines", ["tenant_id", "invoice_id", "position"], unique=True)
    _of_invoice(
        "usages",
        *_key("client_id", "subject_id"),
        *_texts("client_name", "item", "subject_name"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("position", "days", "of_days")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("price", "net")),
        sa.Column("month", sa.Date(), nullable=False),
    )
    op.create_index("ix_usages_invoice", "usages", ["tenant_id", "invoice_id", "position"])
    _of_invoice(
        "invoice_files",
        *_texts("kind"),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("content", "sha256")),
        sa.CheckConstraint("kind IN ('pdf','ubl')", name=op.f("ck_invoice_files_kind")),
    )
    op.create_index("uq_invoice_files_kind", "invoice_files", ["tenant_id", "invoice_id", "kind"], unique=True)


def _of_invoice(table: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        *_key("tenant_id", "id", "invoice_id"),
        *columns,
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoices.tenant_id", "invoices.id"], ondelete="CASCADE",
            name=op.f(f"fk_{table}_tenant_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )  # fmt: skip


def downgrade() -> None:
    op.execute("DROP TRIGGER follow ON feeds; DROP TRIGGER follow ON feed_accounts")
    for table in (
        "mail_attachments", "invoice_files", "usages", "invoice_lines", "invoices", "closed_months", "invoice_counters",
        "vat_rates", "prices", "sellers", "feed_spans", "managements",
    ):  # fmt: skip
        op.drop_table(table)
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
