"""An archive that somebody made up or changed: told as damaged, and never unfolded without end."""

from __future__ import annotations

import hashlib
import json
import resource
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.archives import reading, writing
from portal.kernel import clock, migrate
from portal.kernel.db import Database
from portal.kernel.errors import Invalid
from tests.conftest import Urls

HERE = uuid.uuid4()
PROPER = {
    "id": str(HERE), "kind": "client", "name": "Delmotte", "country": "BE", "scheme": "kbo",
    "enterprise_number": "0417497106", "created_at": clock.now().isoformat(),
}  # fmt: skip


def archive(path: Path, files: dict[str, bytes], **manifest: Any) -> Path:
    """With hashes that are right: whoever changes a file can hash it too."""
    listed = [
        {"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]
    told = {"format": writing.FORMAT, "schema": migrate.heads()[0], "tenants": [{"id": str(HERE)}], "files": listed}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
        made.writestr("manifest.json", json.dumps(told | manifest))
    return path


@pytest.fixture
def little_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + 400 * 1024 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


def refused(urls: Urls, path: Path, code: str) -> None:
    with pytest.raises(Invalid, match=code):
        reading.read_in(urls.owner, path)


def test_a_list_that_unfolds_without_end_is_not_read(
    fresh_database_urls: Urls, tmp_path: Path, little_memory: None
) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, made.open("manifest.json", "w") as out:
        for _ in range(1024):
            out.write(bytes(1024 * 1024))
    refused(fresh_database_urls, path, r"archive\.not_one")


def test_what_nests_without_end_is_no_archive(fresh_database_urls: Urls, tmp_path: Path) -> None:
    path = tmp_path / "deep.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", "[" * 500_000)
    refused(fresh_database_urls, path, r"archive\.not_one")


def test_an_account_under_the_name_of_another_is_damaged(fresh_database_urls: Urls, tmp_path: Path) -> None:
    other = json.dumps(PROPER | {"id": str(uuid.uuid4())}).encode()
    files = {"people.json": b"[]\n", f"tenants/{HERE}/tenant.json": other}
    refused(fresh_database_urls, archive(tmp_path / "other.zip", files), r"archive\.damaged")


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "tenants/../x"])
def test_a_path_that_leaves_the_archive_writes_nothing(
    fresh_database: Database, fresh_database_urls: Urls, tmp_path: Path, name: str
) -> None:
    path = archive(tmp_path / "path.zip", {"people.json": b"[]\n", name: b"x"})
    before = sorted(tmp_path.rglob("*"))
    refused(fresh_database_urls, path, "archive")
    assert sorted(tmp_path.rglob("*")) == before
