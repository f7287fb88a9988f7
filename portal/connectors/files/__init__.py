"""Statement files: which format a file has, by its content, and its statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from portal.connectors.errors import Refused
from portal.connectors.files import camt, coda, csv_bank, mt940, ofx, qif
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.limits import UPLOAD, BoundedReader, Readable, ReadLimits
from portal.connectors.statement import Statement


class Parser(Protocol):
    """A module of this package. Raises `errors.Refused`, and nothing else, on bad input."""

    FORMAT: str

    def identify(self, head: bytes) -> bool:
        """True when the first 4 KiB look like this format, whatever the file is called."""
        ...

    def parse(
        self, stream: Readable, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED
    ) -> Iterator[Statement]: ...


FORMATS: tuple[Parser, ...] = (camt, coda, mt940, ofx, qif, csv_bank)


def identify(head: bytes) -> Parser | None:
    """The parser for a file whose first 4 KiB are `head`; the file's name does not matter."""
    return next((parser for parser in FORMATS if parser.identify(head)), None)


def open_statements(
    stream: Readable, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED
) -> tuple[str, Iterator[Statement]]:
    """The format key and the statements of a file, read lazily from `stream`.

    Raises Refused ("file.empty", "file.unknown_format") at once; everything else that is wrong
    is raised while the statements and their lines are read: store nothing before the end. Some
    refusals are questions ("qif.date_order", "camt.reversal_sign"): read the file again with
    the answer to it.
    """
    reader = BoundedReader(stream, limits)
    head = reader.peek()
    if not head.strip():
        raise Refused("file.empty")
    parser = identify(head)
    if parser is None:
        raise Refused("file.unknown_format")
    return parser.FORMAT, parser.parse(reader, limits, answers)
