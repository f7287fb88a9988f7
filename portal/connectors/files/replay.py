"""Readers around a file: one that makes UTF-8 of UTF-16, one that can go back to the beginning."""

from __future__ import annotations

import codecs
from tempfile import SpooledTemporaryFile

from portal.connectors.files.limits import BoundedReader, Readable

_IN_MEMORY = 2 << 20  # bytes of a replay; more wait on disk


class _Utf8:
    """Transcodes UTF-16 while it is read."""

    def __init__(self, reader: Readable) -> None:
        self._reader = reader
        self._decoder = codecs.getincrementaldecoder("utf-16")("replace")

    def read(self, size: int, /) -> bytes:
        while data := self._reader.read(size):
            if text := self._decoder.decode(data):
                return text.encode("utf-8", "replace")
        return b""


def utf8(reader: BoundedReader) -> Readable:
    """`reader` itself, or one that turns UTF-16, known by its mark, into UTF-8."""
    return _Utf8(reader) if reader.peek()[:2] in (b"\xff\xfe", b"\xfe\xff") else reader


class Replay:
    """Keeps what is read until `rewind`, after which it is read again and the rest follows."""

    def __init__(self, reader: Readable) -> None:
        self._reader = reader
        self._kept = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (closed when it has been read again)
        self._again = False

    def __del__(self) -> None:
        self._kept.close()  # a refusal leaves it half read

    def read(self, size: int, /) -> bytes:
        if self._again:
            if not self._kept.closed:
                if data := self._kept.read(size):
                    return data
                self._kept.close()
            return self._reader.read(size)
        data = self._reader.read(size)
        self._kept.write(data)
        return data

    def rewind(self) -> None:
        """May be called once."""
        self._kept.seek(0)
        self._again = True
