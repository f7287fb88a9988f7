"""Bank feeds: consents, their accounts and fetches, reminders and renewal links; their place in the standing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
OWN = ("feed_visits", "calendar_links")
# A firm also reads these of every client that lets it in: its calendar of consents.
PORTFOLIO = ("feeds", "feed_accounts", "feed_fetches", "renewal_links", "feed_reminders")

FUNCTIONS = {
    # Accounts to be fetched; what is returned is not due again for five minutes, longer than a lease lasts.
    "ring_due_feed_accounts(timestamptz, integer)": """
CREATE FUNCTION ring_due_feed_accounts(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE feed_accounts a SET next_due_at = p_now + interval '5 minutes'
  FROM (
    SELECT q.tenant_id, q.id FROM feed_accounts q
    JOIN feeds f ON f.tenant_id = q.tenant_id AND f.id = q.feed_id AND f.state IN ('connected', 'attention')
    WHERE q.ticked AND q.next_due_at <= p_now AND (q.lease_until IS NULL OR q.lease_until < p_now)
    ORDER BY q.next_due_at LIMIT p_limit FOR UPDATE OF q SKIP LOCKED
  ) chosen WHERE a.tenant_id = chosen.tenant_id AND a.id = chosen.id
  RETURNING a.tenant_id, a.id
$$;""",
    # Consents for which a reminder of 30, 10, 1 or 0 days has come due and is not written down yet.
    "due_feed_reminders(timestamptz, integer)": """
CREATE FUNCTION due_feed_reminders(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT f.tenant_id, f.id FROM (
    SELECT q.*, (q.consent_ends_at AT TIME ZONE 'Europe/Brussels')::date AS ends_on,
      (q.consent_since AT TIME ZONE 'Europe/Brussels')::date AS given_on
    FROM feeds q WHERE q.state IN ('connected', 'attention', 'consent_ended')
      AND q.consent_ends_at BETWEEN p_now - interval '8 days' AND p_now + interval '32 days'
  ) f
  WHERE (p_now AT TIME ZONE 'Europe/Brussels')::date <= f.ends_on + 7
    AND EXISTS (SELECT 1 FROM unnest(ARRAY[30, 10, 1, 0]) AS d
      WHERE f.ends_on - d <= (p_now AT TIME ZONE 'Europe/Brussels')::date AND f.ends_on - d > f.given_on
        AND NOT EXISTS (SELECT 1 FROM feed_reminders r WHERE r.tenant_id = f.tenant_id AND r.feed_id = f.id
          AND r.ends_on = f.ends_on AND r.days_before <= d))
  ORDER BY f.consent_ends_at LIMIT p_limit
$$;""",
    # Consents whose last moment has passed while they still count as good.
    "ended_feed_consents(timestamptz, integer)": """
CREATE FUNCTION ended_feed_consents(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT f.tenant_id, f.id FROM feeds f
  WHERE f.state IN ('connected', 'attention') AND f.consent_ends_at <= p_now ORDER BY f.consent_ends_at LIMIT p_limit
$$;""",
    # Whose is what a callback names? By the hash of the link, or by the provider's id of the account.
    "feeds_of_notice(text, bytea, text)": """
CREATE FUNCTION feeds_of_notice(p_provider text, p_link bytea, p_account text)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT f.tenant_id, f.id FROM feeds f WHERE f.provider = p_provider AND f.link_hash = p_link
  UNION
  SELECT f.tenant_id, f.id FROM feed_accounts a
  JOIN feeds f ON f.tenant_id = a.tenant_id AND f.id = a.feed_id AND f.provider = p_provider
  WHERE p_account <> '' AND a.remote_id = p_account
$$;""",
    # Who of the client, and of the firms that it lets in, may renew its consents.
    "renewers_of(uuid)": """
CREATE FUNCTION renewers_of(p_client uuid)
RETURNS TABLE (user_id uuid, email text, name text, locale text, rank integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, u.email::text, u.name::text, u.locale::text, w.rank FROM (
    SELECT m.user_id, CASE m.role WHEN 'owner' THEN 1 ELSE 2 END AS rank FROM memberships m
    WHERE m.tenant_id = p_client AND m.ended_at IS NULL AND m.role IN ('owner', 'editor')
    UNION ALL
    SELECT m.user_id, CASE WHEN a.user_id = m.user_id THEN 3 WHEN m.role = 'administrator' THEN 4 ELSE 5 END
    FROM grants g JOIN memberships m ON m.tenant_id = g.portal_id AND m.ended_at IS NULL
      AND m.role IN ('administrator', 'staff')
    LEFT JOIN assignments a ON a.tenant_id = g.portal_id AND a.client_id = p_client
    WHERE g.tenant_id = p_client AND g.state = 'active' AND g.role = 'editor'
      AND (g.ends_on IS NULL OR g.ends_on >= app_today())
  ) w JOIN users u ON u.id = w.user_id AND u.disabled_at IS NULL AND u.email_verified_at IS NOT NULL
  WHERE p_client IN (SELECT app_tenant() UNION ALL SELECT app_clients())
  ORDER BY w.rank, lower(u.name), u.id
$$;""",
}
STANDING = """
CREATE OR REPLACE FUNCTION refresh_standing(p_tenant uuid, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH coupling AS (
    SELECT id FROM couplings WHERE tenant_id = p_tenant AND state = 'active' ORDER BY activated_at DESC LIMIT 1
  ), chosen AS (
    SELECT c.* FROM configurations c JOIN coupling k ON k.id = c.coupling_id
    WHERE c.tenant_id = p_tenant AND c.state = 'active'
  ), latest AS (
    SELECT DISTINCT ON (r.configuration_id) r.state, r.code FROM runs r JOIN chosen c ON c.id = r.configuration_id
    WHERE r.tenant_id = p_tenant AND r.state IN ('done', 'failed') ORDER BY r.configuration_id, r.created_at DESC
  ), night AS (
    SELECT jsonb_array_length(jsonb_path_query_array(n.findings, '$[*] ? (!exists(@.seen_at))')) AS wrong
    FROM comparisons n JOIN coupling k ON k.id = n.coupling_id
    WHERE n.tenant_id = p_tenant ORDER BY n.night DESC LIMIT 1
  ), waiting AS (
    SELECT count(*) AS entries FROM entries e
    WHERE e.tenant_id = p_tenant AND e.state = 'draft'
  ), arrived AS (
    SELECT EXISTS (SELECT 1 FROM statement_lines l JOIN chosen c ON c.bank_account_id = l.bank_account_id
      WHERE l.tenant_id = p_tenant) AS any
  ), lines AS (
    SELECT count(*) AS waiting FROM statement_lines l
    WHERE l.tenant_id = p_tenant AND l.entry_id IS NULL AND l.amount <> 0 AND NOT EXISTS (
      SELECT 1 FROM chosen c WHERE c.bank_account_id = l.bank_account_id
        AND (l.date < c.starts_on OR l.date > c.ends_on))
  ), bank AS (
    SELECT f.id, f.state, f.consent_ends_at FROM feeds f
    WHERE f.tenant_id = p_tenant AND EXISTS (SELECT 1 FROM feed_accounts a
      WHERE a.tenant_id = p_tenant AND a.feed_id = f.id AND a.ticked)
  ), causes (rank, state, code, number) AS (
    SELECT 0, 'stopped', 'feed.' || state, count(*) FROM bank WHERE state IN ('consent_ended', 'paused') GROUP BY state
    UNION ALL
    SELECT 1, 'stopped', code, count(*) FROM latest WHERE state = 'failed' GROUP BY code
    UNION ALL
    SELECT CASE p.state WHEN 'parked' THEN 2 ELSE 3 END, 'attention', p.code, count(*)
    FROM postings p
    JOIN entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id AND e.state = 'offered'
    WHERE p.tenant_id = p_tenant AND p.state IN ('parked', 'rejected') GROUP BY p.state, p.code
    UNION ALL
    SELECT 4, 'attention', 'feed.attention', count(*) FROM bank WHERE state = 'attention' HAVING count(*) > 0
    UNION ALL
    SELECT 5, 'attention', 'feed.consent_ends', count(*) FROM bank
    WHERE state IN ('connected', 'attention') AND consent_ends_at < p_now + interval '10 days' HAVING count(*) > 0
    UNION ALL
    SELECT 4, 'attention', 'standing.differences', wrong FROM night WHERE wrong > 0
    UNION ALL
    SELECT 5, 'attention', 'standing.entries_wait', entries FROM waiting WHERE entries > 0
    UNION ALL
    SELECT 6, 'none', 'standing.no_coupling', 0 WHERE NOT EXISTS (SELECT 1 FROM coupling)
    UNION ALL
    SELECT 7, 'none', 'standing.no_configuration', 0 WHERE NOT EXISTS (SELECT 1 FROM chosen)
    UNION ALL
    SELECT 8, 'wait_client', 'standing.no_statements', 0 FROM arrived WHERE NOT arrived.any
    UNION ALL
    SELECT 9, 'active', '', 0
  ), worst AS (
    SELECT state, code, number FROM causes ORDER BY rank, number DESC, code LIMIT 1
  )
  INSERT INTO standings AS s (tenant_id, state, code, "values", since, last_sync_at, next_sync_at, waiting_lines,
    waiting_entries, coupling_id, changed_at)
  SELECT p_tenant, w.state, w.code, CASE WHEN w.number > 0 THEN jsonb_build_object('count', w.number) ELSE '{}' END,
    p_now, (SELECT max(last_run_at) FROM chosen), (SELECT min(next_due_at) FROM chosen),
    (SELECT waiting FROM lines), (SELECT entries FROM waiting), (SELECT id FROM coupling), p_now
  FROM worst w WHERE EXISTS (SELECT 1 FROM tenants WHERE id = p_tenant AND kind = 'client')
  ON CONFLICT (tenant_id) DO UPDATE SET state = excluded.state, code = excluded.code, "values" = excluded."values",
    since = CASE WHEN (s.state, s.code) = (excluded.state, excluded.code) THEN s.since ELSE excluded.since END,
    last_sync_at = excluded.last_sync_at, next_sync_at = excluded.next_sync_at,
    waiting_lines = excluded.waiting_lines, waiting_entries = excluded.waiting_entries,
    coupling_id = excluded.coupling_id, changed_at = excluded.changed_at
$$;
"""
STANDING_BEFORE = """
CREATE OR REPLACE FUNCTION refresh_standing(p_tenant uuid, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH coupling AS (
    SELECT id FROM couplings WHERE tenant_id = p_tenant AND state = 'active' ORDER BY activated_at DESC LIMIT 1
  ), chosen AS (
    SELECT c.* FROM configurations c JOIN coupling k ON k.id = c.coupling_id
    WHERE c.tenant_id = p_tenant AND c.state = 'active'
  ), latest AS (
    SELECT DISTINCT ON (r.configuration_id) r.state, r.code FROM runs r JOIN chosen c ON c.id = r.configuration_id
    WHERE r.tenant_id = p_tenant AND r.state IN ('done', 'failed') ORDER BY r.configuration_id, r.created_at DESC
  ), night AS (
    SELECT jsonb_array_length(jsonb_path_query_array(n.findings, '$[*] ? (!exists(@.seen_at))')) AS wrong
    FROM comparisons n JOIN coupling k ON k.id = n.coupling_id
    WHERE n.tenant_id = p_tenant ORDER BY n.night DESC LIMIT 1
  ), waiting AS (
    SELECT count(*) AS entries FROM entries e
    WHERE e.tenant_id = p_tenant AND e.state = 'draft'
  ), arrived AS (
    SELECT EXISTS (SELECT 1 FROM statement_lines l JOIN chosen c ON c.bank_account_id = l.bank_account_id
      WHERE l.tenant_id = p_tenant) AS any
  ), lines AS (
    SELECT count(*) AS waiting FROM statement_lines l
    WHERE l.tenant_id = p_tenant AND l.entry_id IS NULL AND l.amount <> 0 AND NOT EXISTS (
      SELECT 1 FROM chosen c WHERE c.bank_account_id = l.bank_account_id
        AND (l.date < c.starts_on OR l.date > c.ends_on))
  ), causes (rank, state, code, number) AS (
    SELECT 1, 'stopped', code, count(*) FROM latest WHERE state = 'failed' GROUP BY code
    UNION ALL
    SELECT CASE p.state WHEN 'parked' THEN 2 ELSE 3 END, 'attention', p.code, count(*)
    FROM postings p
    JOIN entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id AND e.state = 'offered'
    WHERE p.tenant_id = p_tenant AND p.state IN ('parked', 'rejected') GROUP BY p.state, p.code
    UNION ALL
    SELECT 4, 'attention', 'standing.differences', wrong FROM night WHERE wrong > 0
    UNION ALL
    SELECT 5, 'attention', 'standing.entries_wait', entries FROM waiting WHERE entries > 0
    UNION ALL
    SELECT 6, 'none', 'standing.no_coupling', 0 WHERE NOT EXISTS (SELECT 1 FROM coupling)
    UNION ALL
    SELECT 7, 'none', 'standing.no_configuration', 0 WHERE NOT EXISTS (SELECT 1 FROM chosen)
    UNION ALL
    SELECT 8, 'wait_client', 'standing.no_statements', 0 FROM arrived WHERE NOT arrived.any
    UNION ALL
    SELECT 9, 'active', '', 0
  ), worst AS (
    SELECT state, code, number FROM causes ORDER BY rank, number DESC, code LIMIT 1
  )
  INSERT INTO standings AS s (tenant_id, state, code, "values", since, last_sync_at, next_sync_at, waiting_lines,
    waiting_entries, coupling_id, changed_at)
  SELECT p_tenant, w.state, w.code, CASE WHEN w.number > 0 THEN jsonb_build_object('count', w.number) ELSE '{}' END,
    p_now, (SELECT max(last_run_at) FROM chosen), (SELECT min(next_due_at) FROM chosen),
    (SELECT waiting FROM lines), (SELECT entries FROM waiting), (SELECT id FROM coupling), p_now
  FROM worst w WHERE EXISTS (SELECT 1 FROM tenants WHERE id = p_tenant AND kind = 'client')
  ON CONFLICT (tenant_id) DO UPDATE SET state = excluded.state, code = excluded.code, "values" = excluded."values",
    since = CASE WHEN (s.state, s.code) = (excluded.state, excluded.code) THEN s.since ELSE excluded.since END,
    last_sync_at = excluded.last_sync_at, next_sync_at = excluded.next_sync_at,
    waiting_lines = excluded.waiting_lines, waiting_entries = excluded.waiting_entries,
    coupling_id = excluded.coupling_id, changed_at = excluded.changed_at
$$;
"""


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("institution", sa.String(), nullable=False),
        sa.Column("institution_name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_code", sa.String(), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("authorisation_id", sa.Uuid(), nullable=True),
        sa.Column("customer", sa.LargeBinary(), nullable=True),
        sa.Column("link", sa.LargeBinary(), nullable=True),
        sa.Column("link_hash", sa.LargeBinary(), nullable=True),
        sa.Column("offered", sa.LargeBinary(), nullable=True),
        sa.Column("via_id", sa.Uuid(), nullable=True),
        sa.Column("linked_by", sa.Uuid(), nullable=True),
        sa.Column("contact_email", sa.String(), nullable=False),
        sa.Column("contact_phone", sa.String(), nullable=False),
        sa.Column("contact_locale", sa.String(), nullable=False),
        sa.Column("consent_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consent_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_refresh_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_code", sa.String(), nullable=False),
        sa.Column("last_text", sa.String(), nullable=False),
        sa.Column("last_request_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('not_connected','connecting','connected','attention','consent_ended','paused','revoked')",
            name=op.f("ck_feeds_state"),
        ),
        sa.ForeignKeyConstraint(["linked_by"], ["users.id"], name=op.f("fk_feeds_linked_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"],
            ["authorisations.tenant_id", "authorisations.id"],
            name=op.f("fk_feeds_tenant_id_authorisation_id"),
            ondelete="SET NULL (authorisation_id)",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_feeds_tenant_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["via_id"], ["tenants.id"], name=op.f("fk_feeds_via_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feeds")),
    )
    op.create_index(
        "ix_feeds_consent",
        "feeds",
        ["consent_ends_at"],
        unique=False,
        postgresql_where=sa.text("consent_ends_at IS NOT NULL"),
    )
    op.create_index(
        "ix_feeds_link",
        "feeds",
        ["provider", "link_hash"],
        unique=False,
        postgresql_where=sa.text("link_hash IS NOT NULL"),
    )
    op.create_table(
        "feed_accounts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feed_id", sa.Uuid(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("ticked", sa.Boolean(), nullable=False),
        sa.Column("interval_hours", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("refresh_id", sa.String(), nullable=False),
        sa.Column("refresh_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("balance_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consent_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("NOT ticked OR bank_account_id IS NOT NULL", name=op.f("ck_feed_accounts_joined")),
        sa.CheckConstraint("interval_hours BETWEEN 0 AND 24", name=op.f("ck_feed_accounts_interval")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"],
            ["bank_accounts.tenant_id", "bank_accounts.id"],
            name=op.f("fk_feed_accounts_tenant_id_bank_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "feed_id"],
            ["feeds.tenant_id", "feeds.id"],
            name=op.f("fk_feed_accounts_tenant_id_feed_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feed_accounts")),
        sa.UniqueConstraint("tenant_id", "feed_id", "remote_id", name="uq_feed_accounts_remote"),
    )
    op.create_index(
        "ix_feed_accounts_due",
        "feed_accounts",
        ["next_due_at"],
        unique=False,
        postgresql_where=sa.text("ticked AND next_due_at IS NOT NULL"),
    )
    op.create_index("ix_feed_accounts_remote", "feed_accounts", ["remote_id"], unique=False)
    op.create_index(
        "uq_feed_accounts_bank",
        "feed_accounts",
        ["tenant_id", "bank_account_id"],
        unique=True,
        postgresql_where=sa.text("ticked"),
    )
    op.create_table(
        "feed_fetches",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feed_account_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('running','done','failed','stopped')", name=op.f("ck_feed_fetches_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "feed_account_id"],
            ["feed_accounts.tenant_id", "feed_accounts.id"],
            name=op.f("fk_feed_fetches_tenant_id_feed_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feed_fetches")),
    )
    op.create_index(
        "ix_feed_fetches_account", "feed_fetches", ["tenant_id", "feed_account_id", "started_at"], unique=False
    )
    op.create_table(
        "feed_visits",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feed_id", sa.Uuid(), nullable=False),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("renewal_link_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('connect','renew')", name=op.f("ck_feed_visits_purpose")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "feed_id"],
            ["feeds.tenant_id", "feeds.id"],
            name=op.f("fk_feed_visits_tenant_id_feed_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feed_visits")),
    )
    op.create_index("uq_feed_visits_state", "feed_visits", ["tenant_id", "state_hash"], unique=True)
    op.create_table(
        "renewal_links",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feed_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "feed_id"],
            ["feeds.tenant_id", "feeds.id"],
            name=op.f("fk_renewal_links_tenant_id_feed_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_renewal_links_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_renewal_links")),
    )
    op.create_index("ix_renewal_links_feed", "renewal_links", ["tenant_id", "feed_id", "created_at"], unique=False)
    op.create_table(
        "feed_reminders",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feed_id", sa.Uuid(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "feed_id"],
            ["feeds.tenant_id", "feeds.id"],
            name=op.f("fk_feed_reminders_tenant_id_feed_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feed_reminders")),
        sa.UniqueConstraint("tenant_id", "feed_id", "ends_on", "days_before", name="uq_feed_reminders_day"),
    )
    op.create_table(
        "calendar_links",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_calendar_links_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_calendar_links_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_calendar_links")),
    )
    op.create_index("uq_calendar_links_token", "calendar_links", ["tenant_id", "token_hash"], unique=True)
    op.create_index(
        "uq_calendar_links_user",
        "calendar_links",
        ["tenant_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    for table in OWN + PORTFOLIO:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )
    for table in PORTFOLIO:
        op.execute(f"CREATE POLICY portfolio ON {table} FOR SELECT USING (tenant_id IN (SELECT app_clients()))")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )
    op.execute(STANDING)


def downgrade() -> None:
    op.execute(STANDING_BEFORE)
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for table in (
        "calendar_links", "feed_reminders", "feed_visits", "renewal_links", "feed_fetches", "feed_accounts", "feeds",
    ):  # fmt: skip
        op.drop_table(table)
