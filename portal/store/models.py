"""Which apps a tenant has installed, and which client accounts each of them may touch."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class Installation(TenantRow, Base):
    """An app of one tenant, from installing to uninstalling; installed again it is a new row."""

    __tablename__ = "installations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("state IN ('installed','removed')", name="state"),
        Index("uq_installations_app", "tenant_id", "app", unique=True, postgresql_where=text("state = 'installed'")),
    )

    app: Mapped[str]
    state: Mapped[str] = mapped_column(default="installed")
    installed_at: Mapped[datetime]
    installed_by: Mapped[uuid.UUID | None]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[uuid.UUID | None]


class AppAccess(Base):
    """The tick of one client account at one app of a firm. No row: never decided, so not allowed."""

    __tablename__ = "app_accesses"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["client_id"], ["tenants.id"], ondelete="CASCADE"),
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    app: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    allowed: Mapped[bool]
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID | None]
