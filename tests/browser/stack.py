"""The whole product as people meet it: real processes, on the servers of this test run."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests
from sqlalchemy import select

from config import Settings
from portal import supervisor
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel.db import Database
from portal.kernel.services.folder import free_port
from portal.kernel.services.watch import Child, Log
from portal.kernel.vault import Kek, Vault
from portal.runtime import Runtime
from tests.browser.scene import SmallFirm
from tests.conftest import Servers, Urls

PATIENCE = 60.0  # seconds; a machine that does other work as well is slow to start things


class Control:
    """The sandbox provider's own controls, to prepare it and to look into its ledger."""

    def __init__(self, url: str) -> None:
        self.url = url

    def look(self, path: str) -> Any:
        reply = requests.get(f"{self.url}/control/api/{path}", timeout=20)
        reply.raise_for_status()
        return reply.json()

    def do(self, path: str, **values: Any) -> Any:
        reply = requests.post(f"{self.url}/control/api/{path}", json=values, timeout=20)
        reply.raise_for_status()
        return reply.json()

    def is_there(self) -> bool:
        return supervisor.answers(urlsplit(self.url).port or 0, "/control/")


@dataclass
class Stack:
    """What runs, and who is in it."""

    base: str
    control: Control  # of the bookkeeping package
    ponto: Control
    saltedge: Control
    packages: Control  # of all other bookkeeping packages
    made: Runtime
    urls: Urls
    scene: SmallFirm
    worker: Child

    def token(self, email: str, *, second_factor: bool = True) -> str:
        """A living session of this person, as the cookie `kp` carries it."""
        with self.made.database.scoped() as session:
            user = session.scalars(select(User).where(User.email == email)).one()
            return sessions.start(session, user, agent="journeys", second_factor=second_factor)

    def value(self, query: str, *parameters: object) -> Any:
        """One value, read past row-level security."""
        with psycopg.connect(self.urls.admin) as connection:
            row = connection.execute(query, parameters).fetchone()
        return row[0] if row else None

    def ledger_of(self, dossier: str) -> Any:
        return self.control.look(f"ledger?division={dossier}")["entries"]

    @contextlib.contextmanager
    def worker_asleep(self) -> Iterator[None]:
        """Work that is asked for meanwhile waits in the queue."""
        process = self.worker.process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process.pid, signal.SIGCONT)


def wait(ready: Callable[[], object], what: str, seconds: float = PATIENCE) -> Any:
    """What `ready` answers as soon as it is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ready():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


class Place:
    """A loopback port that nobody else gets until whoever it is kept for starts."""

    def __init__(self) -> None:
        self._held: socket.socket | None = None
        while self._held is None:
            self.port, held = free_port(), socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                held.bind(("127.0.0.1", self.port))
                held.listen()
                self._held = held
            except OSError:  # somebody was quicker
                held.close()

    def leave(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


def running(home: Path, servers: Servers, urls: Urls) -> Iterator[Stack]:
    """Sandboxes, scene, web, worker, scheduler; all of it ends with the generator."""
    places = {name: Place() for name in supervisor.PORTS}
    environment = {
        **os.environ, "KOPPELPOORT_HOME": str(home), "DATABASE_URL": urls.app, "OWNER_DATABASE_URL": urls.owner,
        "REDIS_URL": servers.redis_url, "DEMO": "1", **{name: str(place.port) for name, place in places.items()},
        "AUDIT_KEY": "the audit key of the tests", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    settings = Settings.from_env(environment)
    vault = Vault([Kek(name, key) for name, key in settings.key_encryption_keys.items()])
    made = Runtime(settings, Database(settings.database_url, pool_size=5), vault)
    ponto, saltedge = supervisor.ponto_sandbox(settings), supervisor.saltedge_sandbox(settings)
    packages = supervisor.packages_sandbox(settings)
    sandbox, (web, worker, _, scheduler) = supervisor.sandbox(settings), supervisor.children(settings)
    worker.command = worker.command[:3]  # without naming a queue it serves them all
    children = (sandbox, ponto, saltedge, packages, web, worker, scheduler)
    with (home / "processes.log").open("w") as out:
        log = Log(out)
        try:
            for child in children:
                child.environment = environment
            exact = begin(sandbox, log, places["SANDBOX_PORT"])
            of_ponto = begin(ponto, log, places["PONTO_SANDBOX_PORT"])
            of_saltedge = begin(saltedge, log, places["SALTEDGE_SANDBOX_PORT"])
            of_packages = begin(packages, log, places["PACKAGES_SANDBOX_PORT"])
            for control in (exact, of_ponto, of_saltedge, of_packages):
                wait(control.is_there, control.url)
            scene = SmallFirm(made)
            scene.play()
            places["PORT"].leave()
            for child in (web, worker, scheduler):
                child.start(log)
            wait(lambda: supervisor.answers(settings.port, "/healthz"), "the web server")
            yield Stack(settings.base_url, exact, of_ponto, of_saltedge, of_packages, made, urls, scene, worker)
        finally:
            for child in reversed(children):
                stop(child)
            for place in places.values():
                place.leave()
            made.database.engine.dispose()


def begin(sandbox: Child, log: Log, place: Place) -> Control:
    place.leave()
    sandbox.start(log)
    return Control(f"http://127.0.0.1:{place.port}")


def stop(child: Child) -> None:
    if child.process is None:
        return
    child.ask_to_stop()
    with contextlib.suppress(AssertionError):
        wait(lambda: child.ended() is not None, child.name, 5)
    child.kill()


def unique(word: str) -> str:
    """An address that nobody else in this run has."""
    return f"{word}-{uuid.uuid4().hex[:8]}@example.com"
