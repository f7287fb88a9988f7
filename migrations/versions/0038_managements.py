"""A firm that is let in no more manages nothing, and one that is gone is billed no more."""

from __future__ import annotations

import runpy
from pathlib import Path

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TO_BILL, ENDS = "portals_to_bill(date, integer)", "end_managements_without_grant()"
BEFORE: str = runpy.run_path(str(Path(__file__).with_name("0031_billing.py")))["FUNCTIONS"][TO_BILL]
NOW = BEFORE.replace(
    "FROM managements m\n", "FROM managements m JOIN tenants t ON t.id = m.portal_id AND t.kind = 'portal'\n"
)

# At the commit, so that the product itself ends it first, with a line in the log.
END = """
CREATE FUNCTION end_managements_without_grant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE managements m
  SET stops_on = greatest(m.starts_on, least(app_today(), OLD.ends_on + 1))
  WHERE m.tenant_id = OLD.tenant_id AND m.portal_id = OLD.portal_id AND m.stops_on IS NULL
    AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.tenant_id = m.tenant_id AND g.portal_id = m.portal_id
      AND g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today()));
  RETURN NULL;
END $$;
"""
TRIGGER = """
CREATE CONSTRAINT TRIGGER end_managements AFTER UPDATE ON grants DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.state = 'active' AND OLD.portal_id IS NOT NULL
    AND (NEW.state <> 'active' OR NEW.portal_id IS NULL))
  EXECUTE FUNCTION end_managements_without_grant();
"""
# Access that ended before: management ends on the day on which it did, as far as that is known.
LEFT_OPEN = """
UPDATE managements m SET stops_on = greatest(m.starts_on, coalesce((
  SELECT max(least((g.withdrawn_at AT TIME ZONE 'Europe/Brussels')::date, g.ends_on + 1))
  FROM grants g WHERE g.tenant_id = m.tenant_id AND g.portal_id = m.portal_id), app_today()))
WHERE m.stops_on IS NULL
  AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.tenant_id = m.tenant_id AND g.portal_id = m.portal_id
    AND g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today()))
"""


def upgrade() -> None:
    op.execute(f"SET LOCAL ROLE {SYSTEM}; {LEFT_OPEN}; RESET ROLE")
    _replace_to_bill(NOW)
    op.execute(END)
    op.execute(f"ALTER FUNCTION {ENDS} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {ENDS} FROM PUBLIC")
    op.execute(TRIGGER)


def _replace_to_bill(body: str) -> None:
    op.execute(f"DROP FUNCTION {TO_BILL}")
    op.execute(body)
    op.execute(
        f"ALTER FUNCTION {TO_BILL} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {TO_BILL} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {TO_BILL} TO {APP}"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER end_managements ON grants")
    op.execute(f"DROP FUNCTION {ENDS}")
    _replace_to_bill(BEFORE)
