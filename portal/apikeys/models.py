"""Keys by which other software acts for a client account, and the calls it repeated."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow


class ApiKey(TenantRow, Base):
    """Lets other software hand documents in. Only its hash is kept; `prefix` is shown to tell keys apart."""

    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        UniqueConstraint("key_hash", name="uq_api_keys_hash"),
    )

    name: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[uuid.UUID | None]


class ApiCall(TenantRow, Base):
    """The answer to a call that named an idempotency key, given again when the call is repeated."""

    __tablename__ = "api_calls"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "api_key_id"], ["api_keys.tenant_id", "api_keys.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "api_key_id", "idempotency_key", name="uq_api_calls_key"),
        Index("ix_api_calls_created", "created_at"),
    )

    api_key_id: Mapped[uuid.UUID]
    idempotency_key: Mapped[str]
    request_hash: Mapped[bytes]
    status: Mapped[int]
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
