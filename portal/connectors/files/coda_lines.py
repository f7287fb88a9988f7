"""The records of a CODA file: numbered lines of 128 characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from portal.connectors.errors import Refused
from portal.connectors.files.limits import BoundedReader, ReadLimits

_WIDTH = 128
_CHUNK = 256 << 10
_FREE = ("22", "23", "31", "32", "33", "4 ")  # records that may be cut: they end in text or flags
_TAILS = {"21": 13, "12": 3, "13": 3}  # what stands after the text, when a bank counted UTF-8 in bytes
_KNOWN = ("0", "1", "21", "22", "23", "31", "32", "33", "4", "8", "9")


class Lines:
    """The records as (1-based line number, exactly 128 characters); empty lines are left out.

    `records` and iterating share one position. A record handed to `back` comes again to
    whoever iterates, not from `records`: the two ways serve file and statement.
    """

    def __init__(self, reader: BoundedReader, limits: ReadLimits) -> None:
        self.records: Iterator[tuple[int, str]] = chain.from_iterable(_numbered(reader, limits))
        self._again: tuple[int, str] | None = None

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for record in self.records:
            yield record
            while (again := self._again) is not None:
                self._again = None
                yield again

    def back(self, number: int, line: str) -> None:
        self._again = (number, line)


def _numbered(reader: BoundedReader, limits: ReadLimits) -> Iterator[Iterable[tuple[int, str]]]:
    number = 1
    for lines in _chunks(reader, limits):
        numbered = enumerate(lines, number)
        yield numbered if set(map(len, lines)) == {_WIDTH} else _fitted(numbered)
        number += len(lines)


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
        lines, encoding = _decoded(rest + head, encoding)
        yield lines
        rest = tail
    lines, _ = _decoded(rest, encoding)
    yield lines


def _decoded(block: bytes, encoding: str) -> tuple[list[str], str]:
    """The lines of a block, and the encoding to try first on the next."""
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError:
        encoding = "latin-1"
        text = block.decode(encoding)
    if "\0" in text:
        raise Refused("coda.binary")
    text = text.removesuffix("\r")
    lines = text.split("\r\n" if "\r\n" in text else "\n")
    if set(map(len, lines)) != {_WIDTH}:  # mixed line ends show in the widths
        lines = text.replace("\r", "").split("\n")
    if encoding == "latin-1":
        # Decoding all as Latin-1 and the few lines with accents again is four times faster.
        lines = [line if line.isascii() else _cp1252(line) for line in lines]
    return lines, encoding


def _cp1252(line: str) -> str:
    return line.encode("latin-1").decode("cp1252", "replace")


def _fitted(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines of other than 128 characters made to fit where that is safe."""
    for number, line in lines:
        if len(line) != _WIDTH:
            if len(line) < _WIDTH == len(line.encode()) and line[:2] in _TAILS:
                tail = _TAILS[line[:2]]
                line = line[:-tail].ljust(_WIDTH - tail) + line[-tail:]
            line = line.lstrip("\ufeff").rstrip(" \x1a")
            if len(line) > _WIDTH and line[:2] not in _FREE:
                raise Refused("coda.width", line=number, length=str(len(line)))
            line = line[:_WIDTH].ljust(_WIDTH) if line else ""
        if line:
            yield number, line


def misplaced(number: int, line: str) -> Refused:
    """A record that CODA does not know, or not here."""
    kind = line[:2] if line[0] in "23" else line[0]
    code = "coda.order" if kind in _KNOWN else "coda.record"
    return Refused(code, line=number, record=kind if code == "coda.order" else line[:10].strip())
