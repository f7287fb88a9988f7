"""A timeline is found by its record: subject or context, whatever the kind."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

WITH_CONTEXT = text("context_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_activities_subject", table_name="activities")
    op.create_index("ix_activities_subject", "activities", ["tenant_id", "subject_id", "seq"])
    op.create_index(
        "ix_activities_context", "activities", ["tenant_id", "context_id", "seq"], postgresql_where=WITH_CONTEXT
    )


def downgrade() -> None:
    op.drop_index("ix_activities_context", table_name="activities")
    op.drop_index("ix_activities_subject", table_name="activities")
    op.create_index("ix_activities_subject", "activities", ["tenant_id", "subject_kind", "subject_id", "seq"])
