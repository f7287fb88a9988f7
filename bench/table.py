"""What every measurement returns, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement against a reference in the same run.

    `ours` and `reference` are shown as they are. `ratio` > 1 means better than the reference;
    the goal is reached when `ratio` ≥ `goal`.
    """

    work: str
    ours: str
    reference: str
    ratio: float
    goal: float

    @property
    def reached(self) -> bool:
        return self.ratio >= self.goal


def measured(module: str, quick: bool) -> Iterator[Row]:
    """What a module measures, in a process of its own: what one leaves in memory is not walked through by the next."""
    processes = get_context("spawn")
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=_measure, args=(module, quick, theirs))
    process.start()
    theirs.close()
    try:
        while (row := ours.recv()) is not None:
            yield row
    except EOFError:
        raise RuntimeError(f"{module} failed") from None
    finally:
        process.join()


def _measure(module: str, quick: bool, out: Connection) -> None:
    rows = getattr(import_module(module), "rows", None)
    for row in rows(quick) if rows else ():
        out.send(row)
    out.send(None)


def print_table(rows: Iterable[Row], out: TextIO) -> int:
    """Write the table, a row as soon as it is measured; the number of rows below their goal."""
    widths = (44, 20, 34, 7, 7)
    below = 0

    def line(*cells: str) -> None:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        out.write(f"{'  '.join(padded).rstrip()}\n")
        out.flush()

    line("work", "ours", "reference", "ratio", "goal")
    for row in rows:
        mark = "" if row.reached else " <"
        line(row.work, row.ours, row.reference, f"{row.ratio:.2f}{mark}", f"{row.goal:g}")
        below += not row.reached
    out.write(f"below goal: {below}\n")
    return below
