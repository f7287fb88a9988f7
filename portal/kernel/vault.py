"""Sealing of secrets at rest: AES-256-GCM, bound to the place where the secret stands.

Key-encryption keys (KEK) come from the settings, newest first; each tenant has data keys
(DEK) wrapped by a KEK and kept in `data_keys`. A sealed value is

    1 byte version ‖ 16 bytes data-key id ‖ 12 bytes nonce ‖ ciphertext and tag

and its associated data is table‖tenant‖row‖column‖data-key id, so that a ciphertext moved
to another row, column or tenant does not open. Rotation: put a new KEK first, run
`portal rewrap`; every old KEK still opens what it wrapped until it is removed.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Row, select
from sqlalchemy.orm import Mapped, Session

from portal.kernel import clock
from portal.kernel.db import Base, Executes, TenantRow, uuid7

VERSION = b"\x01"
# The tenant of things that belong to the installation or to a person rather than to a tenant.
NO_TENANT = uuid.UUID(int=0)


class Unreadable(Exception):
    """The ciphertext does not belong here, was changed, or its key is gone."""


@dataclass(frozen=True, slots=True)
class Kek:
    id: str
    key: bytes  # 32 bytes


class DataKey(TenantRow, Base):
    __tablename__ = "data_keys"

    kek_id: Mapped[str]
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


_KEY = select(DataKey.tenant_id, DataKey.id, DataKey.kek_id, DataKey.wrapped)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret stands; part of what is authenticated."""

    table: str
    tenant: uuid.UUID
    row: uuid.UUID
    column: str

    def associated(self, key_id: bytes) -> bytes:
        return b"\x1f".join((self.table.encode(), self.tenant.bytes, self.row.bytes, self.column.encode(), key_id))


class Vault:
    """Seals and opens. The plain data keys live in this object only, for the life of the process."""

    def __init__(self, keks: Sequence[Kek]) -> None:
        if not keks:
            raise RuntimeError("No key-encryption key is set; refusing to start without one.")
        self._keks = {kek.id: kek for kek in keks}
        self._newest = keks[0]
        self._plain: dict[uuid.UUID, bytes] = {}

    def seal(self, session: Session, place: Place, secret: str) -> bytes:
        """The session must be scoped to `place.tenant` (or be unscoped for NO_TENANT)."""
        key_id, key = self._current(session, place.tenant)
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(key).encrypt(nonce, secret.encode(), place.associated(key_id.bytes))
        return VERSION + key_id.bytes + nonce + sealed

    def open(self, session: Executes, place: Place, blob: bytes) -> str:
        if blob[:1] != VERSION or len(blob) < 45:
            raise Unreadable("unknown layout")
        key_id = uuid.UUID(bytes=blob[1:17])
        key = self._key(session, place.tenant, key_id)
        try:
            return AESGCM(key).decrypt(blob[17:29], blob[29:], place.associated(key_id.bytes)).decode()
        except InvalidTag as error:
            raise Unreadable(f"{place.table}.{place.column} does not authenticate") from error

    def rewrap(self, session: Session, tenant: uuid.UUID) -> int:
        """Wrap this tenant's data keys with the newest KEK. Safe to repeat and to kill half-way."""
        rows = session.scalars(
            select(DataKey).where(DataKey.tenant_id == tenant, DataKey.kek_id != self._newest.id).with_for_update()
        ).all()
        for row in rows:
            plain = self._unwrap(row)
            row.wrapped, row.kek_id = self._wrap(tenant, row.id, plain), self._newest.id
        return len(rows)

    def _current(self, session: Session, tenant: uuid.UUID) -> tuple[uuid.UUID, bytes]:
        row = session.scalars(
            select(DataKey)
            .where(DataKey.tenant_id == tenant, DataKey.retired_at.is_(None))
            .order_by(DataKey.id)
            .limit(1)
        ).one_or_none()
        if row is None:
            plain, key_id = secrets.token_bytes(32), uuid7()
            session.add(
                DataKey(
                    tenant_id=tenant,
                    id=key_id,
                    kek_id=self._newest.id,
                    wrapped=self._wrap(tenant, key_id, plain),
                    created_at=clock.now(),
                )
            )
            session.flush()
            # Not remembered before the commit: a rolled-back key must not seal anything later.
            return key_id, plain
        if row.id not in self._plain:
            self._plain[row.id] = self._unwrap(row)
        return row.id, self._plain[row.id]

    def _key(self, session: Executes, tenant: uuid.UUID, key_id: uuid.UUID) -> bytes:
        if key_id not in self._plain:
            row = session.execute(_KEY.where(DataKey.tenant_id == tenant, DataKey.id == key_id)).one_or_none()
            if row is None:
                raise Unreadable("the data key is gone or of another tenant")
            self._plain[key_id] = self._unwrap(row)
        return self._plain[key_id]

    def _wrap(self, tenant: uuid.UUID, key_id: uuid.UUID, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + AESGCM(self._newest.key).encrypt(nonce, plain, tenant.bytes + key_id.bytes)

    def _unwrap(self, row: DataKey | Row[uuid.UUID, uuid.UUID, str, bytes]) -> bytes:
        kek = self._keks.get(row.kek_id)
        if kek is None:
            raise Unreadable(f"key-encryption key {row.kek_id} is not set")
        try:
            return AESGCM(kek.key).decrypt(row.wrapped[:12], row.wrapped[12:], row.tenant_id.bytes + row.id.bytes)
        except InvalidTag as error:
            raise Unreadable("the data key does not unwrap") from error
