"""The back-up and restore of docs/operations.md, done with the programs it names."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

import psycopg
import pytest

from portal.kernel import migrate
from portal.kernel.roles import create_roles, plain_url
from portal.kernel.services.postgres import programs
from tests.conftest import APP_PASSWORD, OWNER_PASSWORD, Servers, Urls


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return programs().ready_in(tmp_path_factory.mktemp("programs"))


def dump(bin_folder: Path, url: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [str(bin_folder / "pg_dump"), "--format=custom", f"--file={file}", url]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_dump_comes_back_with_its_policies_and_owners(
    bin_folder: Path, servers: Servers, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    file, name = tmp_path / "portal.dump", f"kp_{secrets.token_hex(6)}"
    assert dump(bin_folder, fresh_database_urls.admin, file).stderr == ""
    restored = create_roles(servers.admin_url, name, OWNER_PASSWORD, APP_PASSWORD)
    target = f"{servers.admin_url.rpartition('/')[0]}/{name}"
    command = [str(bin_folder / "pg_restore"), f"--dbname={target}", "--clean", "--if-exists", str(file)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""
    facts = (
        "SELECT relname, relrowsecurity, relforcerowsecurity, relowner::regrole::text FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
        "SELECT proname, prosecdef, proowner::regrole::text FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2",
    )
    with psycopg.connect(fresh_database_urls.admin) as before, psycopg.connect(target) as after:
        for query in facts:
            rows = before.execute(query).fetchall()
            assert rows
            assert after.execute(query).fetchall() == rows
    migrate.upgrade(restored.owner_url)


def test_the_owner_of_the_schema_cannot_dump_rows_it_may_not_see(
    bin_folder: Path, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    done = dump(bin_folder, plain_url(fresh_database_urls.owner), tmp_path / "portal.dump")
    assert done.returncode != 0
    assert "row-level security" in done.stderr
