"""Writes an archive: one zip, read from one snapshot, with the SHA-256 of every file in its manifest.

    manifest.json                            what is in it, what is left out, hashes
    people.json                              whom rows refer to
    tenants/<id>/json/<table>.json           an array, a row a line, in the order of the key
    tenants/<id>/csv/<table>.csv             the same for people with a spreadsheet
    tenants/<id>/originals/<table>/<id>.xml  files as they were handed in

Two archives of the same rows have the same hashes, wherever and whenever they are made.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from portal.archives import tables, values
from portal.identity.models import User
from portal.kernel import clock, migrate
from portal.kernel.db import Setting, set_scope
from portal.tenants.models import Tenant

FORMAT = "koppelpoort-archive/1"


@dataclass(frozen=True, slots=True)
class File:
    """A file in the archive, as the manifest lists it."""

    path: str
    size: int
    sha256: str
    rows: int | None = None

    def told(self) -> dict[str, Any]:
        return {"path": self.path, "size": self.size, "sha256": self.sha256} | (
            {} if self.rows is None else {"rows": self.rows}
        )


@dataclass
class _Archive:
    session: Session
    zip: zipfile.ZipFile
    files: list[File] = field(default_factory=list)
    people: set[uuid.UUID] = field(default_factory=set)
    tenants: frozenset[uuid.UUID] = frozenset()

    @contextmanager
    def file(self, path: str) -> Iterator[_Hashing]:
        # The same moment for all, so that nothing but the content differs.
        info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        with self.zip.open(info, "w", force_zip64=True) as out:
            hashing = _Hashing(out)
            yield hashing
        count = hashing.rows
        self.files.append(File(path, hashing.size, hashing.digest.hexdigest(), None if count < 0 else count))

    def table(self, tenant_id: uuid.UUID, table: Table) -> None:
        folder = f"tenants/{tenant_id}"
        with self.file(f"{folder}/json/{table.name}.json") as out:
            out.array(self._told(row, table, folder) for row in self._rows(tenant_id, table))
        with self.file(f"{folder}/csv/{table.name}.csv") as out:
            self._csv(out, tenant_id, table, folder)
        if table.name in tables.ORIGINALS:
            self._originals(tenant_id, table, folder)

    def _told(self, row: Any, table: Table, folder: str) -> dict[str, Any]:
        for column in tables.people_of(table):
            if row[column.name] is not None:
                self.people.add(row[column.name])
        return {name: values.told(value) for name, value in _with_path(row, table, folder).items()}

    def _csv(self, out: _Hashing, tenant_id: uuid.UUID, table: Table, folder: str) -> None:
        names = [column.name for column in tables.columns(table)]
        out.text("\ufeff" + _csv_line(names))
        out.rows = 0
        for row in self._rows(tenant_id, table):
            told = _with_path(row, table, folder)
            out.text(_csv_line([values.cell(told[name]) for name in names]))
            out.rows += 1

    def _originals(self, tenant_id: uuid.UUID, table: Table, folder: str) -> None:
        content = table.c[tables.ORIGINALS[table.name]]
        for row in self._rows(tenant_id, table):
            if row["has_original"]:
                key = (table.c.tenant_id == tenant_id, table.c.id == row["id"])
                found: bytes = self.session.execute(select(content).where(*key)).scalar_one()
                with self.file(_original(row, table, folder)) as out:
                    out.bytes(found)

    def _rows(self, tenant_id: uuid.UUID, table: Table) -> Iterator[Any]:
        """Rows as mappings, in the order of the key; an original is only announced, as it may be large."""
        original = tables.ORIGINALS.get(table.name)
        chosen: list[Any] = [column for column in tables.columns(table) if column.name != original]
        if original is not None:
            chosen.append(table.c[original].is_not(None).label("has_original"))
        order = [table.c.seq] if table.name == "activities" else list(table.primary_key.columns)
        query = select(*chosen).where(table.c.tenant_id == tenant_id).order_by(*order)
        for column in tables.kept_elsewhere(table):
            query = query.where(column.in_(self.tenants))
        return iter(self.session.execute(query.execution_options(yield_per=500)).mappings())


class _Hashing:
    """Writes on, and keeps count of bytes and hash; `rows` -1: not a table."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self.digest, self.size, self.rows = out, hashlib.sha256(), 0, -1

    def bytes(self, content: bytes) -> None:
        self._out.write(content)
        self.digest.update(content)
        self.size += len(content)

    def text(self, content: str) -> None:
        self.bytes(content.encode())

    def array(self, rows: Iterable[dict[str, Any]]) -> None:
        self.rows = 0
        for row in rows:
            self.text(("[\n" if not self.rows else ",\n") + values.line(row))
            self.rows += 1
        self.text("\n]\n" if self.rows else "[]\n")


def write(session: Session, tenants: Sequence[Tenant], out: IO[bytes]) -> list[File]:
    """Write the archive of these tenants. `out` need not be seekable; the session is moved from one to the next.

    Call it in a transaction of its own with one snapshot (REPEATABLE READ).
    """
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zip_file:
        archive = _Archive(session, zip_file, tenants=frozenset(tenant.id for tenant in tenants))
        for tenant in sorted(tenants, key=lambda t: t.id):
            set_scope(session, Setting(tenant=tenant.id, portal=tenant.id if tenant.kind == "portal" else None))
            with archive.file(f"tenants/{tenant.id}/tenant.json") as file:
                file.text(values.line(_columns_of(tenant)) + "\n")
            for table in tables.tables():
                archive.table(tenant.id, table)
        _write_people(archive)
        manifest = _manifest(tenants, archive.files)
        zip_file.writestr("manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return archive.files


def _write_people(archive: _Archive) -> None:
    query = select(User).where(User.id.in_(sorted(archive.people))).order_by(User.id)
    people = archive.session.scalars(query).all()
    with archive.file("people.json") as file:
        file.array({name: values.told(getattr(user, name)) for name in tables.PERSON} for user in people)


def _manifest(tenants: Sequence[Tenant], files: Sequence[File]) -> dict[str, Any]:
    made: datetime = clock.now()
    return {
        "format": FORMAT,
        "schema": migrate.heads()[0],
        "made_at": made.isoformat(timespec="seconds"),
        "tenants": [{"id": str(t.id), "kind": t.kind, "name": t.name} for t in sorted(tenants, key=lambda t: t.id)],
        "left_out": list(tables.left_out()),
        "files": [file.told() for file in sorted(files, key=lambda f: f.path)],
    }


def _with_path(row: Any, table: Table, folder: str) -> dict[str, Any]:
    """The row with the path of its original in place of the bytes."""
    original = tables.ORIGINALS.get(table.name)
    told = {name: value for name, value in row.items() if name != "has_original"}
    if original is not None:
        told[original] = _original(row, table, folder) if row["has_original"] else None
    return told


def _original(row: Any, table: Table, folder: str) -> str:
    name = str(row.get("filename") or row.get("name") or "")
    ending = re.search(r"\.[A-Za-z0-9]{1,8}$", name)
    return f"{folder}/originals/{table.name}/{row['id']}{ending.group().lower() if ending else ''}"


def _columns_of(tenant: Tenant) -> dict[str, Any]:
    return {column.name: values.told(getattr(tenant, column.name)) for column in Tenant.__table__.columns}


def _csv_line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";", lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
