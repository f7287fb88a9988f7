"""CPU of one job in a real worker: the fork, a fresh database connection, one look for due postings.

The worker imports the whole application before its first fork. Its own start is measured with
an empty queue and taken off.
"""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.table import Row
from portal.chaos.stage import Stage
from portal.jobs import sync as _jobs  # noqa: F401  (a bell is rung by the name of a declared job)
from portal.kernel import queue
from portal.supervisor import ROOT

ALLOWED_MS = 20.0


def rows(quick: bool = False) -> Iterator[Row]:
    jobs = 50 if quick else 200
    home = Path(tempfile.mkdtemp(prefix="koppelpoort-bench-"))
    home.chmod(0o755)
    (home / "logs").mkdir()
    stage = Stage(home, random.Random(1))
    try:
        stage.start()
        idle = _burst(stage)
        queue.ring_now([("sync.drain", ())] * jobs)
        spent = (_burst(stage) - idle) / jobs * 1000
        yield Row(
            "a job, the app preloaded", f"{spent:.1f} ms CPU", f"{ALLOWED_MS:.0f} ms allowed", ALLOWED_MS / spent, 1.0
        )
    finally:
        stage.stop()
        shutil.rmtree(home, ignore_errors=True)


def _burst(stage: Stage) -> float:
    """CPU seconds of a worker that empties its queue and ends, with all its children."""
    before = _children()
    command = [sys.executable, "worker.py", "work", "--queue", "post", "--burst"]
    subprocess.run(command, cwd=ROOT, env=stage.environment, check=True, capture_output=True)
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
