"""Row-level security on every tenant row, the few functions that look across tenants, and guards.

A firm acts in one tenant at a time; the policies say what else it may read. The functions
owned by koppelpoort_system bypass the policies and therefore return ids and little else.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"

# The tables of one tenant, readable and writable only by who acts in it.
OWN = (
    "data_keys", "assignments", "refresh_attempts", "login_states", "call_budgets", "credentials",
    "books", "imports", "statements", "statement_lines", "entry_lines", "chain_heads", "run_batches",
)  # fmt: skip
# A firm may also read these of every client that lets it in, for its portal-wide lists.
PORTFOLIO = (
    "activities", "couplings", "configurations", "bank_accounts", "entries", "postings", "runs",
    "comparisons", "standings",
)  # fmt: skip
# A client account's pages show the firm's connection while the firm acts in it.
VIA = ("authorisations", "dossiers")
PERSONAL = ("users", "user_sessions", "recovery_codes", "one_time_tokens", "mails", "ticks")

SETTINGS = """
CREATE FUNCTION app_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.tenant', true), '')::uuid $$;
CREATE FUNCTION app_portal() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.portal', true), '')::uuid $$;
CREATE FUNCTION app_via() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.via', true), '')::uuid $$;
CREATE FUNCTION app_user() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.user', true), '')::uuid $$;
CREATE FUNCTION app_today() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT (now() AT TIME ZONE 'Europe/Brussels')::date $$;
CREATE FUNCTION app_clients() RETURNS SETOF uuid LANGUAGE sql STABLE PARALLEL SAFE ROWS 300 AS $$
  SELECT tenant_id FROM grants
  WHERE portal_id = app_portal() AND state = 'active' AND (ends_on IS NULL OR ends_on >= app_today())
$$;
"""

SPECIAL = """
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants USING (id = app_tenant()) WITH CHECK (id = app_tenant());
CREATE POLICY portfolio ON tenants FOR SELECT USING (id IN (SELECT app_clients()));
CREATE POLICY via ON tenants FOR SELECT USING (id = app_via());
CREATE POLICY granted ON tenants FOR SELECT
  USING (id IN (SELECT g.portal_id FROM grants g WHERE g.tenant_id = app_tenant() AND g.portal_id IS NOT NULL));

-- The keys of secrets that belong to the installation or to a person.
CREATE POLICY installation ON data_keys USING (tenant_id = '00000000-0000-0000-0000-000000000000')
  WITH CHECK (tenant_id = '00000000-0000-0000-0000-000000000000');

ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON memberships USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());

ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON grants USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());
CREATE POLICY portfolio ON grants FOR SELECT USING (portal_id = app_portal());

ALTER TABLE access_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON access_requests USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());
-- The person who was asked decides, on a row of the firm.
CREATE POLICY asked_read ON access_requests FOR SELECT
  USING (lower(email) = (
    SELECT lower(u.email) FROM users u WHERE u.id = app_user() AND u.email_verified_at IS NOT NULL));
CREATE POLICY asked_decide ON access_requests FOR UPDATE
  USING (lower(email) = (
    SELECT lower(u.email) FROM users u WHERE u.id = app_user() AND u.email_verified_at IS NOT NULL));
"""

FUNCTIONS = {
    # Who is this, and what may they do in this tenant? One round trip; sets the scope of the transaction.
    "enter(bytea, uuid, timestamptz, interval, boolean)": """
CREATE FUNCTION enter(p_token bytea, p_tenant uuid, p_now timestamptz, p_idle interval, p_read_only boolean)
RETURNS TABLE (
  session_id uuid, user_id uuid, email text, user_name text, locale text, theme text, single_keys boolean,
  verified boolean, second_factor_due boolean, has_second_factor boolean, confirmed_at timestamptz,
  last_seen_at timestamptz,
  tenant_id uuid, kind text, tenant_name text, scheme text, enterprise_number text, zone text, rehearsal boolean,
  role text, grant_role text, via_id uuid, via_name text
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE who record; place record;
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
    v.name AS via_name INTO place
  FROM tenants t
  CROSS JOIN LATERAL (
    SELECT 1 AS rank, m.role, NULL::text AS grant_role, NULL::uuid AS via, m.created_at AS since
    FROM memberships m WHERE m.tenant_id = t.id AND m.user_id = who.id AND m.ended_at IS NULL
    UNION ALL
    SELECT 2, g.role, g.role, NULL, g.created_at FROM grants g
    WHERE g.tenant_id = t.id AND g.user_id = who.id AND g.state = 'active'
      AND (g.ends_on IS NULL OR g.ends_on >= app_today())
    UNION ALL
    SELECT 3, m.role, g.role, g.portal_id, g.created_at FROM grants g
    JOIN memberships m ON m.tenant_id = g.portal_id AND m.user_id = who.id AND m.ended_at IS NULL
    JOIN tenants p ON p.id = g.portal_id AND p.closed_at IS NULL
    WHERE g.tenant_id = t.id AND g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today())
  ) f
  LEFT JOIN tenants v ON v.id = f.via
  WHERE t.id = p_tenant AND t.closed_at IS NULL
    AND (who.totp_confirmed_at IS NULL OR who.second_factor_at IS NOT NULL)
  ORDER BY f.rank, f.since LIMIT 1;
  IF FOUND THEN
    PERFORM set_config('app.tenant', place.id::text, true),
            set_config('app.portal', CASE WHEN place.kind = 'portal' THEN place.id::text ELSE '' END, true),
            set_config('app.via', coalesce(place.via::text, ''), true);
  END IF;
  RETURN QUERY SELECT who.sid, who.id, who.email::text, who.name::text, who.locale::text, who.theme::text,
    who.single_keys, who.email_verified_at IS NOT NULL,
    who.totp_confirmed_at IS NOT NULL AND who.second_factor_at IS NULL, who.totp_confirmed_at IS NOT NULL,
    who.confirmed_at, who.last_seen_at,
    place.id, place.kind::text, place.name::text, place.scheme::text, place.enterprise_number::text,
    place.zone::text, place.rehearsal, place.role::text,
    place.grant_role::text, place.via, place.via_name::text;
END $$;""",
    # Every account the signed-in person can switch to, found by name, number or dossier.
    "accounts_of(uuid, text, integer)": """
CREATE FUNCTION accounts_of(p_user uuid, p_find text, p_limit integer)
RETURNS TABLE (id uuid, kind text, name text, scheme text, enterprise_number text, dossier text, state text, via uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH mine AS (
    SELECT m.tenant_id, NULL::uuid AS via FROM memberships m WHERE m.user_id = p_user AND m.ended_at IS NULL
    UNION
    SELECT g.tenant_id, NULL FROM grants g WHERE g.user_id = p_user AND g.state = 'active'
      AND (g.ends_on IS NULL OR g.ends_on >= app_today())
    UNION
    SELECT g.tenant_id, g.portal_id FROM grants g
    JOIN memberships m ON m.tenant_id = g.portal_id AND m.user_id = p_user AND m.ended_at IS NULL
    WHERE g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today())
  )
  SELECT DISTINCT ON (t.kind = 'client', lower(t.name), t.id)
    t.id, t.kind::text, t.name::text, t.scheme::text, t.enterprise_number::text, c.dossier_number::text,
    s.state::text, mine.via
  FROM mine JOIN tenants t ON t.id = mine.tenant_id AND t.closed_at IS NULL
  LEFT JOIN couplings c ON c.tenant_id = t.id AND c.state = 'active'
  LEFT JOIN standings s ON s.tenant_id = t.id
  WHERE p_user = app_user() AND (
    p_find = '' OR strpos(lower(t.name), lower(p_find)) > 0
    OR (regexp_replace(p_find, '\\D', '', 'g') <> ''
        AND strpos(t.enterprise_number, regexp_replace(p_find, '\\D', '', 'g')) > 0)
    OR lower(c.dossier_number) = lower(p_find) OR lower(c.dossier_code) = lower(p_find))
  ORDER BY t.kind = 'client', lower(t.name), t.id LIMIT p_limit
$$;""",
    # The portal that proved to hold this address: a client names it without seeing any other.
    "portal_of_email(text)": """
CREATE FUNCTION portal_of_email(p_email text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT id FROM tenants WHERE kind = 'portal' AND lower(email) = lower(p_email)
    AND email_verified_at IS NOT NULL AND closed_at IS NULL
$$;""",
    # An address was proved: the grants that waited for it become active.
    "activate_grants(uuid, uuid, timestamptz)": """
CREATE FUNCTION activate_grants(p_portal uuid, p_user uuid, p_now timestamptz)
RETURNS TABLE (tenant_id uuid, id uuid) LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE grants g SET state = 'active', activated_at = p_now, portal_id = p_portal,
    user_id = CASE WHEN p_portal IS NULL THEN p_user END
  WHERE g.state = 'pending' AND num_nonnulls(p_portal, p_user) = 1 AND lower(g.email) = lower(coalesce(
    (SELECT t.email FROM tenants t WHERE t.id = p_portal AND t.email_verified_at IS NOT NULL),
    (SELECT u.email FROM users u WHERE u.id = p_user AND u.email_verified_at IS NOT NULL)))
  RETURNING g.tenant_id, g.id
$$;""",
    # Does another tenant hold a living connection of this very log-in? Yes or no, nothing else.
    "login_connected_elsewhere(uuid, text, text, text)": """
CREATE FUNCTION login_connected_elsewhere(p_tenant uuid, p_app text, p_environment text, p_user text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM authorisations a WHERE a.app = p_app AND a.environment = p_environment
    AND a.remote_user_id = p_user AND a.tenant_id <> p_tenant AND a.state = 'active' AND a.removed_at IS NULL)
$$;""",
    # May work for this client still use this authorisation? Asked in the transaction that writes `sending`.
    "may_use_authorisation(uuid, uuid)": """
CREATE FUNCTION may_use_authorisation(p_client uuid, p_holder uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT p_client = p_holder OR EXISTS (SELECT 1 FROM grants g WHERE g.tenant_id = p_client
    AND g.portal_id = p_holder AND g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today()))
$$;""",
    # Work that is due, a share of each dossier before the second of any; what is returned is not due again
    # for 20 seconds, so that a bell is rung once and lost bells are rung anew.
    "ring_due_postings(timestamptz, integer)": """
CREATE FUNCTION ring_due_postings(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE postings p SET next_try_at = p_now + interval '20 seconds'
  FROM (
    SELECT due.tenant_id, due.id FROM (
      SELECT q.tenant_id, q.id, q.next_try_at, c.authorisation_tenant_id AS firm,
        row_number() OVER (PARTITION BY q.coupling_id ORDER BY q.next_try_at, q.id) AS turn
      FROM postings q JOIN couplings c ON c.tenant_id = q.tenant_id AND c.id = q.coupling_id
      WHERE q.state IN ('intent', 'sending', 'uncertain') AND q.next_try_at <= p_now
        AND (q.lease_until IS NULL OR q.lease_until < p_now)
    ) due
    ORDER BY due.turn, row_number() OVER (PARTITION BY due.firm ORDER BY due.turn, due.next_try_at), due.next_try_at
    LIMIT p_limit
  ) chosen WHERE p.tenant_id = chosen.tenant_id AND p.id = chosen.id
  RETURNING p.tenant_id, p.id
$$;""",
    "ring_due_runs(timestamptz, integer)": """
CREATE FUNCTION ring_due_runs(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE runs r SET next_try_at = p_now + interval '20 seconds'
  FROM (SELECT q.tenant_id, q.id FROM runs q WHERE q.state IN ('queued', 'running') AND q.next_try_at <= p_now
        ORDER BY q.next_try_at LIMIT p_limit FOR UPDATE SKIP LOCKED) chosen
  WHERE r.tenant_id = chosen.tenant_id AND r.id = chosen.id
  RETURNING r.tenant_id, r.id
$$;""",
    "due_configurations(timestamptz, integer)": """
CREATE FUNCTION due_configurations(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.tenant_id, c.id FROM configurations c
  WHERE c.state = 'active' AND c.next_due_at <= p_now ORDER BY c.next_due_at LIMIT p_limit
$$;""",
    # Couplings whose night was not compared yet.
    "due_comparisons(date, integer)": """
CREATE FUNCTION due_comparisons(p_night date, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.tenant_id, c.id FROM couplings c
  WHERE c.state = 'active' AND NOT EXISTS (SELECT 1 FROM comparisons n
    WHERE n.tenant_id = c.tenant_id AND n.coupling_id = c.id AND n.night = p_night)
    AND EXISTS (SELECT 1 FROM postings p WHERE p.tenant_id = c.tenant_id AND p.coupling_id = c.id)
  ORDER BY c.id LIMIT p_limit
$$;""",
    # Log-ins whose refresh token would die of disuse, and those with an attempt left open by a crash.
    "due_authorisations(timestamptz, integer)": """
CREATE FUNCTION due_authorisations(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT a.tenant_id, a.id FROM authorisations a
  JOIN credentials k ON k.tenant_id = a.tenant_id AND k.authorisation_id = a.id
  WHERE a.state = 'active' AND a.removed_at IS NULL AND (k.not_before IS NULL OR k.not_before <= p_now)
    AND (p_now > k.received_at + (k.refresh_expires_at - k.received_at) / 2
      OR EXISTS (SELECT 1 FROM refresh_attempts r WHERE r.tenant_id = a.tenant_id AND r.authorisation_id = a.id
                 AND r.outcome = 'open' AND r.started_at < p_now - interval '60 seconds'))
  ORDER BY k.received_at LIMIT p_limit
$$;""",
    # Grants whose last day has passed, to be written down as ended.
    "ended_grants(date)": """
CREATE FUNCTION ended_grants(p_today date) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT g.tenant_id, g.id FROM grants g WHERE g.state IN ('pending', 'active') AND g.ends_on < p_today
$$;""",
    "all_tenants()": """
CREATE FUNCTION all_tenants() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT id FROM tenants ORDER BY id
$$;""",
}

GUARDS = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON activities FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The moves of a posting, its fence, and that approved bytes do not change under way.
CREATE FUNCTION guard_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT (
       (OLD.state = 'intent'    AND NEW.state IN ('sending', 'rejected', 'parked'))
    OR (OLD.state = 'sending'   AND NEW.state IN ('confirmed', 'rejected', 'uncertain', 'intent'))
    OR (OLD.state = 'uncertain' AND NEW.state IN ('confirmed', 'intent', 'parked'))
    OR (OLD.state = 'rejected'  AND NEW.state = 'intent')
    OR (OLD.state = 'parked'    AND NEW.state IN ('intent', 'confirmed', 'uncertain'))
  ) THEN RAISE EXCEPTION 'posting % may not go from % to %', OLD.id, OLD.state, NEW.state; END IF;
  IF NEW.fence < OLD.fence THEN RAISE EXCEPTION 'posting %: the fence went back', OLD.id; END IF;
  IF NEW.payload <> OLD.payload AND NOT (OLD.state IN ('rejected', 'parked') AND NEW.state = 'intent') THEN
    RAISE EXCEPTION 'posting %: approved bytes may not change in state %', OLD.id, OLD.state; END IF;
  IF NEW.entry_id <> OLD.entry_id OR NEW.reference <> OLD.reference THEN
    RAISE EXCEPTION 'posting %: entry and reference are for ever', OLD.id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON postings FOR EACH ROW EXECUTE FUNCTION guard_posting();
CREATE FUNCTION keep_posting() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'a posting is never deleted'; END $$;
CREATE TRIGGER keep BEFORE DELETE ON postings FOR EACH ROW EXECUTE FUNCTION keep_posting();

-- What was offered stays as it was shown.
CREATE FUNCTION guard_entry_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE entry_state text;
BEGIN
  SELECT state INTO entry_state FROM entries
  WHERE tenant_id = coalesce(NEW.tenant_id, OLD.tenant_id) AND id = coalesce(NEW.entry_id, OLD.entry_id);
  IF entry_state = 'offered' THEN RAISE EXCEPTION 'the lines of an offered entry do not change'; END IF;
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON entry_lines FOR EACH ROW EXECUTE FUNCTION guard_entry_line();
"""


def upgrade() -> None:
    op.execute(SETTINGS)
    for table in OWN + PORTFOLIO + VIA:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
        )
    for table in PORTFOLIO:
        op.execute(f"CREATE POLICY portfolio ON {table} FOR SELECT USING (tenant_id IN (SELECT app_clients()))")
    for table in VIA:
        op.execute(f"CREATE POLICY via ON {table} FOR SELECT USING (tenant_id = app_via())")
    op.execute(SPECIAL)
    for table in OWN + PORTFOLIO + VIA + PERSONAL + ("tenants", "memberships", "grants", "access_requests"):
        verbs = "SELECT, INSERT" if table == "activities" else "SELECT, INSERT, UPDATE, DELETE"
        op.execute(f"GRANT {verbs} ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )
    op.execute(GUARDS)


def downgrade() -> None:
    for table, function in (("entry_lines", "guard_entry_line"), ("postings", "guard_posting")):
        op.execute(f"DROP TRIGGER guard ON {table}; DROP FUNCTION {function}()")
    op.execute("DROP TRIGGER keep ON postings; DROP FUNCTION keep_posting()")
    op.execute("DROP TRIGGER append_only ON activities; DROP FUNCTION refuse_change()")
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for table in OWN + PORTFOLIO + VIA + ("tenants", "memberships", "grants", "access_requests"):
        for policy in ("own", "portfolio", "via", "granted", "asked_read", "asked_decide", "installation"):
            op.execute(f"DROP POLICY IF EXISTS {policy} ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for function in ("app_clients", "app_today", "app_user", "app_via", "app_portal", "app_tenant"):
        op.execute(f"DROP FUNCTION {function}()")
