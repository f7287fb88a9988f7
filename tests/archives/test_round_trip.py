"""An archive, read into an empty installation and made again there, has the same hashes; and no secret is in it."""

from __future__ import annotations

import io
import json
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import text

from portal.activity import chain
from portal.archives import reading, tables, writing
from portal.kernel.db import Database, Setting, set_scope
from portal.kernel.errors import Invalid
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant
from tests import factories as make
from tests.conftest import Servers, Urls, make_database
from tests.furnish import furnish_client, furnish_portal
from tests.world import World, make_world

Manifest = dict[str, object]


@dataclass(frozen=True)
class Firm:
    """A firm and its client, with a row in every table; their archive."""

    database: Database
    world: World
    tenants: tuple[Tenant, ...]
    path: Path


def make_archive(database: Database, ids: list[uuid.UUID], path: Path) -> Path:
    with database.session() as session, session.begin(), path.open("wb") as out:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        found = []
        for tenant_id in ids:
            set_scope(session, Setting(tenant=tenant_id))
            found.append(session.get_one(Tenant, tenant_id))
            session.expunge_all()
        writing.write(session, found, out)
    return path


def manifest_of(path: Path) -> dict[str, object]:
    with zipfile.ZipFile(path) as zip_file:
        return dict(json.loads(zip_file.read("manifest.json")))


@pytest.fixture(scope="module")
def firm(servers: Servers, vault: Vault, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    database = Database(make_database(servers).app, pool_size=3)
    world = make_world(database)
    extra = make.make_user(database, "Extra")
    furnish_client(database, vault, world.client, world.firm, extra, "zq")
    furnish_portal(database, vault, world.firm, world.client, world.staff, "zq")
    path = tmp_path_factory.mktemp("archives") / "firm.zip"
    tenants = (world.firm, world.client)
    make_archive(database, [tenant.id for tenant in tenants], path)
    yield Firm(database, world, tenants, path)
    database.engine.dispose()


def read_in(urls: Urls, path: Path) -> reading.Taken:
    return reading.read_in(urls.owner, path)


def test_an_archive_read_in_and_made_again_has_the_same_hashes(
    firm: Firm, fresh_database: Database, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    taken = read_in(fresh_database_urls, firm.path)
    again = make_archive(fresh_database, [tenant.id for tenant in firm.tenants], tmp_path / "again.zip")
    first, second = manifest_of(firm.path), manifest_of(again)
    assert first["files"] == second["files"]
    assert reading.differences(fresh_database, firm.path) == []
    assert taken.tenants == 2
    furnished = {table.name for table in tables.tables()}
    assert furnished - set(taken.rows) == set(), "furnish a row for these"
    for tenant in firm.tenants:
        with fresh_database.scoped(Setting(tenant=tenant.id)) as session:
            assert list(chain.verify(session, tenant.id)) == []


@pytest.mark.parametrize("kind", ["firm", "client"])
def test_one_account_alone_can_be_read_in_too(
    firm: Firm, kind: str, fresh_database: Database, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    (tenant,) = (tenant for tenant in firm.tenants if (tenant.kind == "portal") == (kind == "firm"))
    first = make_archive(firm.database, [tenant.id], tmp_path / "one.zip")
    read_in(fresh_database_urls, first)
    again = make_archive(fresh_database, [tenant.id], tmp_path / "again.zip")
    assert manifest_of(first)["files"] == manifest_of(again)["files"]


def test_every_column_of_bytes_is_known_to_be_secret_or_not() -> None:
    unknown = [
        f"{column.table.name}.{column.name}"
        for table in tables.tables()
        for column in table.columns
        if tables.why_left_out(column) == tables.UNKNOWN
    ]
    assert unknown == [], "say in portal/archives/tables.py what these are"


SUSPICIOUS = ("secret", "password", "token", "totp", "wrapped", "verifier", "credential")


def test_no_column_that_sounds_like_a_secret_is_in_an_archive() -> None:
    names = [f"{c.table.name}.{c.name}" for table in tables.tables() for c in tables.columns(table)]
    assert [name for name in names if any(word in name for word in SUSPICIOUS)] == []


def test_what_is_left_out_stands_in_the_manifest(firm: Firm) -> None:
    listed = {(row["table"], row["column"]) for row in manifest_of(firm.path)["left_out"]}  # type: ignore[attr-defined]  # json
    assert {("credentials", "*"), ("data_keys", "*"), ("api_keys", "key_hash"), ("users", "password_hash"),
            ("users", "totp_secret")} <= listed  # fmt: skip


def test_the_archive_of_a_firm_holds_nothing_of_another(firm: Firm, vault: Vault, tmp_path: Path) -> None:
    extra = make.make_user(firm.database, "Extra")
    furnish_client(firm.database, vault, firm.world.other_client, firm.world.rival, extra, "zqtheirs")
    furnish_portal(firm.database, vault, firm.world.rival, firm.world.other_client, firm.world.rival_staff, "zqtheirs")
    path = make_archive(firm.database, [tenant.id for tenant in firm.tenants], tmp_path / "firm.zip")
    with zipfile.ZipFile(path) as zip_file:
        everything = b"".join(zip_file.read(name) for name in zip_file.namelist())
    assert b"zqtheirs" not in everything
    assert firm.world.rival.name.encode() not in everything


def _changed(path: Path, target: Path, name: str, change: bytes | None) -> Path:
    """The archive with one file changed, or without it."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            if entry != name:
                new.writestr(entry, old.read(entry))
            elif change is not None:
                new.writestr(entry, change)
    return target


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("changed", "damaged"),
        ("missing", "damaged"),
        ("more", "damaged"),
        ("other schema", "schema"),
        ("no zip", "not_one"),
    ],
)
def test_a_file_that_is_not_as_it_was_made_is_refused(
    firm: Firm, how: str, code: str, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    target = tmp_path / "bad.zip"
    if how == "no zip":
        target.write_bytes(b"no zip")
    elif how == "more":
        shutil.copy(firm.path, target)
        with zipfile.ZipFile(target, "a") as zip_file:
            zip_file.writestr("tenants/more.json", "[]")
    elif how == "other schema":
        told = manifest_of(firm.path) | {"schema": "0001"}
        _changed(firm.path, target, "manifest.json", json.dumps(told).encode())
    else:
        _changed(firm.path, target, "people.json", b"[]\n" if how == "changed" else None)
    with pytest.raises(Invalid, match=f"archive.{code}"):
        read_in(fresh_database_urls, target)


def test_an_installation_that_is_in_use_takes_nothing(firm: Firm, database_urls: Urls, database: Database) -> None:
    make.make_tenant(database, "client", "Somebody")
    with pytest.raises(Invalid, match="not_empty"):
        read_in(database_urls, firm.path)


def test_an_archive_is_written_to_what_cannot_be_rewound(firm: Firm) -> None:
    class Pipe(io.RawIOBase, IO[bytes]):
        def __init__(self) -> None:
            self.got = b""

        def writable(self) -> bool:
            return True

        def write(self, content: object) -> int:
            self.got += bytes(content)  # type: ignore[call-overload]  # whatever has bytes
            return len(bytes(content))  # type: ignore[call-overload]  # as above

    pipe = Pipe()
    with firm.database.scoped() as session:
        session.execute(text("SELECT 1"))
        set_scope(session, Setting(tenant=firm.world.client.id))
        writing.write(session, [session.get_one(Tenant, firm.world.client.id)], pipe)
    with zipfile.ZipFile(io.BytesIO(pipe.got)) as zip_file:
        assert zip_file.testzip() is None
