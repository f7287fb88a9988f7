"""The supervisor, in a process of its own, with small stand-ins for web and workers."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import Settings
from portal import serving, supervisor
from portal.kernel.services.watch import Child, Log, Supervisor

REPOSITORY = Path(__file__).resolve().parents[1]

# One server below, two programs above: the upper one answers SIGTERM, the lower one ignores it.
PROGRAM = """
import pathlib, signal, sys
from portal.kernel.services import start_valkey
from portal.kernel.services.watch import Child, Log, Service, Supervisor

home = pathlib.Path(sys.argv[1])
polite = "import os, time; print('hello from', os.getpid(), flush=True); time.sleep(600)"
stubborn = "import signal, os, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
stubborn += "print('hello from', os.getpid(), flush=True); time.sleep(600)"
sup = Supervisor(Log(sys.stdout), patience=1)
signal.signal(signal.SIGINT, sup.on_signal)
sup.add(Service("valkey", 0, launch=lambda: start_valkey(home / "valkey")))
sup.add(Child("lower", 1, [sys.executable, "-c", stubborn]), Child("upper", 2, [sys.executable, "-c", polite]))
while not sup.asked_to_stop():
    sup.tick()
sup.stop()
"""


class Screen:
    """A supervisor that runs, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def until(self, wanted: str, after: int = 0) -> str:
        """The first line from `after` on that holds `wanted`, said already or still to come."""
        assert self.process.stdout is not None
        for line in self.lines[after:]:
            if wanted in line:
                return line
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if wanted in line:
                return line.rstrip()
        raise AssertionError(f"{wanted!r} was never said:\n" + "\n".join(self.lines))

    def pid_of(self, name: str, after: int = 0) -> int:
        """The pid a child or the server told when it started."""
        said = self.until(f"{name:<10} | process " if name == "valkey" else f"{name:<10} | hello from ", after)
        return int(re.split("process |hello from ", said)[1].split(",")[0])

    def pids(self) -> set[int]:
        return {int(line.rsplit(" ", 1)[1]) for line in self.lines if "hello from" in line}


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as it:
        too_long = threading.Timer(60, it.kill)
        too_long.start()
        shown = Screen(it)
        yield shown
        too_long.cancel()
        it.kill()
        for pid in shown.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_a_killed_child_and_a_killed_server_come_back(screen: Screen) -> None:
    for name, said in (("lower", "killed by SIGKILL"), ("valkey", "it is gone")):
        first = screen.pid_of(name)
        seen = len(screen.lines)
        os.kill(first, signal.SIGKILL)
        screen.until(f"{name:<10} | {said}; starting it again", seen)
        assert screen.pid_of(name, seen) != first


def test_stopping_goes_from_the_top_down_and_kills_who_does_not_listen(screen: Screen) -> None:
    pids = [screen.pid_of("lower"), screen.pid_of("upper")]
    screen.process.send_signal(signal.SIGINT)
    screen.until("valkey     | stopped")
    said = [line for line in screen.lines if line.endswith(("stopped", "killed"))]
    assert [line.split("|")[0].strip() for line in said] == ["upper", "lower", "valkey"]
    assert "killed" in said[1]
    assert screen.process.wait(10) == 0
    assert not any(alive(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_no_polite_child_outlives_a_supervisor_that_is_killed(screen: Screen) -> None:
    screen.pid_of("lower")
    upper = screen.pid_of("upper")
    screen.process.kill()
    assert eventually(lambda: not alive(upper))


def test_a_child_that_keeps_dying_is_started_ever_more_slowly() -> None:
    said = io.StringIO()
    watcher = Supervisor(Log(said))
    watcher.add(Child("brief", 1, [sys.executable, "-c", "raise SystemExit(3)"]))
    watcher.wait(lambda: said.getvalue().count("ended with status 3") == 3, 20)
    watcher.stop()
    pauses = [line.rsplit(" in ", 1)[1] for line in said.getvalue().splitlines() if "starting it again" in line]
    assert pauses == ["0.2 s", "1 s", "2 s"]


def test_a_second_start_on_the_same_data_is_refused_by_name(tmp_path: Path) -> None:
    refused = pytest.raises(supervisor.Refused, match=f"process {os.getpid()} is running")
    with supervisor.only_one(tmp_path), refused, supervisor.only_one(tmp_path):
        pass
    with supervisor.only_one(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_taken_port_is_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        settings = Settings.from_env({"KOPPELPOORT_HOME": str(tmp_path), "PORT": str(taken)})
        watcher = Supervisor(Log(io.StringIO()))
        monkeypatch.setattr(watcher, "wait", lambda done, seconds: done())
        with pytest.raises(supervisor.Refused, match=f"make run PORT={taken + 1}"):
            supervisor.require_ports(watcher, settings)


def test_reset_forgets_the_data_and_keeps_the_secrets(tmp_path: Path) -> None:
    settings = Settings.from_env({"KOPPELPOORT_HOME": str(tmp_path)})
    (tmp_path / "sandbox-exact").mkdir()
    (tmp_path / "sandbox-exact" / "ledger").write_text("entries")
    (tmp_path / supervisor.LOGINS).write_text("anna")
    assert supervisor.reset(settings) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "secrets"}


def test_reset_leaves_servers_elsewhere_alone(tmp_path: Path) -> None:
    settings = Settings.from_env({"KOPPELPOORT_HOME": str(tmp_path), "DATABASE_URL": "postgresql://db.example/kp"})
    with pytest.raises(supervisor.Refused, match="not mine to delete"):
        supervisor.reset(settings)


def test_the_log_names_each_process_and_is_plain_when_it_is_no_terminal() -> None:
    said = io.StringIO()
    Log(said).line("web", "200 GET /")
    assert said.getvalue() == "web        | 200 GET /\n"


def test_the_access_log_leaves_out_the_query_where_one_time_codes_are() -> None:
    assert "%(U)s" in serving.access_log_format
    assert not {"%(r)s", "%(q)s", "%(f)s"} & set(serving.access_log_format.split())


def test_only_what_is_embedded_is_started_here(tmp_path: Path) -> None:
    here = {"KOPPELPOORT_HOME": str(tmp_path)}
    elsewhere = here | {"DATABASE_URL": "postgresql://db.example/kp", "REDIS_URL": "redis://redis.example/0"}
    assert [service.name for service in supervisor.services(Settings.from_env(here))] == ["postgres", "valkey"]
    assert supervisor.services(Settings.from_env(elsewhere)) == []
