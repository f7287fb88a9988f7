"""A firm reads the entry lines of the clients that let it in: its list tells what each entry moves."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE POLICY portfolio ON entry_lines FOR SELECT USING (tenant_id IN (SELECT app_clients()))")


def downgrade() -> None:
    op.execute("DROP POLICY portfolio ON entry_lines")
