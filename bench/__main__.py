"""Run the modules of this package that have `rows(quick)` and print one table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pkgutil import iter_modules

import bench
from bench.table import Row, measured, print_table


def modules() -> dict[str, str]:
    """Short name → module, for every module here that measures something."""
    names = (info.name for info in iter_modules(bench.__path__) if not info.ispkg)
    return {name: f"bench.{name}" for name in names if name not in ("__main__", "table")}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and compare with the goals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(modules())}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data: for a look, not for the record")
    options = parser.parse_args()
    unknown = set(options.names) - modules().keys()
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    return 1 if print_table(_rows(options.names or list(modules()), quick=options.quick), sys.stdout) else 0


def _rows(names: list[str], *, quick: bool) -> Iterator[Row]:
    for name in names:
        yield from measured(modules()[name], quick)


if __name__ == "__main__":
    sys.exit(main())
