"""What only accounting software has, beside the user and the membership by which it is somebody."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import ARRAY, CIDR
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class SoftwareUser(TenantRow, Base):
    """Its `id` is that of the membership. The user code stands where a person's address does."""

    __tablename__ = "software_users"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["memberships.tenant_id", "memberships.id"], ondelete="CASCADE"),
        Index("uq_software_users_user", "user_id", unique=True),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # From where it may come; none: from everywhere.
    networks: Mapped[list[str]] = mapped_column(ARRAY(CIDR), default=list, server_default="{}")
    set_up_at: Mapped[datetime | None]  # its own password was chosen; None: still the one-time one
    previous_password_hash: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]
    last_used_at: Mapped[datetime | None]
    last_address: Mapped[str] = mapped_column(default="", server_default="")
    uses: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class UngroupedTelling(Base):
    """A bank account that was in no group, and of which the administrators were told."""

    __tablename__ = "ungrouped_tellings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["client_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"], ondelete="CASCADE"
        ),
        Index("ix_ungrouped_tellings_account", "client_id", "bank_account_id"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    client_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    bank_account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]
