"""A small trial with real processes; `portal chaos` plays the large one."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from portal.chaos.count import without_undone
from portal.chaos.stands import Booked

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


def booked(reference: str, moved: str) -> Booked:
    return Booked("2024-03-05", reference, frozenset((reference,)), Decimal(moved))


def test_what_was_undone_falls_out_of_the_count() -> None:
    first, second, again = booked("KP-A", "12.50"), booked("KP-B", "-12.50"), booked("KP-C", "12.50")
    assert without_undone([first, second, again], [("KP-A", "KP-B")]) == ([again], [])


@pytest.mark.parametrize("there", [[booked("KP-A", "12.50")], [booked("KP-A", "12.50"), booked("KP-B", "12.50")]])
def test_an_undoing_that_does_not_cancel_is_told(there: list[Booked]) -> None:
    left, wrong = without_undone(there, [("KP-A", "KP-B")])
    assert (left, len(wrong)) == ([], 1)
