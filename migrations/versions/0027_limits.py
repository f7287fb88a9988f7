"""People with account groups see the accounts in them and no other, and some see assigned clients alone.

Said to the database, so that no list, chart, search or export can forget it: a restrictive policy
on every table that tells of one bank account. It asks who acts (`app.user`) in which tenant; work
in the background acts for nobody and is not limited.
"""

from __future__ import annotations

import runpy
from pathlib import Path

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
BEFORE: dict[str, str] = runpy.run_path(str(Path(__file__).with_name("0002_isolation.py")))["FUNCTIONS"]
ENTER = "enter(bytea, uuid, timestamptz, interval, boolean)"
SWITCH = "accounts_of(uuid, text, integer)"

FUNCTIONS = {
    # Whether the person who acts has account groups in the tenant they come from.
    "app_limited()": """
CREATE FUNCTION app_limited() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM memberships m
    JOIN member_groups g ON g.tenant_id = m.tenant_id AND g.membership_id = m.id
    WHERE m.tenant_id = coalesce(app_via(), app_tenant()) AND m.user_id = app_user() AND m.ended_at IS NULL)
$$;""",
    # The bank accounts of those groups; of client accounts that let the firm in no longer, none.
    "app_accounts()": """
CREATE FUNCTION app_accounts() RETURNS SETOF uuid
LANGUAGE sql STABLE ROWS 20 SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT a.bank_account_id FROM memberships m
  JOIN member_groups g ON g.tenant_id = m.tenant_id AND g.membership_id = m.id
  JOIN account_group_accounts a ON a.tenant_id = g.tenant_id AND a.group_id = g.group_id
  WHERE m.tenant_id = coalesce(app_via(), app_tenant()) AND m.user_id = app_user() AND m.ended_at IS NULL
    AND may_use_authorisation(a.client_id, a.tenant_id)
$$;""",
    # Whether this person of a firm sees the clients assigned to them alone.
    "app_assigned_only()": """
CREATE FUNCTION app_assigned_only() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM memberships m
    WHERE m.tenant_id = app_portal() AND m.user_id = app_user() AND m.ended_at IS NULL AND m.assigned_only)
$$;""",
    "app_assigned()": """
CREATE FUNCTION app_assigned() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT client_id FROM assignments WHERE tenant_id = app_portal() AND user_id = app_user()
$$;""",
    # Whether a coupling keeps the books of no account outside the groups, so that its totals tell of none.
    "app_sees_all_of(uuid, uuid)": """
CREATE FUNCTION app_sees_all_of(p_tenant uuid, p_coupling uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT 1 FROM configurations c WHERE c.tenant_id = p_tenant AND c.coupling_id = p_coupling
    AND c.bank_account_id IS NOT NULL AND c.bank_account_id NOT IN (SELECT app_accounts()))
$$;""",
    # Whether a file for a package without a server holds no entry of an account outside the groups.
    "app_sees_file(uuid, uuid)": """
CREATE FUNCTION app_sees_file(p_tenant uuid, p_file uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT 1 FROM exchange_entries x JOIN entries e ON e.reference = x.reference
    JOIN configurations c ON c.tenant_id = e.tenant_id AND c.id = e.configuration_id
    WHERE x.tenant_id = p_tenant AND x.file_id = p_file
      AND c.bank_account_id IS NOT NULL AND c.bank_account_id NOT IN (SELECT app_accounts()))
$$;""",
}

# Whether the person sees the thing that an activity is about. As the caller, so that the policies answer.
SEES = """
CREATE FUNCTION app_sees(p_kind text, p_id uuid, p_context uuid, p_tag text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE p_kind
    WHEN 'bank_account' THEN EXISTS (SELECT 1 FROM bank_accounts WHERE id = p_id)
    WHEN 'statement_line' THEN EXISTS (SELECT 1 FROM statement_lines WHERE id = p_id)
    WHEN 'entry' THEN EXISTS (SELECT 1 FROM entries WHERE id = p_id)
    WHEN 'configuration' THEN EXISTS (SELECT 1 FROM configurations WHERE id = p_id)
    WHEN 'import' THEN EXISTS (SELECT 1 FROM imports WHERE id = p_id)
    WHEN 'parked_file' THEN EXISTS (SELECT 1 FROM parked_files WHERE id = p_id)
    WHEN 'exchange_file' THEN EXISTS (SELECT 1 FROM exchange_files WHERE id = p_id)
    WHEN 'account_group' THEN false
    WHEN 'feed' THEN EXISTS (SELECT 1 FROM feeds WHERE id = p_id) AND CASE
      WHEN p_tag LIKE 'feed.account%' OR p_context IS NOT NULL
      THEN EXISTS (SELECT 1 FROM bank_accounts WHERE id = p_context) ELSE true END
    ELSE true END
$$;
"""


def _of(column: str) -> str:
    return f"{column} IN (SELECT app_accounts())"


def _within(table: str, column: str, other: str) -> str:
    its = f"o.tenant_id = {table}.tenant_id AND o.id = {table}.{column}"
    return f"EXISTS (SELECT 1 FROM {other} o WHERE {its})"  # noqa: S608 (names out of this file)


# Reading and writing alike: nobody brings in what they would not see.
LIMITED = {
    "bank_accounts": _of("id"),
    **dict.fromkeys(
        ("statements", "statement_lines", "line_sources", "pending_lines", "line_changes", "deleted_lines",
         "account_answers", "feed_accounts"),
        _of("bank_account_id"),
    ),
    "configurations": "bank_account_id IS NULL OR " + _of("bank_account_id"),
    "parked_files": _of("bank_account_id") + " OR bank_account_id IS NULL AND created_by = app_user()",
    "entries": _within("entries", "configuration_id", "configurations"),
    "entry_lines": _within("entry_lines", "entry_id", "entries"),
    "postings": _within("postings", "entry_id", "entries"),
    "runs": _within("runs", "configuration_id", "configurations"),
    "matches": _within("matches", "line_id", "statement_lines"),
    "feed_fetches": _within("feed_fetches", "feed_account_id", "feed_accounts"),
    "feed_visits": _within("feed_visits", "feed_id", "feeds"),
    "feed_reminders": _within("feed_reminders", "feed_id", "feeds"),
    "renewal_links": _within("renewal_links", "feed_id", "feeds"),
}  # fmt: skip
# Reading alone: these are written before what they belong to, or whoever acts.
UNREAD = {
    "imports": "created_by = app_user() OR EXISTS (SELECT 1 FROM statements s"
    " WHERE s.tenant_id = imports.tenant_id AND s.import_id = imports.id)",
    "feeds": "EXISTS (SELECT 1 FROM feed_accounts a WHERE a.tenant_id = feeds.tenant_id AND a.feed_id = feeds.id)",
    "comparisons": "app_sees_all_of(tenant_id, coupling_id)",
    "exchange_files": "app_sees_file(tenant_id, id)",
    "activities": "actor_id = app_user() OR app_sees(subject_kind, subject_id, context_id, tag)",
}

# A firm's person reads the grants, and with them the rows, of the clients that they may see.
PORTFOLIO = "portal_id = app_portal() AND (NOT (SELECT app_assigned_only()) OR tenant_id IN (SELECT app_assigned()))"

ASSIGNED = (
    "(NOT m.assigned_only OR EXISTS (SELECT 1 FROM assignments a"
    " WHERE a.tenant_id = g.portal_id AND a.client_id = g.tenant_id AND a.user_id = m.user_id))"
)
# `enter` says besides: the rights of the person's job roles, one list of [permission, rights, self-approve]
# for each role; the bank accounts and client accounts they are limited to (null: not limited).
ENTER_NOW = """
CREATE FUNCTION enter(p_token bytea, p_tenant uuid, p_now timestamptz, p_idle interval, p_read_only boolean)
RETURNS TABLE (
  session_id uuid, user_id uuid, email text, user_name text, locale text, theme text, single_keys boolean,
  verified boolean, second_factor_due boolean, has_second_factor boolean, confirmed_at timestamptz,
  last_seen_at timestamptz,
  tenant_id uuid, kind text, tenant_name text, scheme text, enterprise_number text, zone text, rehearsal boolean,
  role text, grant_role text, via_id uuid, via_name text, job_roles jsonb, accounts uuid[], clients uuid[]
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE who record; place record; home uuid; given jsonb; mine uuid[]; assigned uuid[];
BEGIN
  SELECT s.id AS sid, s.second_factor_at, s.confirmed_at, s.last_seen_at, u.* INTO who
  FROM user_sessions s JOIN users u ON u.id = s.user_id
  WHERE s.token_hash = p_token AND s.revoked_at IS NULL AND s.expires_at > p_now
    AND s.last_seen_at > p_now - p_idle AND u.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM set_config('app.user', who.id::text, true);
  IF p_read_only THEN PERFORM set_config('transaction_read_only', 'on', true); END IF;
  -- Without the second factor nobody is anything anywhere.
  SELECT t.id, t.kind, t.name, t.scheme, t.enterprise_number, t.zone, t.rehearsal, f.role, f.grant_role, f.via,
    f.membership, f.assigned_only, v.name AS via_name INTO place
  FROM tenants t
  CROSS JOIN LATERAL (
    SELECT 1 AS rank, m.role, NULL::text AS grant_role, NULL::uuid AS via, m.created_at AS since,
      m.id AS membership, m.assigned_only
    FROM memberships m WHERE m.tenant_id = t.id AND m.user_id = who.id AND m.ended_at IS NULL
    UNION ALL
    SELECT 2, g.role, g.role, NULL, g.created_at, NULL, false FROM grants g
    WHERE g.tenant_id = t.id AND g.user_id = who.id AND g.state = 'active'
      AND (g.ends_on IS NULL OR g.ends_on >= app_today())
    UNION ALL
    SELECT 3, m.role, g.role, g.portal_id, g.created_at, m.id, m.assigned_only FROM grants g
    JOIN memberships m ON m.tenant_id = g.portal_id AND m.user_id = who.id AND m.ended_at IS NULL
    JOIN tenants p ON p.id = g.portal_id AND p.closed_at IS NULL
    WHERE g.tenant_id = t.id AND g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today())
      AND :assigned
  ) f
  LEFT JOIN tenants v ON v.id = f.via
  WHERE t.id = p_tenant AND t.closed_at IS NULL
    AND (who.totp_confirmed_at IS NULL OR who.second_factor_at IS NOT NULL)
  ORDER BY f.rank, f.since LIMIT 1;
  IF FOUND THEN
    PERFORM set_config('app.tenant', place.id::text, true),
            set_config('app.portal', CASE WHEN place.kind = 'portal' THEN place.id::text ELSE '' END, true),
            set_config('app.via', coalesce(place.via::text, ''), true);
    home := coalesce(place.via, place.id);
    SELECT jsonb_agg(r.given) INTO given FROM (
      SELECT jsonb_agg(jsonb_build_array(j.permission, j.rights, j.self_approve)) AS given
      FROM member_job_roles o JOIN job_role_rights j ON j.tenant_id = o.tenant_id AND j.job_role_id = o.job_role_id
      WHERE o.tenant_id = home AND o.membership_id = place.membership GROUP BY o.job_role_id
    ) r;
    IF app_limited() THEN
      SELECT coalesce(array_agg(a), '{}') INTO mine FROM app_accounts() a
      WHERE place.kind = 'portal'
        OR EXISTS (SELECT 1 FROM bank_accounts b WHERE b.tenant_id = place.id AND b.id = a);
    END IF;
    IF place.assigned_only THEN
      SELECT coalesce(array_agg(a.client_id), '{}') INTO assigned FROM assignments a
      WHERE a.tenant_id = home AND a.user_id = who.id;
    END IF;
  END IF;
  RETURN QUERY SELECT who.sid, who.id, who.email::text, who.name::text, who.locale::text, who.theme::text,
    who.single_keys, who.email_verified_at IS NOT NULL,
    who.totp_confirmed_at IS NOT NULL AND who.second_factor_at IS NULL, who.totp_confirmed_at IS NOT NULL,
    who.confirmed_at, who.last_seen_at,
    place.id, place.kind::text, place.name::text, place.scheme::text, place.enterprise_number::text,
    place.zone::text, place.rehearsal, place.role::text,
    place.grant_role::text, place.via, place.via_name::text, given, mine, assigned;
END $$;""".replace(":assigned", ASSIGNED)
SWITCH_NOW = BEFORE[SWITCH].replace(
    "    WHERE g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today())\n",
    f"    WHERE g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today())\n      AND {ASSIGNED}\n",
)

# Whoever may put everything right: a living administrator or owner. One always remains.
HEADS = """
CREATE FUNCTION keep_one_head() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF OLD.ended_at IS NOT NULL OR OLD.role NOT IN ('administrator', 'owner')
    OR (TG_OP = 'UPDATE' AND NEW.ended_at IS NULL AND NEW.role = OLD.role) THEN RETURN NULL; END IF;
  -- Two who put each other out at the same moment come one after the other.
  PERFORM 1 FROM tenants WHERE id = OLD.tenant_id FOR NO KEY UPDATE;
  IF FOUND AND NOT EXISTS (SELECT 1 FROM memberships
    WHERE tenant_id = OLD.tenant_id AND role = OLD.role AND ended_at IS NULL) THEN
    RAISE EXCEPTION 'tenant % would be left without an %', OLD.tenant_id, OLD.role; END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER keep_one_head AFTER UPDATE OR DELETE ON memberships
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_one_head();
"""


def upgrade() -> None:
    for signature, body in FUNCTIONS.items():
        _install(signature, body)
    op.execute(SEES)
    op.execute(f"ALTER POLICY portfolio ON grants USING ({PORTFOLIO})")
    for verb, limits in (("ALL", LIMITED), ("SELECT", UNREAD)):
        for table, condition in limits.items():
            op.execute(
                f"CREATE POLICY groups ON {table} AS RESTRICTIVE FOR {verb}"
                f" USING (NOT (SELECT app_limited()) OR {condition})"
            )
    _replace(ENTER, ENTER_NOW)
    _replace(SWITCH, SWITCH_NOW)
    op.execute(HEADS)
    op.execute(f"ALTER FUNCTION keep_one_head() OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION keep_one_head() FROM PUBLIC")


def _install(signature: str, body: str) -> None:
    op.execute(body)
    op.execute(
        f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
    )


def _replace(signature: str, body: str) -> None:
    op.execute(f"DROP FUNCTION {signature}")
    _install(signature, body)


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_one_head ON memberships; DROP FUNCTION keep_one_head()")
    _replace(SWITCH, BEFORE[SWITCH])
    _replace(ENTER, BEFORE[ENTER])
    for table in (*LIMITED, *UNREAD):
        op.execute(f"DROP POLICY groups ON {table}")
    op.execute("ALTER POLICY portfolio ON grants USING (portal_id = app_portal())")
    op.execute("DROP FUNCTION app_sees(text, uuid, uuid, text)")
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
