"""The lines of a text, whatever its encoding and line ends.

UTF-8 and UTF-16 by their marks; without one UTF-8 until that fails, then cp1252 (which holds
ISO-8859-1 as banks use it). Lines keep their ends: a quoted cell may hold some.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import Any

from portal.connectors.errors import Refused
from portal.connectors.files.limits import BoundedReader, ReadLimits

_CHUNK = 64 << 10
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def lines_of(reader: BoundedReader, limits: ReadLimits) -> Iterator[str]:
    """Raises Refused: "file.binary", "file.line_too_long", and what `reader` raises."""
    return io.TextIOWrapper(io.BufferedReader(_Utf8(reader, limits), _CHUNK), "utf-8", newline="")


def head_lines(head: bytes) -> list[str]:
    """The complete lines of the first bytes of a file; the last one may be cut when there is no other."""
    encoding, start = _encoding(head)
    text = head[start:].decode(encoding or "utf-8", "ignore" if encoding else "surrogateescape")
    if not encoding and any("\udc80" <= character <= "\udcff" for character in text[:-4]):
        text = head.decode("cp1252", "replace")
    lines = list(io.StringIO(text, newline=""))
    return lines[:-1] if len(lines) > 1 and not lines[-1].endswith(("\r", "\n")) else lines


def _encoding(head: bytes) -> tuple[str, int]:
    """What the marks or the zeros at the start tell, "" when nothing, and how long the mark is."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    if len(head) >= 4 and head[0] and not head[1] and head[2] and not head[3]:
        return "utf-16-le", 0
    if len(head) >= 4 and not head[0] and head[1] and not head[2] and head[3]:
        return "utf-16-be", 0
    return "", 0


class _Utf8(io.RawIOBase):
    """The file as UTF-8 bytes, made chunk by chunk."""

    def __init__(self, reader: BoundedReader, limits: ReadLimits) -> None:
        self._reader = reader
        self._longest = limits.line
        head = reader.peek()
        encoding, self._mark = _encoding(head)
        self._wide = codecs.getincrementaldecoder(encoding)("replace") if encoding.startswith("utf-16") else None
        self._eight_bit = False
        self._rest = b""  # of a character that a chunk cut in two
        self._ready = b""
        self._line = 0  # bytes since the last line end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            data = self._reader.read(_CHUNK)
            if not data and not self._rest:
                return 0
            self._ready = self._checked(self._converted(data))
            if not data:
                break
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _converted(self, data: bytes) -> bytes:
        ended = not data
        if self._mark:
            data, self._mark = data[self._mark :], 0
        if self._wide is not None:
            return self._wide.decode(data, ended).encode("utf-8", "replace")
        if not self._eight_bit:
            whole = self._rest + data
            self._rest = b""
            try:
                whole.decode()
                return whole
            except UnicodeDecodeError as problem:
                if not ended and problem.reason == "unexpected end of data" and len(whole) - problem.start < 4:
                    self._rest = whole[problem.start :]
                    return whole[: problem.start]
                data, self._eight_bit = whole, True
        return data.decode("cp1252", "replace").encode()

    def _checked(self, data: bytes) -> bytes:
        if b"\0" in data:
            raise Refused("file.binary")
        last = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._line = len(data) - last - 1 if last >= 0 else self._line + len(data)
        if self._line > self._longest:
            raise Refused("file.line_too_long", limit=str(self._longest))
        return data
