"""Asking for an archive, making it, and handing it out."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.activity.service import record
from portal.archives import writing
from portal.archives.models import Archive, ArchivePart
from portal.archives.telling import Means, tell
from portal.kernel import clock, queue
from portal.kernel.db import Database, Setting, set_scope, uuid7
from portal.kernel.errors import Conflict, NotFound
from portal.tenants.models import Tenant

KEPT_FOR = timedelta(days=3)
PATIENCE = timedelta(minutes=10)  # before the sweeper rings again
PART = 1024 * 1024


def ask(scope: Scope, *, with_clients: bool = False) -> Archive:
    """A new archive, made by a job. Raises Conflict("archive.under_way") while one is being made."""
    scope.require_every_account()
    scope.require_every_client()
    waiting = select(Archive.id).where(Archive.tenant_id == scope.tenant_id, Archive.state == "asked")
    if scope.session.scalar(waiting):
        raise Conflict("archive.under_way")
    now = clock.now()
    row = Archive(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        with_clients=with_clients and scope.kind == "portal",
        asked_at=now,
        asked_by=scope.actor.user_id,
        asked_name=scope.actor.name,
        next_try_at=now + PATIENCE,
    )
    scope.session.add(row)
    record(scope, "archive.asked", ("archive", row.id), with_clients=row.with_clients)
    queue.ring(scope.session, "archives.make", scope.tenant_id, row.id)
    return row


def listed(scope: Scope) -> Sequence[Archive]:
    """Newest first."""
    query = select(Archive).where(Archive.tenant_id == scope.tenant_id).order_by(Archive.asked_at.desc()).limit(20)
    return scope.session.scalars(query).all()


def make(database: Database, tenant_id: uuid.UUID, archive_id: uuid.UUID, means: Means | None = None) -> bool:
    """Make what was asked for; whether it was done here. Twice, or two at once, makes one archive.

    With `means` the person who asked gets a mail.

    What is read and what is written are two transactions: the first sees one moment of all
    accounts, the second holds the row that says who is making it.
    """
    with database.scoped(Setting(tenant=tenant_id)) as session:
        key = (Archive.tenant_id == tenant_id, Archive.id == archive_id, Archive.state == "asked")
        row = session.scalars(select(Archive).where(*key).with_for_update(skip_locked=True)).one_or_none()
        if row is None:
            return False
        session.execute(delete(ArchivePart).where(ArchivePart.tenant_id == tenant_id, ArchivePart.archive_id == row.id))
        parts = _Parts(session, row)
        with database.session() as reading, reading.begin():
            reading.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
            tenants = accounts(reading, tenant_id, with_clients=row.with_clients)
            files = writing.write(reading, tenants, parts)
        parts.flush_last()
        row.state, row.made_at, row.expires_at = "ready", clock.now(), clock.now() + KEPT_FOR
        row.accounts, row.files, row.size, row.sha256 = len(tenants), len(files), parts.size, parts.digest.digest()
        kind = next(tenant.kind for tenant in tenants if tenant.id == tenant_id)
        scope = Scope.system(session, tenant_id, kind)
        record(scope, "archive.made", ("archive", row.id), files=len(files))
        if means is not None:
            tell(scope, means, row)
    return True


def export(database: Database, tenant_id: uuid.UUID, path: Path, *, with_clients: bool = False) -> list[writing.File]:
    """Straight into a file, for the shell. Raises NoResultFound when there is no such account."""
    with database.session() as session, session.begin(), path.open("wb") as out:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        return writing.write(session, accounts(session, tenant_id, with_clients=with_clients), out)


def accounts(session: Session, tenant_id: uuid.UUID, *, with_clients: bool) -> list[Tenant]:
    """The account itself, and for a firm the client accounts that let it in today."""
    set_scope(session, Setting(tenant=tenant_id, portal=tenant_id))
    found = [session.get_one(Tenant, tenant_id)]
    if with_clients:
        let_in = select(func.app_clients())
        clients = select(Tenant).where(Tenant.id.in_(let_in), Tenant.id != tenant_id).order_by(Tenant.id)
        found += session.scalars(clients).all()
    session.expunge_all()  # the session moves on to where they cannot be read again
    return found


class _Parts(io.RawIOBase, IO[bytes]):
    """A file that can only be written on: a row for every mebibyte."""

    def __init__(self, session: Session, row: Archive) -> None:
        self._session, self._row, self._rest, self._number = session, row, bytearray(), 0
        self.size, self.digest = 0, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        given = bytes(memoryview(content))  # type: ignore[arg-type]  # whatever has bytes, as the base class takes
        self._rest += given
        self.digest.update(given)
        self.size += len(given)
        while len(self._rest) >= PART:
            self._store(bytes(self._rest[:PART]))
            del self._rest[:PART]
        return len(given)

    def flush_last(self) -> None:
        if self._rest:
            self._store(bytes(self._rest))
            self._rest.clear()

    def _store(self, content: bytes) -> None:
        values = {"tenant_id": self._row.tenant_id, "archive_id": self._row.id, "number": self._number}
        self._session.execute(ArchivePart.__table__.insert().values(**values, content=content))  # type: ignore[attr-defined]  # a Table
        self._number += 1


def ready(scope: Scope, archive_id: uuid.UUID) -> Archive:
    """An archive that can be fetched; NotFound when it is not made yet, or gone."""
    scope.require_every_account()
    scope.require_every_client()
    row = scope.get(Archive, archive_id)
    if row.state != "ready" or row.expires_at is None or row.expires_at <= clock.now():
        raise NotFound("archive.gone")
    return row


def parts(database: Database, tenant_id: uuid.UUID, archive_id: uuid.UUID) -> Iterator[bytes]:
    """Its bytes, a part at a time and each in a transaction of its own, so that a slow reader holds nothing."""
    number = 0
    while True:
        with database.scoped(Setting(tenant=tenant_id)) as session:
            content = session.scalar(
                select(ArchivePart.content).where(
                    ArchivePart.tenant_id == tenant_id,
                    ArchivePart.archive_id == archive_id,
                    ArchivePart.number == number,
                )
            )
        if content is None:
            return
        yield content
        number += 1


def remove(scope: Scope, archive_id: uuid.UUID) -> None:
    """Before its time."""
    row = scope.get(Archive, archive_id, lock=True)
    if row.state == "ready":
        where = (ArchivePart.tenant_id == scope.tenant_id, ArchivePart.archive_id == row.id)
        scope.session.execute(delete(ArchivePart).where(*where))
        row.state = "expired"
        record(scope, "archive.removed", ("archive", row.id))
