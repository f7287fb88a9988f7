"""How much of a file is read before it is refused, and the reader that counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from portal.connectors.errors import Refused

HEAD = 4096  # bytes shown to `identify`


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Sizes in bytes; `entries` and `details` are counts. None: unlimited."""

    bytes: int | None = 20 << 20
    entries: int | None = 200_000
    line: int = 1 << 20  # longest line of a text file
    element: int = 512 << 10  # longest stretch of XML between two entries or two details
    details: int = 10_000  # kept per entry; more are counted, warned about and left out
    width: int = 100_000  # details of one entry, kept or not


UPLOAD = ReadLimits()
LOCAL = ReadLimits(bytes=1 << 30, entries=None)


class BoundedReader:
    """Reads a binary stream once, forwards, and refuses it beyond `limits.bytes`."""

    def __init__(self, stream: Readable, limits: ReadLimits) -> None:
        self._stream = stream
        self._held = b""
        self._limit = limits.bytes
        self._count = 0

    def peek(self, size: int = HEAD) -> bytes:
        """The first bytes, without consuming them. Fewer than `size` only at the end."""
        while len(self._held) < size:
            more = self._stream.read(size - len(self._held))
            if not more:
                break
            self._held += more
        return self._held

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, b"" at the end. Raises Refused("file.too_large")."""
        if self._held:
            data, self._held = self._held, b""
        else:
            data = self._stream.read(size)
        self._count += len(data)
        if self._limit is not None and self._count > self._limit:
            raise Refused("file.too_large", limit=f"{self._limit / (1 << 20):g} MiB")
        return data
