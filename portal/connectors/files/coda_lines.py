"""The records of a CODA file: numbered lines of 128 characters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from portal.connectors.errors import Refused
from portal.connectors.files.limits import BoundedReader, ReadLimits

_WIDTH = 128
_CHUNK = 256 << 10
_C1 = bytes(range(0x80, 0xA0))
_FREE = ("22", "23", "31", "32", "33", "4 ")  # records that may be cut: they end in text or flags
_KNOWN = ("0", "1", "21", "22", "23", "31", "32", "33", "4", "8", "9")


class Lines:
    """Iterates (1-based line number, record of exactly 128 characters); empty lines are skipped.

    All iterations share one position. A record handed to `back` comes again, to whoever has
    already begun to iterate.
    """

    def __init__(self, reader: BoundedReader, limits: ReadLimits) -> None:
        self._lines = enumerate(chain.from_iterable(_chunks(reader, limits)), 1)
        self._again: tuple[int, str] | None = None
        self.skipped = 0  # empty lines so far

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for record in self._lines:
            if len(record[1]) != _WIDTH:
                line = _fitted(*record)
                if not line:
                    self.skipped += 1
                    continue
                record = (record[0], line)
            yield record
            while (again := self._again) is not None:
                self._again = None
                yield again

    def back(self, number: int, line: str) -> None:
        self._again = (number, line)


def _chunks(reader: BoundedReader, limits: ReadLimits) -> Iterator[list[str]]:
    """Lines without their ends. The standard names no encoding: UTF-8 until that fails, then cp1252."""
    encoding, rest = "utf-8", b""
    while data := reader.read(_CHUNK):
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            rest += data
            if len(rest) > limits.line:
                raise Refused("coda.line_too_long", limit=str(limits.line))
            continue
        text, encoding = _decoded(rest + head, encoding)
        yield text.split("\n")
        rest = tail
    yield [_decoded(rest, encoding)[0]]


def _decoded(block: bytes, encoding: str) -> tuple[str, str]:
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError:
        encoding = "ascii"  # from here on: UTF-8 is not tried again
        # cp1252 and Latin-1 differ in 0x80–0x9F only, and Latin-1 decodes several times faster.
        plain = len(block.translate(None, _C1)) == len(block)
        text = block.decode("latin-1") if plain else block.decode("cp1252", "replace")
    if "\0" in text:
        raise Refused("coda.binary")
    return text.replace("\r", ""), encoding


def _fitted(number: int, line: str) -> str:
    """A line of other than 128 characters made to fit where that is safe; "" for an empty one."""
    line = line.lstrip("\ufeff").rstrip(" \x1a")
    if len(line) > _WIDTH:
        if line[:2] not in _FREE:
            raise Refused("coda.width", line=number, length=str(len(line)))
        return line[:_WIDTH]
    return line.ljust(_WIDTH) if line else ""


def misplaced(number: int, line: str) -> Refused:
    """A record that CODA does not know, or not here."""
    kind = line[:2] if line[0] in "23" else line[0]
    code = "coda.order" if kind in _KNOWN else "coda.record"
    return Refused(code, line=number, record=kind if code == "coda.order" else line[:10].strip())
