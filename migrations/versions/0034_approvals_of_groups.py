"""What waits for approval is seen by people with account groups as far as they see what it is about."""

from __future__ import annotations

import runpy
from pathlib import Path

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
PEOPLE, TOUCHED = "people_of(uuid)", "app_touched(uuid, uuid)"
BEFORE: str = runpy.run_path(str(Path(__file__).with_name("0025_approvals.py")))["FUNCTIONS"][PEOPLE]
# And whether somebody has groups, who then may not see what others ask them to approve.
LIMITED = (
    """EXISTS (SELECT 1 FROM member_groups g WHERE g.tenant_id = w.holder AND g.membership_id = w.membership_id)"""
)
LAST = "GROUP BY j.job_role_id) one), '[]')"
NOW = BEFORE.replace("job_roles jsonb)", "job_roles jsonb, limited boolean)").replace(LAST, f"{LAST}, {LIMITED}")

# Past the policies, which ask it.
TOUCHES = """
CREATE FUNCTION app_touched(p_tenant uuid, p_task uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM approval_versions v
    WHERE v.tenant_id = p_tenant AND v.task_id = p_task AND v.made_by = app_user())
$$;
"""
OF_TASK = "EXISTS (SELECT 1 FROM approval_tasks t WHERE t.tenant_id = {table}.tenant_id AND t.id = {table}.task_id)"
# Whoever submitted something sees it, whatever became of their groups.
CONDITIONS = {
    "approval_tasks": "app_sees(subject_kind, subject_id, NULL, kind) OR app_touched(tenant_id, id)",
    "approval_versions": OF_TASK.format(table="approval_versions"),
    "approval_decisions": OF_TASK.format(table="approval_decisions"),
}


def upgrade() -> None:
    _replace(NOW)
    _install(TOUCHED, TOUCHES)
    for table, condition in CONDITIONS.items():
        op.execute(
            f"CREATE POLICY subject ON {table} AS RESTRICTIVE FOR SELECT"
            f" USING (NOT (SELECT app_limited()) OR {condition})"
        )


def _replace(body: str) -> None:
    op.execute(f"DROP FUNCTION {PEOPLE}")
    _install(PEOPLE, body)


def _install(signature: str, body: str) -> None:
    op.execute(body)
    op.execute(
        f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
    )


def downgrade() -> None:
    for table in CONDITIONS:
        op.execute(f"DROP POLICY subject ON {table}")
    op.execute(f"DROP FUNCTION {TOUCHED}")
    _replace(BEFORE)
