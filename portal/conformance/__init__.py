"""`portal conformance KEY`: does a server behave as the product relies on?

Rows are tried in order against a real server, each with a result in one line. Rows that book
something run only with the option `write=yes`.
"""

from __future__ import annotations

from portal.conformance.options import BadOption, Open, signed
from portal.conformance.rows import ROWS, Row, Skipped, Unmet, printed, run, tried, try_all

__all__ = [
    "ROWS", "BadOption", "Open", "Row", "Skipped", "Unmet", "printed", "run", "signed", "tried", "try_all",
]  # fmt: skip
