"""The balance after each statement line, and whether it shows in what order the lines came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statement_lines", sa.Column("balance", sa.BigInteger(), nullable=True))
    op.add_column("statements", sa.Column("in_order", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column("statements", "in_order", server_default=None)


def downgrade() -> None:
    op.drop_column("statements", "in_order")
    op.drop_column("statement_lines", "balance")
