"""A small trial with real processes; `portal chaos` plays the large one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_killed_processes_lose_and_double_nothing() -> None:
    command = [sys.executable, "-m", "portal.cli", "chaos", "--kills", "6", "--entries", "40", "--seed", "3"]
    played = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=900)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "lost=0 duplicate=0" in played.stdout
    told = re.search(r"killed with -9: (\d+)", played.stdout)
    assert told is not None
    assert int(told[1]) >= 6
