"""An answer of the token endpoint, kept on disk until it stands in the database.

A refresh token that works once is lost if PostgreSQL is away in the very second that its
successor arrives. So the answer first goes, sealed and fsynced, into `<home>/spool`. The key
of the file is made and sealed before the call, when the database was surely there.
"""

from __future__ import annotations

import json
import os
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Session

from portal.authorisations.replies import Receipt, Tokens
from portal.kernel.vault import Place, Unreadable, Vault

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Label:
    """Which answer a file holds; its name, and authenticated with its content."""

    tenant_id: uuid.UUID
    authorisation_id: uuid.UUID
    generation: int  # of the pair that was spent
    attempt_id: uuid.UUID

    def __str__(self) -> str:
        return f"{self.tenant_id}_{self.authorisation_id}_{self.generation}_{self.attempt_id}"

    @classmethod
    def of(cls, name: str) -> Label:
        """Raises ValueError for a name that is not ours."""
        tenant, authorisation, generation, attempt = name.split("_")
        return cls(uuid.UUID(tenant), uuid.UUID(authorisation), int(generation), uuid.UUID(attempt))

    @property
    def place(self) -> Place:
        return Place("spool", self.tenant_id, self.attempt_id, "key")


@dataclass(frozen=True, slots=True)
class Box:
    """A key for one answer, and the same key sealed."""

    label: Label
    key: bytes = field(repr=False)
    sealed_key: bytes = field(repr=False)

    @classmethod
    def make(cls, vault: Vault, session: Session, label: Label) -> Box:
        key = secrets.token_bytes(32)
        return cls(label, key, vault.seal(session, label.place, key.hex()))


def keep(home: Path, box: Box, tokens: Tokens) -> None:
    """On disk when this returns. A disk that refuses is logged: the database is still to come."""
    receipt = tokens.receipt
    told = [tokens.access, tokens.refresh, tokens.lifetime, receipt.at.isoformat(), receipt.machine, receipt.tick]
    nonce, name = secrets.token_bytes(12), str(box.label)
    sealed = AESGCM(box.key).encrypt(nonce, json.dumps(told).encode(), name.encode())
    try:
        folder = _folder(home)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f".{name}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(len(box.sealed_key).to_bytes(2, "big") + box.sealed_key + nonce + sealed)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(folder / name)
        _sync(folder)
    except OSError as error:
        _log.warning("spool.refused", error=type(error).__name__)


def find(home: Path, vault: Vault, session: Session, wanted: Label) -> tuple[Label, Tokens] | None:
    """The kept answer to a call that spent this very pair, whichever attempt it was."""
    for label in waiting(home):
        same = (label.tenant_id, label.authorisation_id, label.generation)
        if same == (wanted.tenant_id, wanted.authorisation_id, wanted.generation):
            tokens = _opened(home, vault, session, label)
            if tokens is not None:
                return label, tokens
    return None


def waiting(home: Path) -> Iterator[Label]:
    """What lies there, in no order."""
    folder = _folder(home)
    for name in os.listdir(folder) if folder.is_dir() else ():
        try:
            yield Label.of(name)
        except ValueError:
            continue


def drop(home: Path, label: Label) -> None:
    (_folder(home) / str(label)).unlink(missing_ok=True)


def _opened(home: Path, vault: Vault, session: Session, label: Label) -> Tokens | None:
    try:
        content = (_folder(home) / str(label)).read_bytes()
        end = 2 + int.from_bytes(content[:2], "big")
        key = bytes.fromhex(vault.open(session, label.place, content[2:end]))
        plain = AESGCM(key).decrypt(content[end : end + 12], content[end + 12 :], str(label).encode())
        access, refresh, lifetime, at, machine, tick = json.loads(plain)
    except (OSError, Unreadable, InvalidTag, ValueError) as error:
        _log.error("spool.unreadable", error=type(error).__name__, attempt=str(label.attempt_id))
        return None
    return Tokens(access, refresh, lifetime, Receipt(datetime.fromisoformat(at), machine, tick))


def _folder(home: Path) -> Path:
    return home / "spool"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
