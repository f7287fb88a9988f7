"""A worker as a process: it works, it forks with everything loaded, and it leaves no orphan behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from portal.authorisations.spool import Label
from portal.kernel.services import Running, start_valkey
from tests.conftest import Urls

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def doorbell(tmp_path: Path) -> Iterator[Running]:
    """A Valkey of this test's own, so that no other worker takes its jobs."""
    running = start_valkey(tmp_path / "valkey", durable=False)
    yield running
    running.stop()


@pytest.fixture
def worker(doorbell: Running, database_urls: Urls, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "KOPPELPOORT_HOME": str(tmp_path / "home"),
        "DATABASE_URL": database_urls.app,
        "REDIS_URL": doorbell.url,
    }
    command = [sys.executable, "worker.py", "work", "--queue", "sync"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process
        process.kill()


def ring(doorbell: Running, path: str, *arguments: object) -> None:
    with redis.Redis.from_url(doorbell.url) as connection:
        Queue("sync", connection=connection, serializer=JSONSerializer).enqueue(path, *arguments, job_timeout=60)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def eventually(holds: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_a_rung_job_is_done(worker: subprocess.Popen[str], doorbell: Running, tmp_path: Path) -> None:
    ring(doorbell, "os.mkdir", str(tmp_path / "done"))
    assert eventually((tmp_path / "done").exists)
    worker.send_signal(signal.SIGTERM)
    said = worker.communicate(timeout=30)[0]
    assert worker.returncode == 0
    assert [line for line in said.splitlines() if "job.done" in line and "os.mkdir" in line]
    assert "rq.worker" not in said


def test_what_a_crash_left_on_the_disk_is_looked_at_before_the_first_job(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """An answer for a log-in that is gone: nobody rings, and the worker that starts throws it away."""
    left = tmp_path / "home" / "spool" / str(Label(uuid.uuid4(), uuid.uuid4(), 1, uuid.uuid4()))
    left.parent.mkdir(parents=True)
    left.write_bytes(b"\0\0")
    request.getfixturevalue("worker")
    assert eventually(lambda: not left.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_job_ends_with_its_worker(worker: subprocess.Popen[str], doorbell: Running) -> None:
    ring(doorbell, "time.sleep", 50)
    assert eventually(lambda: children(worker.pid) != [])
    (job,) = children(worker.pid)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    assert eventually(lambda: not Path(f"/proc/{job}").exists(), 5)


def test_an_unknown_queue_is_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "worker.py", "work", "--queue", "nowhere"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "nowhere" in done.stderr
