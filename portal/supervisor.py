"""`make run`: everything the product needs, on this machine, under one process.

Services (PostgreSQL, Valkey) and children (web, workers, scheduler, sandbox provider) are
watched and started again when they die, with a growing pause. All of it ends with this
process, however it ends: on Linux the kernel tells the children.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from config import APPS, DATABASE, ConfigError, Settings, child_environment
from portal.connectors import registry
from portal.kernel.roles import APP, OWNER, create_roles
from portal.kernel.services import Running, folder, start_postgres, start_valkey
from portal.kernel.services.watch import Child, Log, Service, Supervisor

ROOT = Path(__file__).resolve().parents[1]
LOGINS = "demo-logins.txt"  # in the data folder; its presence means that the demo data is there
READY_SECONDS = 60
SANDBOXES = ("sandbox-exact", "sandbox-ponto", "sandbox-saltedge", "sandbox-packages")  # their folders
PORTS = ("PORT", "SANDBOX_PORT", "PONTO_SANDBOX_PORT", "SALTEDGE_SANDBOX_PORT", "PACKAGES_SANDBOX_PORT")


class Refused(Exception):
    """It cannot be started here and now; the text says why and what to do."""


def children(settings: Settings) -> list[Child]:
    """What runs beside the services, in the order of starting."""
    python, environment = sys.executable, child_environment(settings)
    web = [python, "-m", "gunicorn", "-c", "python:portal.serving"]
    work = [python, "worker.py", "work"]
    return [
        Child("web", 2, web, environment, ROOT),
        Child("worker 1", 2, [*work, "--queue", "post"], environment, ROOT),
        Child("worker 2", 2, [*work, "--queue", "sync", "--queue", "mail"], environment, ROOT),
        Child("scheduler", 3, [python, "worker.py", "schedule"], environment, ROOT),
    ]


def sandbox(settings: Settings) -> Child:
    data = settings.home / "sandbox-exact"
    command = [sys.executable, "-m", "sandbox.exact", "--port", str(settings.sandbox_port), "--data", str(data)]
    return Child("sandbox", 1, [*command, "--seed-demo"], child_environment(settings), ROOT)


def ponto_sandbox(settings: Settings) -> Child:
    """Knows our app, and calls the web server back."""
    ours = settings.registration("ponto")
    app = f"{ours.id},{ours.secret},{settings.base_url}/oauth/ponto/callback"
    command = [
        *(sys.executable, "-m", "sandbox.ponto", "--port", str(settings.ponto_sandbox_port), "--seed-demo"),
        *("--data", str(settings.home / "sandbox-ponto"), "--app", f"{app},{settings.base_url}/callbacks/ponto"),
    ]
    return Child("ponto", 1, command, child_environment(settings), ROOT)


def saltedge_sandbox(settings: Settings) -> Child:
    """Knows our app with its public key, and calls the web server back."""
    secrets = settings.home / "secrets"
    folder.keep(secrets / "saltedge-public-key", lambda: folder.public_key(settings.saltedge_signs_with()))
    settings.saltedge_calls_with()  # makes the key on first use
    ours = settings.registration("saltedge")
    app = f"{ours.id},{ours.secret},{secrets / 'saltedge-public-key'}"
    command = [
        *(sys.executable, "-m", "sandbox.saltedge", "--port", str(settings.saltedge_sandbox_port), "--seed-demo"),
        *("--data", str(settings.home / "sandbox-saltedge"), "--key", str(secrets / "saltedge-callback-key")),
        *("--app", f"{app},{settings.base_url}/callbacks/saltedge"),
    ]
    return Child("saltedge", 1, command, child_environment(settings), ROOT)


def packages_sandbox(settings: Settings) -> Child:
    """Stands in for every other package; it knows our registrations."""
    command = [
        *(sys.executable, "-m", "sandbox.packages", "--port", str(settings.packages_sandbox_port), "--seed-demo"),
        *("--data", str(settings.home / "sandbox-packages")),
    ]
    for app in sorted(set(APPS) & set(registry.CONNECTORS) - {"exact"}):
        ours = settings.registration(app)
        command += ["--app", f"{app},{ours.id},{ours.secret},{settings.base_url}/oauth/{app}/callback"]
    return Child("packages", 1, command, child_environment(settings), ROOT)


def services(settings: Settings) -> list[Service]:
    """The embedded servers that this machine needs."""
    wanted = []
    if settings.embedded_postgres:
        wanted.append(Service("postgres", 0, launch=lambda: start_postgres(settings.home / "postgres")))
    if settings.embedded_redis:
        wanted.append(Service("valkey", 0, launch=lambda: start_valkey(settings.home / "valkey")))
    return wanted


def prepare_database(settings: Settings, admin: Running | None) -> None:
    """Roles (of the embedded server), then the migrations that are missing."""
    if admin is not None:
        passwords = (folder.secret(settings.home, f"{role}-password") for role in (OWNER, APP))
        create_roles(admin.url, DATABASE, *passwords)
    if settings.owner_database_url:
        # Imported here: the tests of the supervisor and a machine without migrations need none of it.
        from portal.kernel.migrate import upgrade

        upgrade(settings.owner_database_url)


def answers(port: int, path: str) -> bool:
    """Whether http://127.0.0.1:port/path gives a page, or the way to one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the data folder: two servers on the same files would destroy them. Raises Refused."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise Refused(f"process {lock.read().strip()} is running on {home}; stop it first") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def ports(settings: Settings) -> dict[str, int]:
    """Where servers will listen, by the name of the setting."""
    wanted = PORTS if settings.demo else PORTS[:2]
    return {name: getattr(settings, name.lower()) for name in wanted}


def require_ports(supervisor: Supervisor, settings: Settings) -> None:
    """Wait a moment for what an earlier run leaves behind. Raises Refused when a port stays taken."""
    for name, port in ports(settings).items():
        free = supervisor.wait(partial(folder.port_is_free, port), 6)
        if not free and not supervisor.asked_to_stop():
            raise Refused(f"port {port} is taken by another program; choose another: `make run {name}={port + 1}`")


def start_all(supervisor: Supervisor, settings: Settings) -> None:
    """Everything in order, up to the log-ins. Raises Refused when something essential does not start."""
    log = supervisor.log
    require_ports(supervisor, settings)
    wanted = services(settings)
    supervisor.add(*wanted)
    if any(item.running is None for item in wanted):
        raise Refused("a server did not start, see above")
    prepare_database(settings, next((item.running for item in wanted if item.name == "postgres"), None))
    if settings.demo:
        supervisor.add(
            sandbox(settings), ponto_sandbox(settings), saltedge_sandbox(settings), packages_sandbox(settings)
        )
        if not (settings.home / LOGINS).exists():
            supervisor.wait(lambda: answers(settings.sandbox_port, "/control"), 30)
            seed(supervisor, settings)
    if supervisor.asked_to_stop():
        return
    web, *others = children(settings)
    supervisor.add(web)  # alone at first: whoever waits for the page waits for this
    ready = supervisor.wait(lambda: answers(settings.port, "/healthz"), READY_SECONDS)
    supervisor.add(*others)
    if ready:
        log.plain(f"\nReady: http://127.0.0.1:{settings.port}\n")
        if settings.demo and (settings.home / LOGINS).exists():
            log.plain((settings.home / LOGINS).read_text())
    elif not supervisor.asked_to_stop():
        log.plain(f"\nNot ready after {READY_SECONDS} s: the lines above say what is wrong. Still trying.\n")


def seed(supervisor: Supervisor, settings: Settings) -> None:
    """Make the demo data with the services and the sandbox running. Raises Refused when it fails."""
    child = Child("demo", 1, [sys.executable, "-m", "portal.cli", "demo-seed"], child_environment(settings), ROOT)
    child.start(supervisor.log)
    done = supervisor.wait(lambda: child.ended() is not None, 600)
    status = child.process.returncode if child.process is not None else None
    child.kill()
    if not done and not supervisor.asked_to_stop():
        raise Refused("the demo data took more than ten minutes")
    if done and status != 0:
        raise Refused("the demo data could not be made, see above; `make demo-reset` starts afresh")


def run(settings: Settings, out: TextIO = sys.stdout) -> int:
    """Run until a signal says stop. 0: stopped as asked; 1: refused to start."""
    supervisor = Supervisor(Log(out))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, supervisor.on_signal)
    try:
        with only_one(settings.home):
            try:
                start_all(supervisor, settings)
                while not supervisor.asked_to_stop():
                    supervisor.tick()
            finally:
                supervisor.stop()
    except Refused as problem:
        sys.stderr.write(f"koppelpoort: {problem}\n")
        return 1
    return 0


def reset(settings: Settings) -> int:
    """Forget everything but the secrets, so that the next run makes the demo data anew."""
    if not (settings.embedded_postgres and settings.embedded_redis):
        raise Refused("DATABASE_URL or REDIS_URL names a server elsewhere: its data is not mine to delete")
    with only_one(settings.home):
        for name in ("postgres", "valkey"):
            note = settings.home / name / "elsewhere"
            if note.exists():
                shutil.rmtree(note.read_text().strip(), ignore_errors=True)
        for name in ("postgres", "valkey", *SANDBOXES, "outbox"):
            shutil.rmtree(settings.home / name, ignore_errors=True)
        (settings.home / LOGINS).unlink(missing_ok=True)
    return 0


def main(arguments: Sequence[str]) -> int:
    """`python -m portal.supervisor run|reset`."""
    try:
        settings = Settings.from_env()
        if list(arguments) == ["reset"]:
            return reset(settings)
        if list(arguments) in ([], ["run"]):
            return run(settings)
        sys.stderr.write("usage: python -m portal.supervisor [run|reset]\n")
    except (ConfigError, Refused) as problem:
        sys.stderr.write(f"koppelpoort: {problem}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
