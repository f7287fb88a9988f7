"""`portal chaos`: book while processes die and the network fails, then count both sides.

Everything is real: PostgreSQL and Valkey of their own, workers and scheduler as separate
processes, the sandbox provider as another. What is killed dies by SIGKILL. The seed decides
the statements, the faults and the order of the kills; when each falls depends on the machine.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from portal.chaos import count
from portal.chaos.stands import BOOKS
from portal.chaos.trial import Trial

APPS = tuple(BOOKS)
DOSSIERS = 40
LOGINS = 4


def run(*, kills: int, entries: int, seed: int, apps: Sequence[str] = ("exact",), limit: float = 3600) -> int:
    """Print what happened; 0 when nothing was lost or doubled, 1 otherwise. `limit` in seconds."""
    home = Path(tempfile.mkdtemp(prefix="koppelpoort-chaos-"))
    home.chmod(0o755)  # the database server runs as a user of its own
    started = time.monotonic()
    trial = Trial(
        home, kills=kills, entries=entries, seed=seed, dossiers=max(len(apps), min(DOSSIERS, entries // 10)),
        logins=LOGINS, apps=apps,
    )  # fmt: skip
    kept = True
    try:
        trial.prepare()
        print(
            f"{entries} entries for {trial.dossiers} dossiers in {', '.join(apps)}, {kills} kills, seed {seed}",
            flush=True,
        )
        drained = trial.play(limit)
        tally = count.both_sides(trial.stage)
        print(trial.story())
        for line in tally.told():
            print(line)
        print(f"took {time.monotonic() - started:.0f} s" + ("" if drained else f"; not drained within {limit:.0f} s"))
        print(f"lost={tally.lost} duplicate={tally.duplicate}", flush=True)
        kept = bool(tally.lost or tally.duplicate or tally.wrong or not drained)
        return int(kept)
    finally:
        trial.stop()
        if kept:
            print(f"the logs are kept in {home / 'logs'}")
        else:
            shutil.rmtree(home, ignore_errors=True)
