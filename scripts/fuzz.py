"""Read damaged files by the hundred thousand: `make fuzz`, or `make fuzz FUZZ_INPUTS=5000`.

Whatever a file holds, it is read or refused with words, within two seconds and half a GiB.
A worker for each format and processor; what fails is kept in var/fuzz, with the line that
shows it again. Non-zero when anything failed.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tests.connectors.files.fuzzing import SEEDS, attempt, damaged

KEPT = Path(__file__).resolve().parents[1] / "var" / "fuzz"
MEMORY = 512 << 20  # bytes of address space
SECONDS = 2.0  # of processor time for one input
HANG = 20  # seconds of processor time after which a worker is stopped
SLICE = 2_000  # inputs a worker takes at a time
SHOWN = 20  # failures told of


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description="Read damaged files.")
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"only these: {', '.join(SEEDS)}")
    parser.add_argument("--inputs", type=int, default=200_000, help="a format (200,000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first one (0)")
    options = parser.parse_args()
    if unknown := set(options.formats) - SEEDS.keys():
        parser.error(f"no such format: {', '.join(sorted(unknown))}")
    logging.disable()  # the reader of PDF tells of each damage it gets over
    failures = 0
    for name in options.formats or SEEDS:
        failures += _fuzz(name, options.first, options.inputs)
    return 1 if failures else 0


def _fuzz(name: str, first: int, inputs: int) -> int:
    """Try `inputs` files of a format; the number that failed."""
    began = time.monotonic()
    codes: Counter[str] = Counter()
    failed: list[tuple[int, str]] = []
    slices = [(name, start, min(start + SLICE, first + inputs)) for start in range(first, first + inputs, SLICE)]
    slowest = 0.0
    # Forked from a process that has everything loaded, so that a worker that dies costs nothing.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("fork"), _limit) as pool:
        tries: dict[Future[_Tried], tuple[str, int, int]] = {pool.submit(_try, *part): part for part in slices}
        for done in as_completed(tries):
            try:
                more, wrong, worst = done.result()
            except BrokenProcessPool:
                failed.append((tries[done][1], "a worker died in the slice that begins here: a hang, or no memory"))
                continue
            codes.update(more)
            failed.extend(wrong)
            slowest = max(slowest, worst)
    seconds = time.monotonic() - began
    refused = sum(codes.values()) - codes[""]
    print(
        f"{name}: {inputs} inputs, {codes['']} read, {refused} refused in {len(codes) - 1} ways, "
        f"{len(failed)} failed, slowest {slowest:.2f} s, {seconds:.0f} s in all",
        flush=True,
    )
    alike: dict[str, int] = {}  # the first of the failures that look the same
    for number, why in sorted(failed):
        alike.setdefault(why, number)
    for why, number in list(alike.items())[:SHOWN]:
        _keep(name, number, why)
    return len(failed)


_Tried = tuple[Counter[str], list[tuple[int, str]], float]


def _try(name: str, start: int, end: int) -> _Tried:
    """Codes counted, what failed, and the seconds of the slowest."""
    codes: Counter[str] = Counter()
    failed: list[tuple[int, str]] = []
    worst = 0.0
    for number in range(start, end):
        began = time.process_time()
        # Counts from here. A limit on all time so far would drift: the kernel's ticks are not this clock.
        signal.setitimer(signal.ITIMER_PROF, HANG)
        try:
            codes[attempt(name, number)] += 1
        except Exception:
            failed.append((number, traceback.format_exc()))
        spent = time.process_time() - began
        worst = max(worst, spent)
        if spent > SECONDS:
            failed.append((number, "took more than two seconds"))
    signal.setitimer(signal.ITIMER_PROF, 0)
    return codes, failed, worst


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _keep(name: str, number: int, why: str) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}-{number}").write_bytes(damaged(name, number))
    print(f"\n{name} {number}: python -m scripts.fuzz {name} --first {number} --inputs 1\n{why}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
