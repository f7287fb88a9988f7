"""Reads an archive into an empty installation, after every file in it was held against its hash.

Runs as the owner of the schema, in one transaction, with the triggers off: what the database
would count or guard was counted and guarded where the rows were made. What an archive does not
hold is put in empty: people must ask for a new password, log-ins be connected again, keys made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Table, insert, null, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from portal.activity import chain
from portal.activity.models import Activity, ChainHead
from portal.archives import tables, values, writing
from portal.authorisations.models import Authorisation
from portal.identity.models import User
from portal.kernel import clock, migrate
from portal.kernel.db import Base, Database, Setting, set_scope
from portal.kernel.errors import Invalid
from portal.tenants.models import Tenant

PORTION = 500
LARGEST_LINE = 64 * 1024 * 1024  # bytes of one row, of an original, and of the list of all files
_EMPTY = text("SELECT NOT EXISTS (SELECT 1 FROM all_chains()) AND NOT EXISTS (SELECT 1 FROM users)")


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read in: rows by table, over all tenants of the archive."""

    tenants: int
    people: int
    files: int
    rows: Mapping[str, int]


def read(session: Session, path: Path) -> Taken:
    """Read an archive in. Raises Invalid: archive.not_one, archive.damaged, archive.schema, archive.not_empty."""
    try:
        with zipfile.ZipFile(path) as zip_file:
            manifest = _checked(session, zip_file)
            return _Import(session, zip_file, manifest).take()
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, RecursionError) as problem:
        raise Invalid("archive.not_one", reason=type(problem).__name__) from problem


def read_in(owner_url: str, path: Path) -> Taken:
    """As `read`, with a connection of its own as the owner of the schema."""
    database = Database(owner_url, pool_size=1, application="portal-import")
    try:
        with database.scoped() as session:
            return read(session, path)
    finally:
        database.engine.dispose()


def differences(database: Database, path: Path) -> list[str]:
    """Files that come out otherwise when the archive is made anew from what was read in; none, as it should be."""
    with zipfile.ZipFile(path) as zip_file:
        manifest = json.loads(_whole(zip_file, "manifest.json"))
    with database.session() as session, session.begin(), (Path(os.devnull)).open("wb") as nowhere:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        tenants = []
        for told in manifest["tenants"]:
            set_scope(session, Setting(tenant=uuid.UUID(told["id"])))
            tenants.append(session.get_one(Tenant, uuid.UUID(told["id"])))
            session.expunge_all()
        made = {file.path: file.sha256 for file in writing.write(session, tenants, nowhere)}
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    return sorted(name for name in made.keys() | listed.keys() if made.get(name) != listed.get(name))


def _checked(session: Session, zip_file: zipfile.ZipFile) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(_whole(zip_file, "manifest.json"))
    if manifest["format"] != writing.FORMAT:
        raise Invalid("archive.not_one", reason=str(manifest["format"])[:40])
    here = migrate.heads()[0]
    if manifest["schema"] != here:
        raise Invalid("archive.schema", archive=manifest["schema"], here=here)
    if not session.scalar(_EMPTY):
        raise Invalid("archive.not_empty")
    listed = {file["path"]: file for file in manifest["files"]}
    if set(listed) | {"manifest.json"} != set(zip_file.namelist()) or len(listed) + 1 != len(zip_file.namelist()):
        raise Invalid("archive.damaged", path="manifest.json")
    for name, file in listed.items():
        if _hash(zip_file, name, file["size"]) != file["sha256"]:
            raise Invalid("archive.damaged", path=name)
    return manifest


def _whole(zip_file: zipfile.ZipFile, name: str) -> bytes:
    """One file of it. Raises ValueError for one that unfolds beyond all bounds."""
    with zip_file.open(name) as file:
        content = file.read(LARGEST_LINE + 1)
    if len(content) > LARGEST_LINE:
        raise ValueError(name)
    return content


def _hash(zip_file: zipfile.ZipFile, name: str, size: int) -> str:
    """Of no more than the size that the manifest says, so that nothing unfolds without end."""
    digest, left = hashlib.sha256(), size + 1
    with zip_file.open(name) as file:
        while left > 0 and (portion := file.read(min(left, 1 << 20))):
            digest.update(portion)
            left -= len(portion)
    return digest.hexdigest() if left == 1 else ""


class _Import:
    def __init__(self, session: Session, zip_file: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
        self.session, self.zip = session, zip_file
        self.tenants = [uuid.UUID(tenant["id"]) for tenant in manifest["tenants"]]
        self.names = {file["path"] for file in manifest["files"]}
        self.counts: dict[str, int] = {}
        self.last: dict[uuid.UUID, bytes] = {}  # link of the log of each account

    def take(self) -> Taken:
        people = self._people()
        for tenant_id in self.tenants:
            self._tenant(tenant_id)
        found = list(tables.tables())
        for table in found:
            self.session.execute(text(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER'))
        for table in found:
            for tenant_id in self.tenants:
                self._table(tenant_id, table)
        for table in found:
            self.session.execute(text(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER'))
        return Taken(len(self.tenants), people, len(self.names), self.counts)

    def _rows(self, path: str) -> Iterator[dict[str, Any]]:
        """The array of a file, a row at a time: one stands on each line."""
        with self.zip.open(path) as file:
            while line := file.readline(LARGEST_LINE):
                row = line.strip().rstrip(b",")
                if row not in (b"[", b"]", b"[]"):
                    yield json.loads(row)

    def _people(self) -> int:
        count = 0
        for row in self._rows("people.json"):
            told = {c.name: values.understood(c, row[c.name]) for c in _columns(User) if c.name in tables.PERSON}
            # No password matches "!"; the address has to be proved again by asking for a new one.
            self.session.add(User(**told, password_hash="!", password_changed_at=clock.now()))  # noqa: S106 - not a password
            count += 1
        self.session.flush()
        return count

    def _tenant(self, tenant_id: uuid.UUID) -> None:
        path = f"tenants/{tenant_id}/tenant.json"
        (row,) = self._rows(path)
        if row["id"] != str(tenant_id):
            raise Invalid("archive.damaged", path=path)
        set_scope(self.session, Setting(tenant=tenant_id))
        told = {c.name: values.understood(c, row[c.name]) for c in _columns(Tenant)}
        self.session.execute(insert(Tenant).values(told))

    def _table(self, tenant_id: uuid.UUID, table: Table) -> None:
        set_scope(self.session, Setting(tenant=tenant_id))
        portion: list[dict[str, Any]] = []
        for row in self._in_order(table, self._rows(f"tenants/{tenant_id}/json/{table.name}.json")):
            portion.append(self._row(tenant_id, table, row))
            if len(portion) == PORTION:
                self._insert(table, portion)
                portion = []
        self._insert(table, portion)

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        self._put_in_place_of_what_is_missing(table, rows)
        if table is Activity.__table__:
            self._link(rows)
        self.session.execute(insert(table), rows)
        self.counts[table.name] = self.counts.get(table.name, 0) + len(rows)

    def _row(self, tenant_id: uuid.UUID, table: Table, row: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for column in table.columns:
            if column.computed is not None:
                continue
            if tables.why_left_out(column):
                told[column.name] = None if column.nullable else secrets.token_bytes(32)
            elif tables.ORIGINALS.get(table.name) == column.name:
                told[column.name] = self._original(row[column.name])
            else:
                told[column.name] = values.understood(column, row[column.name])
            if told[column.name] is None and isinstance(column.type, JSONB):
                told[column.name] = null()
        if told["tenant_id"] != tenant_id:
            raise Invalid("archive.damaged", path=f"tenants/{tenant_id}/json/{table.name}.json")
        return told

    def _original(self, path: str | None) -> bytes | None:
        if path is None:
            return None
        if path not in self.names:
            raise Invalid("archive.damaged", path=path)
        return _whole(self.zip, path)

    def _in_order(self, table: Table, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Rows that refer to rows of their own table come after those."""
        own = [_parent_column(key) for key in table.foreign_key_constraints if key.referred_table is table]
        if not own:
            yield from rows
            return
        waiting, done = list(rows), set[str]()
        while waiting:
            ready = [row for row in waiting if all(row[name] is None or row[name] in done for name in own)]
            if not ready:
                raise Invalid("archive.damaged", path=table.name)
            done |= {row["id"] for row in ready}
            waiting = [row for row in waiting if row["id"] not in done]
            yield from ready

    def _put_in_place_of_what_is_missing(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Accounts, and log-ins of other accounts, that rows refer to and that the archive does not hold."""
        for key in table.foreign_key_constraints:
            if key.referred_table.name == "tenants":
                (name,) = (element.parent.name for element in key.elements)
                for tenant_id in {row[name] for row in rows if row[name]} - set(self.tenants):
                    self._closed_tenant(tenant_id)
            elif key.referred_table.name == "authorisations":
                named = {e.column.name: e.parent.name for e in key.elements}
                self._closed_authorisations({(row[named["tenant_id"]], row[named["id"]]) for row in rows})
        set_scope(self.session, Setting(tenant=rows[0]["tenant_id"]))

    def _closed_tenant(self, tenant_id: uuid.UUID) -> None:
        now = clock.now()
        set_scope(self.session, Setting(tenant=tenant_id))
        if self.session.get(Tenant, tenant_id) is None:
            empty = {"name": "", "country": "BE", "scheme": "kbo", "enterprise_number": ""}
            self.session.add(Tenant(id=tenant_id, kind="client", created_at=now, closed_at=now, **empty))
            self.session.flush()

    def _closed_authorisations(self, keys: set[tuple[uuid.UUID, uuid.UUID]]) -> None:
        for tenant_id, key in sorted(keys):
            if tenant_id in self.tenants or tenant_id is None or key is None:
                continue
            self._closed_tenant(tenant_id)
            if self.session.get(Authorisation, (tenant_id, key)) is None:
                now = clock.now()
                row = Authorisation(tenant_id=tenant_id, id=key, app="", environment="", name=str(key))
                row.state_since = row.created_at = row.removed_at = now
                self.session.add(row)
                self.session.flush()

    def _link(self, rows: list[dict[str, Any]]) -> None:
        """Every link of the log anew, with the key of this installation; rows come in the order of the chain."""
        tenant_id = rows[0]["tenant_id"]
        for row in rows:
            row["prev_hash"] = self.last.get(tenant_id, chain.GENESIS)
            row["hash"] = self.last[tenant_id] = chain.link(Activity(**row))
        head = {"seq": rows[-1]["seq"], "hash": rows[-1]["hash"]}
        head |= {"seal": chain.seal_of(tenant_id, head["seq"], head["hash"])}
        made = upsert(ChainHead).values(tenant_id=tenant_id, **head)
        self.session.execute(made.on_conflict_do_update(index_elements=["tenant_id"], set_=head))


def _columns(model: type[Base]) -> list[Column[Any]]:
    return list(Base.metadata.tables[model.__tablename__].columns)


def _parent_column(key: ForeignKeyConstraint) -> str:
    return next(element.parent.name for element in key.elements if element.parent.name != "tenant_id")
