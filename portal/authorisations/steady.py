"""A clock that nobody can set: seconds since this machine started, sleep included.

The wall clock may jump by an hour; a token's age then looks wrong and a refresh would be
asked too early. Processes on one machine share this clock, so a pair of tokens remembers
both: the wall time, and the tick together with the machine (in fact: the boot) it counts on.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@cache
def machine() -> str:
    """Which steady clock this is; "" where there is none that other processes share."""
    try:
        return _BOOT.read_text().strip() if hasattr(time, "CLOCK_BOOTTIME") else ""
    except OSError:
        return ""


def tick() -> float:
    """Seconds on the clock of `machine()`."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if machine() else 0.0
