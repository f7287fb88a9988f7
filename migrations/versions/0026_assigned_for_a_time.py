"""Who looks after which client account, several people and for a time; and invitations to take an account over.

What was a note becomes a stretch of time: the table keeps each, and the view of the old name shows those
that last now, so that all who ask by it stop seeing an account at the moment that a stretch ends.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"

PERIODS = """
ALTER TABLE assignments RENAME TO assignment_periods;
ALTER TABLE assignment_periods RENAME CONSTRAINT pk_assignments TO pk_assignment_periods;
ALTER TABLE assignment_periods RENAME CONSTRAINT fk_assignments_client_id TO fk_assignment_periods_client_id;
ALTER TABLE assignment_periods RENAME CONSTRAINT fk_assignments_tenant_id TO fk_assignment_periods_tenant_id;
ALTER TABLE assignment_periods RENAME CONSTRAINT fk_assignments_user_id TO fk_assignment_periods_user_id;
DROP INDEX uq_assignments_client;
ALTER TABLE assignment_periods
  ADD COLUMN starts_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN ends_at timestamptz,
  ADD COLUMN reason varchar NOT NULL DEFAULT '',
  ADD COLUMN given_by uuid,
  ADD COLUMN told_at timestamptz,
  ADD CONSTRAINT ck_assignment_periods_order CHECK (ends_at >= starts_at);
CREATE UNIQUE INDEX uq_assignment_periods_open ON assignment_periods (tenant_id, client_id, user_id)
  WHERE ends_at IS NULL;
CREATE INDEX ix_assignment_periods_person ON assignment_periods (tenant_id, user_id, client_id);
CREATE INDEX ix_assignment_periods_untold ON assignment_periods (ends_at)
  WHERE ends_at IS NOT NULL AND told_at IS NULL;
CREATE VIEW assignments WITH (security_invoker = true) AS
  SELECT tenant_id, id, client_id, user_id, starts_at, ends_at, reason, given_by, told_at FROM assignment_periods
  WHERE ends_at IS NULL OR ends_at > now();
"""
PERIODS_BEFORE = """
DROP VIEW assignments;
GRANT DELETE ON assignment_periods TO koppelpoort_system;
SET LOCAL ROLE koppelpoort_system;
DELETE FROM assignment_periods a WHERE a.ends_at IS NOT NULL OR EXISTS (SELECT 1 FROM assignment_periods b
  WHERE b.tenant_id = a.tenant_id AND b.client_id = a.client_id AND b.ends_at IS NULL AND b.id < a.id);
RESET ROLE;
REVOKE DELETE ON assignment_periods FROM koppelpoort_system;
DROP INDEX uq_assignment_periods_open;
DROP INDEX ix_assignment_periods_person;
DROP INDEX ix_assignment_periods_untold;
ALTER TABLE assignment_periods DROP CONSTRAINT ck_assignment_periods_order,
  DROP COLUMN starts_at, DROP COLUMN ends_at, DROP COLUMN reason, DROP COLUMN given_by, DROP COLUMN told_at;
ALTER TABLE assignment_periods RENAME TO assignments;
ALTER TABLE assignments RENAME CONSTRAINT pk_assignment_periods TO pk_assignments;
ALTER TABLE assignments RENAME CONSTRAINT fk_assignment_periods_client_id TO fk_assignments_client_id;
ALTER TABLE assignments RENAME CONSTRAINT fk_assignment_periods_tenant_id TO fk_assignments_tenant_id;
ALTER TABLE assignments RENAME CONSTRAINT fk_assignment_periods_user_id TO fk_assignments_user_id;
CREATE UNIQUE INDEX uq_assignments_client ON assignments (tenant_id, client_id);
"""

FUNCTIONS = {
    # Assignments whose end has passed, to be written down as ended; they ended by the time itself.
    "ended_assignments(timestamptz, integer)": """
CREATE FUNCTION ended_assignments(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT a.tenant_id, a.id FROM assignment_periods a WHERE a.ends_at <= p_now AND a.told_at IS NULL
  ORDER BY a.ends_at LIMIT p_limit
$$;""",
    # Of the portal in scope: which of these enterprise numbers have a client account here already.
    "known_numbers(text[])": """
CREATE FUNCTION known_numbers(p_numbers text[]) RETURNS TABLE (key text, id uuid, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT t.scheme || ':' || t.enterprise_number, t.id, t.name FROM tenants t
  JOIN grants g ON g.tenant_id = t.id AND g.portal_id = app_tenant() AND g.state = 'active'
    AND (g.ends_on IS NULL OR g.ends_on >= app_today())
  WHERE t.kind = 'client' AND t.closed_at IS NULL AND t.scheme || ':' || t.enterprise_number = ANY(p_numbers)
$$;""",
    # Whether this person may come into this client account now: as one of its own people, let in, or through a firm.
    "may_come_in(uuid, uuid)": """
CREATE FUNCTION may_come_in(p_user uuid, p_client uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM users u WHERE u.id = p_user AND u.disabled_at IS NULL) AND (
    EXISTS (SELECT 1 FROM memberships m WHERE m.tenant_id = p_client AND m.user_id = p_user AND m.ended_at IS NULL)
    OR EXISTS (SELECT 1 FROM grants g
      LEFT JOIN memberships m ON m.tenant_id = g.portal_id AND m.user_id = p_user AND m.ended_at IS NULL
      WHERE g.tenant_id = p_client AND g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today())
        AND (g.user_id = p_user OR (m.id IS NOT NULL AND (NOT m.assigned_only OR EXISTS (SELECT 1 FROM assignments a
          WHERE a.tenant_id = g.portal_id AND a.client_id = p_client AND a.user_id = p_user))))))
$$;""",
    # The firms of this person that are let into an account which is not assigned to them.
    "not_assigned_by(uuid)": """
CREATE FUNCTION not_assigned_by(p_client uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT g.portal_id FROM grants g
  JOIN memberships m ON m.tenant_id = g.portal_id AND m.user_id = app_user() AND m.ended_at IS NULL
    AND m.assigned_only
  JOIN tenants t ON t.id = g.tenant_id AND t.closed_at IS NULL
  JOIN tenants p ON p.id = g.portal_id AND p.closed_at IS NULL
  WHERE g.tenant_id = p_client AND g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today())
$$;""",
}
RENEWERS = """
CREATE OR REPLACE FUNCTION renewers_of(p_client uuid)
RETURNS TABLE (user_id uuid, email text, name text, locale text, rank integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, u.email::text, u.name::text, u.locale::text, w.rank FROM (
    SELECT m.user_id, CASE m.role WHEN 'owner' THEN 1 ELSE 2 END AS rank FROM memberships m
    WHERE m.tenant_id = p_client AND m.ended_at IS NULL AND m.role IN ('owner', 'editor')
    UNION ALL
    SELECT m.user_id, CASE WHEN {mine} THEN 3 WHEN m.role = 'administrator' THEN 4 ELSE 5 END
    FROM grants g JOIN memberships m ON m.tenant_id = g.portal_id AND m.ended_at IS NULL
      AND m.role IN ('administrator', 'staff')
    {joined}
    WHERE g.tenant_id = p_client AND g.state = 'active' AND g.role = 'editor'
      AND (g.ends_on IS NULL OR g.ends_on >= app_today()){limited}
  ) w JOIN users u ON u.id = w.user_id AND u.disabled_at IS NULL AND u.email_verified_at IS NOT NULL
  WHERE p_client IN (SELECT app_tenant() UNION ALL SELECT app_clients())
  ORDER BY w.rank, lower(u.name), u.id
$$;
"""
_HAS = (
    "EXISTS (SELECT 1 FROM assignments a"
    " WHERE a.tenant_id = g.portal_id AND a.client_id = p_client AND a.user_id = m.user_id)"
)
RENEWERS_NOW = RENEWERS.format(mine=_HAS, joined="", limited=f" AND (NOT m.assigned_only OR {_HAS})")
RENEWERS_BEFORE = RENEWERS.format(
    mine="a.user_id = m.user_id", limited="",
    joined="LEFT JOIN assignments a ON a.tenant_id = g.portal_id AND a.client_id = p_client",
)  # fmt: skip
# The person who was asked decides, on a row of the client account that they are not in yet.
ASKED = (
    "lower(email) = (SELECT lower(u.email) FROM users u WHERE u.id = app_user() AND u.email_verified_at IS NOT NULL)"
)


def upgrade() -> None:
    op.execute(PERIODS)
    op.execute(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON assignments TO {APP}; GRANT SELECT, UPDATE ON assignments TO {SYSTEM}"
    )
    op.add_column("tenants", sa.Column("assigned_only", sa.Boolean(), server_default="false", nullable=False))
    _takeovers()
    op.execute(RENEWERS_NOW)
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )


def _takeovers() -> None:
    op.create_table(
        "takeovers",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("client_name", sa.String(), nullable=False),
        sa.Column("firm_name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('asked','taken','declined','withdrawn')", name=op.f("ck_takeovers_state")),
        sa.CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name=op.f("ck_takeovers_decided")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_takeovers_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_takeovers")),
    )
    asked = sa.text("state = 'asked'")
    op.create_index("uq_takeovers_asked", "takeovers", ["tenant_id"], unique=True, postgresql_where=asked)
    op.create_index("ix_takeovers_email", "takeovers", [sa.text("lower(email)")], postgresql_where=asked)
    op.execute(
        "ALTER TABLE takeovers ENABLE ROW LEVEL SECURITY; ALTER TABLE takeovers FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY own ON takeovers USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
        "CREATE POLICY portfolio ON takeovers FOR SELECT USING (tenant_id IN (SELECT app_clients()));"
        f"CREATE POLICY asked_read ON takeovers FOR SELECT USING ({ASKED});"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON takeovers TO {APP}; GRANT SELECT, UPDATE ON takeovers TO {SYSTEM}"
    )


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    op.drop_table("takeovers")
    op.drop_column("tenants", "assigned_only")
    op.execute(PERIODS_BEFORE)
    op.execute(RENEWERS_BEFORE)
