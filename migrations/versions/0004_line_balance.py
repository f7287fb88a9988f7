"""The balance after each statement line: where in the account's history a line stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statement_lines", sa.Column("balance", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("statement_lines", "balance")
