"""CODA bank statements, version 2 (Febelfin CODA standard 2.6), read line by line.

A file is one or more runs of records 0 … 9, each with statements 1 … 8. A movement is booked
once, from its record 21 with detail number 0000; the records with other detail numbers are its
split and become details. Refused when it does not add up: old balance + movements = new
balance, and record 9's count of records and totals of debits and credits.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from portal.connectors.errors import Refused
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.coda_lines import Lines, misplaced
from portal.connectors.files.coda_statement import StatementReader, Totals
from portal.connectors.files.coda_values import Dates, decimal, milli
from portal.connectors.files.limits import UPLOAD, BoundedReader, Readable, ReadLimits
from portal.connectors.statement import Statement

FORMAT = "coda"

_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*0[0 ]{4}\d{6}.{3}(?:05|\d\d[^\n]{90,120}\n1[0-3])")


def identify(head: bytes) -> bool:
    """True for a header record with application code 05, or another code before a record 1."""
    return bool(_HEAD.match(head))


def parse(stream: Readable, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED) -> Iterator[Statement]:
    """The statements of a file, each with its lines as an iterator to be read before the next.

    Refused codes: "coda.*" in `refusals.py`, "file.too_large", "file.too_many_entries".
    """
    lines = Lines(BoundedReader(stream, limits), limits)
    totals, dates = Totals(), Dates()
    header = ""
    runs = 0
    for number, line in lines:
        kind = line[0]
        if kind == "0" and not header:
            # Version 1 has other fields; other characters here are careless writers.
            if line[127] == "1":
                raise Refused("coda.version", line=number, version="1")
            header = line
            runs += 1
            totals.restart()
        elif kind == "1" and header:
            statement = StatementReader(FORMAT, lines, limits, totals, dates).begin(number, line, header)
            yield statement
            deque(statement.lines, maxlen=0)
        elif kind == "9" and header:
            _check(number, line, totals)
            header = ""
        else:
            raise misplaced(number, line)
    if header or not runs:
        raise Refused("coda.truncated")


def _check(number: int, line: str, totals: Totals) -> None:
    """Compare record 9 with what was read."""
    said = line[16:22].strip()
    # The standard does not count free messages (record 4); some banks do.
    counts = (totals.records, totals.records + totals.messages)
    if not (said.isascii() and said.isdigit()) or int(said) not in counts:
        raise Refused("coda.count", line=number, expected=said, found=str(counts[0]))
    for code, text, found in (
        ("coda.debit", line[22:37], totals.debit),
        ("coda.credit", line[37:52], totals.credit),
    ):
        expected = milli(text, number)
        if expected != found:
            raise Refused(code, line=number, expected=str(decimal(expected)), found=str(decimal(found)))
