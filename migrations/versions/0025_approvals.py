"""Tasks that wait for approval, their versions and decisions, the rules of how many, and guards of all of these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
# Rows are written once and stand for ever; tasks move on.
VERBS = {
    "approval_tasks": "SELECT, INSERT, UPDATE", "approval_versions": "SELECT, INSERT",
    "approval_decisions": "SELECT, INSERT", "approval_policies": "SELECT, INSERT, UPDATE",
}  # fmt: skip

FUNCTIONS = {
    # Who may come into a tenant today, by the way that counts for them, and their job roles.
    "people_of(uuid)": """
CREATE FUNCTION people_of(p_tenant uuid)
RETURNS TABLE (user_id uuid, email text, name text, locale text, role text, grant_role text, via_id uuid,
  job_roles jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT ON (w.user_id) w.user_id, u.email::text, u.name::text, u.locale::text, w.role::text,
    w.grant_role::text, w.via_id, coalesce((
      SELECT jsonb_agg(one.told) FROM (
        SELECT jsonb_object_agg(r.permission,
          jsonb_build_object('rights', to_jsonb(r.rights), 'self', r.self_approve)) AS told
        FROM member_job_roles j JOIN job_role_rights r ON r.tenant_id = j.tenant_id AND r.job_role_id = j.job_role_id
        WHERE j.tenant_id = w.holder AND j.membership_id = w.membership_id GROUP BY j.job_role_id) one), '[]')
  FROM (
    SELECT 1 AS rank, m.user_id, m.role, NULL::text AS grant_role, NULL::uuid AS via_id, m.tenant_id AS holder,
      m.id AS membership_id, m.created_at AS since
    FROM memberships m WHERE m.tenant_id = p_tenant AND m.ended_at IS NULL
    UNION ALL
    SELECT 2, g.user_id, g.role, g.role, NULL, NULL, NULL, g.created_at FROM grants g
    WHERE g.tenant_id = p_tenant AND g.user_id IS NOT NULL AND g.state = 'active'
      AND (g.ends_on IS NULL OR g.ends_on >= app_today())
    UNION ALL
    SELECT 3, m.user_id, m.role, g.role, g.portal_id, m.tenant_id, m.id, g.created_at FROM grants g
    JOIN memberships m ON m.tenant_id = g.portal_id AND m.ended_at IS NULL
    JOIN tenants p ON p.id = g.portal_id AND p.closed_at IS NULL
    WHERE g.tenant_id = p_tenant AND g.state = 'active' AND (g.ends_on IS NULL OR g.ends_on >= app_today())
      AND (NOT m.assigned_only OR EXISTS (SELECT 1 FROM assignments a
        WHERE a.tenant_id = g.portal_id AND a.client_id = p_tenant AND a.user_id = m.user_id))
  ) w JOIN users u ON u.id = w.user_id AND u.disabled_at IS NULL AND u.email_verified_at IS NOT NULL
  WHERE p_tenant IN (SELECT app_tenant() UNION ALL SELECT app_clients())
  ORDER BY w.user_id, w.rank, w.since
$$;""",
    # Tasks that are to be mailed about, or that have waited too long.
    "due_approvals(timestamptz, integer)": """
CREATE FUNCTION due_approvals(p_now timestamptz, p_limit integer) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT t.tenant_id, t.id FROM approval_tasks t WHERE t.next_at <= p_now ORDER BY t.next_at LIMIT p_limit
$$;""",
}

GUARDS = """
-- May this person approve their own work? Only by a job role that lets them approve and says so.
CREATE FUNCTION may_approve_own(p_tenant uuid, p_user uuid, p_permission text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM people_of(p_tenant) p, jsonb_array_elements(p.job_roles) r
    WHERE p.user_id = p_user AND (r -> p_permission ->> 'self')::boolean
      AND r -> p_permission -> 'rights' @> '["approve"]')
$$;

CREATE FUNCTION approval_is_touched(p_tenant uuid, p_task uuid, p_user uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM approval_versions v
    WHERE v.tenant_id = p_tenant AND v.task_id = p_task AND v.made_by = p_user)
$$;

-- Approvals of the present version that count: of different people, who are still here, of nobody's own work
-- but by self-approve that they still hold.
CREATE FUNCTION approvals_that_count(p_tenant uuid, p_task uuid, p_version integer) RETURNS bigint
LANGUAGE sql STABLE AS $$
  SELECT count(DISTINCT d.user_id) FROM approval_decisions d
  JOIN approval_tasks t ON t.tenant_id = d.tenant_id AND t.id = d.task_id
  JOIN approval_versions v ON v.tenant_id = d.tenant_id AND v.task_id = d.task_id AND v.version = d.version
  JOIN people_of(p_tenant) p ON p.user_id = d.user_id
  WHERE d.tenant_id = p_tenant AND d.task_id = p_task AND d.version = p_version AND d.verdict = 'approved'
    AND d.sha256 = v.sha256
    AND (NOT approval_is_touched(p_tenant, p_task, d.user_id)
      OR d.own_work AND may_approve_own(p_tenant, d.user_id, t.permission))
$$;

CREATE FUNCTION guard_approval_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'waiting' OR NEW.version <> 1 THEN
      RAISE EXCEPTION 'approval task %: begins waiting, with its first version', NEW.id; END IF;
    RETURN NEW;
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.kind, NEW.permission, NEW.subject_kind, NEW.created_at)
      IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.kind, OLD.permission, OLD.subject_kind, OLD.created_at)
      OR NEW.subject_id IS DISTINCT FROM OLD.subject_id THEN
    RAISE EXCEPTION 'approval task %: what it is about does not change', OLD.id; END IF;
  IF OLD.state <> 'waiting' AND (NEW.state, NEW.version, NEW.needed, NEW.code, NEW.values, NEW.settled_at)
      IS DISTINCT FROM (OLD.state, OLD.version, OLD.needed, OLD.code, OLD.values, OLD.settled_at) THEN
    RAISE EXCEPTION 'approval task %: is settled', OLD.id; END IF;
  IF NEW.needed < OLD.needed THEN
    RAISE EXCEPTION 'approval task %: never needs fewer approvals than when it was submitted', OLD.id; END IF;
  IF NEW.version <> OLD.version AND (NEW.version <> OLD.version + 1 OR NEW.state <> 'waiting' OR NOT EXISTS (
      SELECT 1 FROM approval_versions v
      WHERE v.tenant_id = NEW.tenant_id AND v.task_id = NEW.id AND v.version = NEW.version)) THEN
    RAISE EXCEPTION 'approval task %: has no version %', OLD.id, NEW.version; END IF;
  IF NEW.state = OLD.state THEN RETURN NEW; END IF;
  IF NEW.state = 'carried_out'
      AND (approvals_that_count(NEW.tenant_id, NEW.id, NEW.version) < NEW.needed OR NEW.expires_at <= NEW.settled_at)
    THEN RAISE EXCEPTION 'approval task %: is not approved', OLD.id; END IF;
  IF NEW.state = 'refused' AND NOT EXISTS (SELECT 1 FROM approval_decisions d WHERE d.tenant_id = NEW.tenant_id
      AND d.task_id = NEW.id AND d.version = NEW.version AND d.verdict = 'refused') THEN
    RAISE EXCEPTION 'approval task %: nobody refused it', OLD.id; END IF;
  IF NEW.state = 'withdrawn' AND NOT approval_is_touched(NEW.tenant_id, NEW.id, app_user()) THEN
    RAISE EXCEPTION 'approval task %: only who made it withdraws it', OLD.id; END IF;
  IF NEW.state = 'expired' AND NEW.expires_at > NEW.settled_at THEN
    RAISE EXCEPTION 'approval task %: has time left', OLD.id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON approval_tasks FOR EACH ROW EXECUTE FUNCTION guard_approval_task();

CREATE FUNCTION guard_approval_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE task record; latest integer;
BEGIN
  SELECT * INTO task FROM approval_tasks t WHERE t.tenant_id = NEW.tenant_id AND t.id = NEW.task_id FOR UPDATE;
  SELECT max(v.version) INTO latest FROM approval_versions v
  WHERE v.tenant_id = NEW.tenant_id AND v.task_id = NEW.task_id;
  IF task IS NULL OR task.state <> 'waiting' OR NEW.version <> coalesce(latest, 0) + 1
      OR coalesce(latest, 1) <> task.version THEN
    RAISE EXCEPTION 'approval task %: takes no version % now', NEW.task_id, NEW.version; END IF;
  IF NEW.made_by IS DISTINCT FROM app_user() THEN
    RAISE EXCEPTION 'approval task %: a version is made by who acts', NEW.task_id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT ON approval_versions FOR EACH ROW EXECUTE FUNCTION guard_approval_version();
CREATE TRIGGER append_only BEFORE UPDATE ON approval_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_approval_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE task record; touched boolean;
BEGIN
  SELECT * INTO task FROM approval_tasks t WHERE t.tenant_id = NEW.tenant_id AND t.id = NEW.task_id FOR UPDATE;
  IF task IS NULL OR task.state <> 'waiting' THEN
    RAISE EXCEPTION 'approval task %: waits for nobody', NEW.task_id; END IF;
  IF NEW.version <> task.version OR NOT EXISTS (SELECT 1 FROM approval_versions v WHERE v.tenant_id = NEW.tenant_id
      AND v.task_id = NEW.task_id AND v.version = NEW.version AND v.sha256 = NEW.sha256) THEN
    RAISE EXCEPTION 'approval task %: version % is not what waits', NEW.task_id, NEW.version; END IF;
  IF NEW.user_id IS DISTINCT FROM app_user() THEN
    RAISE EXCEPTION 'approval task %: people decide for themselves', NEW.task_id; END IF;
  IF NOT EXISTS (SELECT 1 FROM people_of(NEW.tenant_id) p WHERE p.user_id = NEW.user_id) THEN
    RAISE EXCEPTION 'approval task %: decided by nobody of here', NEW.task_id; END IF;
  touched := approval_is_touched(NEW.tenant_id, NEW.task_id, NEW.user_id);
  IF touched <> NEW.own_work OR (touched AND NOT may_approve_own(NEW.tenant_id, NEW.user_id, task.permission)) THEN
    RAISE EXCEPTION 'approval task %: nobody decides on their own work', NEW.task_id; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT ON approval_decisions FOR EACH ROW EXECUTE FUNCTION guard_approval_decision();
CREATE TRIGGER append_only BEFORE UPDATE ON approval_decisions FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Fewer approvals than now: only as a carried out task of this very transaction says.
CREATE FUNCTION guard_approval_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.tenant_id, NEW.kind) IS DISTINCT FROM (OLD.tenant_id, OLD.kind) THEN
    RAISE EXCEPTION 'approval policy %: what it is about does not change', OLD.kind; END IF;
  IF (NEW.approvals < OLD.approvals OR OLD.approvals > 0 AND coalesce(NEW.above, -1) > coalesce(OLD.above, -1))
      AND NOT EXISTS (
        SELECT 1 FROM approval_tasks t
        JOIN approval_versions v ON v.tenant_id = t.tenant_id AND v.task_id = t.id AND v.version = t.version
        WHERE t.tenant_id = NEW.tenant_id AND t.kind = 'approval.rule' AND t.state = 'carried_out'
          AND t.settled_at >= OLD.changed_at AND t.needed >= OLD.approvals
          AND v.payload ->> 'kind' = NEW.kind AND (v.payload ->> 'approvals')::integer = NEW.approvals
          AND (v.payload ->> 'above')::numeric IS NOT DISTINCT FROM NEW.above) THEN
    RAISE EXCEPTION 'approval policy %: nobody approved a lower one', OLD.kind; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON approval_policies FOR EACH ROW EXECUTE FUNCTION guard_approval_policy();
"""
GUARD_FUNCTIONS = (
    "guard_approval_policy()", "guard_approval_decision()", "guard_approval_version()", "guard_approval_task()",
    "approvals_that_count(uuid, uuid, integer)", "approval_is_touched(uuid, uuid, uuid)",
    "may_approve_own(uuid, uuid, text)",
)  # fmt: skip


def upgrade() -> None:
    _tasks()
    _versions_and_decisions()
    for table, verbs in VERBS.items():
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT {verbs} ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )
    # A firm sees what waits in its clients' accounts, and its own rules count while it acts in one.
    for table in ("approval_tasks", "approval_versions", "approval_decisions"):
        op.execute(f"CREATE POLICY portfolio ON {table} FOR SELECT USING (tenant_id IN (SELECT app_clients()))")
    op.execute("CREATE POLICY via ON approval_policies FOR SELECT USING (tenant_id = app_via())")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(
            f"ALTER FUNCTION {signature} OWNER TO {SYSTEM}; REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;"
            f"GRANT EXECUTE ON FUNCTION {signature} TO {APP}"
        )
    op.execute(GUARDS)


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id")
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name, ondelete="CASCADE")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _tasks() -> None:
    op.create_table(
        "approval_tasks",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("permission", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("needed", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        _moment("created_at"), _moment("expires_at"), _moment("settled_at", nullable=True),
        _moment("next_at", nullable=True),
        sa.Column("told", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting','carried_out','refused','withdrawn','expired','failed')",
            name=op.f("ck_approval_tasks_state"),
        ),
        sa.CheckConstraint("needed BETWEEN 1 AND 3", name=op.f("ck_approval_tasks_needed")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_approval_tasks_version")),
        sa.CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name=op.f("ck_approval_tasks_settled")),
        sa.CheckConstraint("(state = 'failed') = (code <> '')", name=op.f("ck_approval_tasks_code")),
        _of_tenant("approval_tasks"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval_tasks")),
    )  # fmt: skip
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "uq_approval_tasks_subject", "approval_tasks", ["tenant_id", "kind", "subject_id"], unique=True,
        postgresql_where=waiting,
    )  # fmt: skip
    op.create_index(
        "ix_approval_tasks_waiting", "approval_tasks", ["tenant_id", "permission"], postgresql_where=waiting
    )
    op.create_index("ix_approval_tasks_settled", "approval_tasks", ["tenant_id", "settled_at"])
    due = sa.text("next_at IS NOT NULL")
    op.create_index("ix_approval_tasks_due", "approval_tasks", ["next_at"], postgresql_where=due)


def _versions_and_decisions() -> None:
    op.create_table(
        "approval_versions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("subject_state", sa.String(), nullable=False),
        sa.Column("shown", postgresql.JSONB(), nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_name", sa.String(), nullable=False),
        sa.Column("via_id", sa.Uuid(), nullable=True),
        _moment("made_at"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "task_id"], ["approval_tasks.tenant_id", "approval_tasks.id"],
            name=op.f("fk_approval_versions_tenant_id_task_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "task_id", "version", name=op.f("pk_approval_versions")),
    )  # fmt: skip
    op.create_table(
        "approval_decisions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("via_id", sa.Uuid(), nullable=True),
        sa.Column("own_work", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        _moment("decided_at"),
        sa.CheckConstraint("verdict IN ('approved','refused')", name=op.f("ck_approval_decisions_verdict")),
        sa.CheckConstraint("verdict = 'approved' OR reason <> ''", name=op.f("ck_approval_decisions_reason")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "task_id", "version"],
            ["approval_versions.tenant_id", "approval_versions.task_id", "approval_versions.version"],
            name=op.f("fk_approval_decisions_tenant_id_task_id_version"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval_decisions")),
        sa.UniqueConstraint("tenant_id", "task_id", "version", "user_id", name="uq_approval_decisions_person"),
    )  # fmt: skip
    op.create_table(
        "approval_policies",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("approvals", sa.SmallInteger(), nullable=False),
        sa.Column("above", sa.Numeric(19, 2), nullable=True),
        _moment("changed_at"),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("approvals BETWEEN 0 AND 3", name=op.f("ck_approval_policies_approvals")),
        sa.CheckConstraint("above >= 0", name=op.f("ck_approval_policies_above")),
        _of_tenant("approval_policies"),
        sa.PrimaryKeyConstraint("tenant_id", "kind", name=op.f("pk_approval_policies")),
    )


def downgrade() -> None:
    for table in ("approval_policies", "approval_decisions", "approval_versions", "approval_tasks"):
        op.drop_table(table)
    for function in (*GUARD_FUNCTIONS, *FUNCTIONS):
        op.execute(f"DROP FUNCTION {function}")
