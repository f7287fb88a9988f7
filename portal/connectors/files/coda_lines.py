"""The records of a CODA file: numbered lines of 128 characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from portal.connectors.errors import Refused
from portal.connectors.files.limits import BoundedReader, ReadLimits

_WIDTH = 128
_CHUNK = 256 << 10
_C1 = bytes(range(0x80, 0xA0))
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
        text, encoding = _decoded((rest + head).removesuffix(b"\r"), encoding)
        lines = text.split("\r\n" if "\r\n" in text else "\n")
        # Mixed line ends show in the widths.
        yield lines if set(map(len, lines)) == {_WIDTH} else text.replace("\r", "").split("\n")
        rest = tail
    text, _ = _decoded(rest.removesuffix(b"\r"), encoding)
    yield [text]


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
    return text, encoding


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
