"""Who told a line and under which id, what a bank announces, what was changed, and what was taken out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

APP, SYSTEM = "koppelpoort_app", "koppelpoort_system"
TABLES = ("line_sources", "pending_lines", "line_changes", "deleted_lines")


def _create(table: str, *columns: Any, cascade: bool = True) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_account_id"],
            ["bank_accounts.tenant_id", "bank_accounts.id"],
            name=op.f(f"fk_{table}_tenant_id_bank_account_id"),
            ondelete="CASCADE" if cascade else None,
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def _needed(kind: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    _create(
        "line_sources",
        *_needed(sa.String(), "provider", "remote_id"),
        *_needed(sa.Uuid(), "line_id"),
        sa.Column("statement_id", sa.Uuid(), nullable=True),
        *_needed(moment, "created_at"),
        sa.UniqueConstraint(
            "tenant_id", "bank_account_id", "provider", "remote_id", "line_id", name="uq_line_sources_remote"
        ),
        cascade=False,
    )
    op.create_index("ix_line_sources_line", "line_sources", ["tenant_id", "line_id"])
    _create(
        "pending_lines",
        *_needed(sa.String(), "provider", "remote_id"),
        *_needed(sa.Date(), "date"),
        *_needed(sa.BigInteger(), "amount"),
        *_needed(sa.String(), "description", "counterparty", "counterparty_account"),
        *_needed(moment, "created_at"),
    )
    op.create_index("ix_pending_lines_account", "pending_lines", ["tenant_id", "bank_account_id", "provider"])
    _create(
        "line_changes",
        *_needed(sa.Uuid(), "line_id"),
        *_needed(sa.String(), "source"),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        *_needed(sa.String(), "changed_name"),
        *_needed(moment, "changed_at"),
        *_needed(postgresql.JSONB(), "before", "after"),
        *_needed(sa.Boolean(), "applied"),
    )
    op.create_index("ix_line_changes_line", "line_changes", ["tenant_id", "line_id", "changed_at"])
    _create(
        "deleted_lines",
        *_needed(sa.Uuid(), "statement_id"),
        *_needed(sa.Integer(), "position"),
        sa.Column("value_date", sa.Date(), nullable=True),
        *_needed(sa.Date(), "date"),
        *_needed(sa.BigInteger(), "amount"),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        *_needed(sa.String(), "description", "counterparty", "counterparty_account", "reference", "end_to_end_id"),
        *_needed(sa.String(), "bank_reference", "transaction_code"),
        sa.Column("details", postgresql.JSONB(), nullable=True),
        *_needed(sa.LargeBinary(), "fingerprint"),
        *_needed(sa.String(), "reason"),
        sa.Column("deleted_by", sa.Uuid(), nullable=True),
        *_needed(sa.String(), "deleted_name"),
        *_needed(moment, "deleted_at"),
        sa.Column("statement", postgresql.JSONB(), nullable=True),
    )
    op.create_index("ix_deleted_lines_date", "deleted_lines", ["tenant_id", "bank_account_id", "date", "id"])
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant());"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}; GRANT SELECT, UPDATE ON {table} TO {SYSTEM}"
        )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
