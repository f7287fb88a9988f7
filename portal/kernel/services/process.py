"""Starting a server as a child that cannot outlive us and, when we are root, is not root."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
ELSEWHERE = Path("/var/lib/koppelpoort")
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ServiceError(Exception):
    """A service did not start. The text says which one, why and where its log is."""


@dataclass(frozen=True)
class Account:
    """The unprivileged user a service runs as, when we are root."""

    name: str
    uid: int
    gid: int


def die_with_parent(signal_number: int, parent: int | None = None) -> None:
    """Ask Linux to send us `signal_number` when the *thread* that started us ends; elsewhere do nothing."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def account(existing: Path | None = None) -> Account | None:
    """Who a service runs as: None when we are no root, else the owner of `existing` or a fitting system user."""
    if os.geteuid() != 0:
        return None
    if existing is not None and existing.exists() and (owner := existing.stat().st_uid) != 0:
        entry = pwd.getpwuid(owner)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("koppelpoort", "postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise ServiceError("started as root, but there is no user koppelpoort, postgres or nobody to run the servers as")


def reachable(path: Path) -> bool:
    """Whether any user may walk into `path`: every folder above it is executable for others."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents if folder.exists())


def place(folder: Path, *, durable: bool) -> Path:
    """Where the files of a service can live: in `folder`, or elsewhere when its user cannot get there.

    Below a home closed to others (as /root is) a server that is not root cannot open its
    files, so then they go to a folder of ours named by a digest of `folder`, or to a
    temporary one when they need not last.
    """
    if os.geteuid() != 0 or reachable(folder / "x"):
        return folder
    noted = folder / "elsewhere"
    if noted.exists() and (elsewhere := Path(noted.read_text().strip())).is_dir():
        return elsewhere
    if durable:
        elsewhere = ELSEWHERE / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
        elsewhere.mkdir(parents=True, exist_ok=True)
        ELSEWHERE.chmod(0o755)
    else:
        elsewhere = Path(tempfile.mkdtemp(prefix="koppelpoort-"))
    elsewhere.chmod(0o755)
    noted.write_text(f"{elsewhere}\n")
    return elsewhere


def private_folder(path: Path, who: Account | None) -> Path:
    """`path`, made 0700 and owned by the user of the service."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if who is not None:
        os.chown(path, who.uid, who.gid)
    return path


def staged(package: Path, beside: Sequence[Path], into: Path, stamp: str) -> Path:
    """`package` itself when every user can reach it, else a copy of it and of `beside` in `into`."""
    if os.geteuid() != 0 or reachable(package / "x"):
        return package
    home = into / f"programs-{stamp}"
    target = home / package.name
    if not target.exists():
        shutil.rmtree(home, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=".programs-", dir=into))
        for source in (package, *beside):
            shutil.copytree(source, draft / source.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        draft.chmod(0o755)
        draft.rename(home)
    return target


def spawn(
    command: Sequence[str],
    *,
    who: Account | None,
    folder: Path,
    log: Path,
    on_parent_death: int,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, output appended to `log`.

    Call it from a thread that lives as long as the service should: on Linux the service is
    sent `on_parent_death` when the calling thread ends.
    """
    parent = os.getpid()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=who.uid if who else None,
            group=who.gid if who else None,
            extra_groups=[] if who else None,
            env=dict(environment or {}) | {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            preexec_fn=lambda: die_with_parent(on_parent_death, parent),
        )
    if process.stdin is not None:
        process.stdin.write(stdin or b"")
        process.stdin.close()
    return process


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float) -> bool:
    """True once `ready()`; False when the process ended or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if ready():
            return True
        time.sleep(0.02)
    return False


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, for an error text."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"


@dataclass
class Running:
    """A service that answers. `url` holds its password: never print it."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    stop_signal: int
    log: Path
    discard: Sequence[Path] = field(default_factory=tuple)

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self, seconds: float = 20) -> None:
        """Ask it to stop, wait, and kill it when it does not. Safe to call twice."""
        if self.alive():
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for path in self.discard:
            shutil.rmtree(path, ignore_errors=True)
