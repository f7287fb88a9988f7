"""Watching processes: start, relay what they say, start again when they die, stop in order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, TextIO

from portal.kernel.services.process import Running, ServiceError, die_with_parent

TICK = 0.1  # seconds between two looks at the children
PAUSES = (0.2, 1, 2, 5, 10, 15)  # seconds before a restart, by how often it just died
STEADY = 30  # seconds alive after which earlier deaths are forgotten
COLOURS = ("36", "33", "35", "32", "34", "96", "93")


class Log:
    """Lines of many processes on one screen: `web        | …`, in colour on a terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._colours: dict[str, str] = {}

    def line(self, name: str, text: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            label = f"{name:<10} |"
            if self._out.isatty():
                colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
                label = f"\033[{colour}m{label}\033[0m"
            self._out.write(f"{label} {text}\n")
            self._out.flush()

    def plain(self, text: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._out.write(text + "\n")
            self._out.flush()


@dataclass
class Watched(ABC):
    """Something that must be alive. `stage`: those of a higher stage are stopped earlier."""

    name: str
    stage: int
    deaths: int = field(default=0, init=False)
    started: float = field(default=0.0, init=False)
    due: float = field(default=0.0, init=False)

    @abstractmethod
    def start(self, log: Log) -> None:
        """Start it. What goes wrong is logged, and seen by `ended`."""

    @abstractmethod
    def ended(self) -> str | None:
        """How it ended, or None while it lives."""

    @abstractmethod
    def ask_to_stop(self) -> None:
        """Ask once; does not wait."""

    @abstractmethod
    def kill(self) -> None:
        """End it now, with all that it started."""

    def watch(self, log: Log) -> None:
        """Start it again when it died and its pause is over."""
        now = time.monotonic()
        if self.due:
            if now >= self.due:
                self.due = 0.0
                self.started = now
                self.start(log)
            return
        if (how := self.ended()) is None:
            return
        self.kill()  # what a dead leader leaves of its group
        self.deaths = 0 if now - self.started > STEADY else self.deaths
        pause = PAUSES[min(self.deaths, len(PAUSES) - 1)]
        self.deaths += 1
        self.due = now + pause
        log.line(self.name, f"{how}; starting it again in {pause:g} s")


@dataclass
class Child(Watched):
    """A program of ours, in a session of its own so that Ctrl-C reaches only the supervisor."""

    command: Sequence[str] = ()
    environment: Mapping[str, str] | None = None  # None: ours
    folder: Path | None = None
    stop_signal: int = signal.SIGTERM
    process: subprocess.Popen[str] | None = field(default=None, init=False)

    def start(self, log: Log) -> None:
        parent = os.getpid()
        self.process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=None if self.environment is None else dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(self.stop_signal, parent),
        )
        assert self.process.stdout is not None  # noqa: S101 - we asked for a pipe; this tells the type checker
        threading.Thread(target=_relay, args=(self.name, self.process.stdout, log), daemon=True).start()

    def ended(self) -> str | None:
        status = None if self.process is None else self.process.poll()
        if status is None:
            return None
        return f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def ask_to_stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(self.stop_signal)

    def kill(self) -> None:
        """End its whole process group, children of a dead leader included."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _relay(name: str, stream: IO[str], log: Log) -> None:
    with stream:
        for line in stream:
            log.line(name, line.rstrip())


@dataclass
class Service(Watched):
    """An embedded server. A start that fails counts as one more death."""

    launch: Callable[[], Running] = field(kw_only=True)
    running: Running | None = field(default=None, init=False)

    def start(self, log: Log) -> None:
        try:
            self.running = self.launch()
            log.line(self.name, f"process {self.running.pid}, log in {self.running.log}")
        except (ServiceError, OSError) as problem:
            log.line(self.name, str(problem))

    def ended(self) -> str | None:
        return None if self.running is not None and self.running.alive() else "it is gone"

    def ask_to_stop(self) -> None:
        if self.running is not None and self.running.alive():
            self.running.process.send_signal(self.running.stop_signal)

    def kill(self) -> None:
        if self.running is not None:
            self.running.stop(0)


class Supervisor:
    """Starts what it is given in order, watches it, and stops it in the opposite order."""

    def __init__(self, log: Log, patience: float = 20) -> None:
        self.log = log
        self.patience = patience  # seconds a stage gets to stop by itself
        self.watched: list[Watched] = []
        self.stops = 0

    def add(self, *items: Watched) -> None:
        for item in items:
            self.watched.append(item)
            item.started = time.monotonic()
            item.start(self.log)

    def asked_to_stop(self) -> bool:
        return self.stops > 0

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.stops += 1

    def tick(self) -> None:
        for item in self.watched:
            item.watch(self.log)
        time.sleep(TICK)

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Watch until `done()`; False when asked to stop or the time is up."""
        deadline = time.monotonic() + seconds
        while not self.asked_to_stop() and time.monotonic() < deadline:
            if done():
                return True
            self.tick()
        return False

    def stop(self) -> None:
        """Stage by stage; a second signal, or a stage that takes too long, kills."""
        for stage in sorted({item.stage for item in self.watched}, reverse=True):
            group = [item for item in self.watched if item.stage == stage]
            for item in group:
                if item.ended() is None:
                    item.ask_to_stop()
            deadline = time.monotonic() + self.patience
            while self.stops < 2 and time.monotonic() < deadline and any(item.ended() is None for item in group):
                time.sleep(TICK / 2)
            for item in group:
                how = item.ended()
                item.kill()
                self.log.line(item.name, "stopped" if how is not None else "did not stop in time: killed")
