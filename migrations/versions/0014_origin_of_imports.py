"""Whether lines came by a file, by a feed or by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("origin", sa.String(), server_default="file", nullable=False))
    op.create_check_constraint(op.f("ck_imports_origin"), "imports", "origin IN ('file','feed','hand')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_imports_origin"), "imports", type_="check")
    op.drop_column("imports", "origin")
