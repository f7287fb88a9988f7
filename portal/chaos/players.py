"""The processes that work and are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.supervisor import ROOT

DIED = b"terminated unexpectedly"  # what a worker says when its forked child was killed


@dataclass
class Player:
    """A worker or scheduler. A worker forks a child for each job; both can be killed apart."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    armed: str = ""
    armed_at: float = 0.0
    _deaths_before: int = field(default=0, repr=False)

    def start(self, crash_at: str = "") -> None:
        self.armed, self.armed_at = crash_at, time.monotonic()
        self._deaths_before = self.child_deaths() if crash_at else 0
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env={**self.environment, "CRASH_AT": crash_at}, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def children(self) -> list[int]:
        """Its forked children; empty where the system does not tell."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def kill(self) -> None:
        """The process itself; on Linux its child goes with it."""
        if self.process is not None and self.alive():
            self.process.kill()
            self.process.wait()

    def kill_child(self) -> bool:
        """Only the child that does a job now, if there is one."""
        for pid in self.children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            return True
        return False

    def child_deaths(self) -> int:
        try:
            return self.log.read_bytes().count(DIED)
        except FileNotFoundError:
            return 0

    def died_at_its_point(self) -> int:
        """How often it, or a child of it, died where it was armed to."""
        if not self.armed:
            return 0
        itself = self.process is not None and self.process.poll() == -signal.SIGKILL
        return max(self.child_deaths() - self._deaths_before, 0) + itself

    def stop(self) -> None:
        if self.process is not None and self.alive():
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def cast(environment: Mapping[str, str], logs: Path) -> list[Player]:
    """Two workers for postings, two for the rest, two schedulers."""
    work = [sys.executable, "worker.py", "work"]
    commands = {
        "post 1": [*work, "--queue", "post"],
        "post 2": [*work, "--queue", "post"],
        "sync 1": [*work, "--queue", "sync", "--queue", "mail"],
        "sync 2": [*work, "--queue", "sync"],
        "schedule 1": [sys.executable, "worker.py", "schedule"],
        "schedule 2": [sys.executable, "worker.py", "schedule"],
    }
    return [
        Player(name, command, environment, logs / f"{name.replace(' ', '-')}.log") for name, command in commands.items()
    ]
