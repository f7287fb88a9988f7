"""What people typed for an authorisation, as far as it is no secret."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("authorisations", sa.Column("form", JSONB(), server_default="{}", nullable=False))
    op.alter_column("authorisations", "form", server_default=None)


def downgrade() -> None:
    op.drop_column("authorisations", "form")
