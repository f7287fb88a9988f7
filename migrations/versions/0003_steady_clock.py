"""A token's age by a clock that nobody can set, so that a clock step never spends a refresh token early."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credentials", sa.Column("received_on", sa.String(), nullable=False, server_default=""))
    op.alter_column("credentials", "received_on", server_default=None)
    op.add_column("credentials", sa.Column("received_tick", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("credentials", "received_tick")
    op.drop_column("credentials", "received_on")
