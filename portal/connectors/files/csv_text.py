"""The lines of a text, whatever its encoding and line ends.

UTF-8 and UTF-16 by their marks; without one UTF-8 until that fails, then cp1252 (which holds
ISO-8859-1 as banks use it).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import BytesIO

from portal.connectors.errors import Refused
from portal.connectors.files.limits import UPLOAD, BoundedReader, ReadLimits

_CHUNK = 64 << 10
_CONTROLS = bytes(range(0x80, 0xA0))  # letters and signs in cp1252 only
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def lines_of(reader: BoundedReader, limits: ReadLimits) -> Iterator[str]:
    """The lines without their ends. Raises Refused: "file.binary", "file.line_too_long", and what `reader` raises."""
    decoder = _Decoder(reader.peek(4)[:4])
    rest = ""
    while data := reader.read(_CHUNK):
        text = rest + decoder.decode(data)
        if "\0" in text:
            raise Refused("file.binary")
        cut = "\r" if text.endswith("\r") else ""  # a line end that may go on in what follows
        if "\r" in text:
            text = text.removesuffix(cut).replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        rest = lines.pop() + cut
        if len(rest) > limits.line:
            raise Refused("file.line_too_long", limit=str(limits.line))
        yield from lines
    rest = (rest + decoder.decode(b"", final=True)).removesuffix("\r")
    if rest:
        yield rest


def head_lines(head: bytes) -> list[str]:
    """The complete lines of the first bytes of a file; the last one may be cut when there is no other."""
    whole = head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1] or head
    return list(lines_of(BoundedReader(BytesIO(whole), UPLOAD), UPLOAD))


def _encoding(head: bytes) -> tuple[str, int]:
    """What the mark or the zeros at the start tell, "" when nothing, and how long the mark is."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    zeros = [not byte for byte in head]
    if zeros == [False, True, False, True]:
        return "utf-16-le", 0
    return ("utf-16-be", 0) if zeros == [True, False, True, False] else ("", 0)


class _Decoder:
    """Bytes to text, chunk by chunk; from UTF-8 it changes over to cp1252 once that fails."""

    def __init__(self, head: bytes) -> None:
        encoding, self._mark = _encoding(head)
        wide = encoding.startswith("utf-16")
        self._decoder = codecs.getincrementaldecoder(encoding or "utf-8")("replace" if wide else "strict")
        self._eight_bit = False

    def decode(self, data: bytes, *, final: bool = False) -> str:
        if self._mark:
            data, self._mark = data[self._mark :], 0
        if self._eight_bit:
            return _eight_bit(data)
        pending = self._decoder.getstate()[0]
        try:
            return self._decoder.decode(data, final)
        except UnicodeDecodeError:
            self._eight_bit = True
            return _eight_bit(pending + data)


def _eight_bit(data: bytes) -> str:
    """Latin-1 is several times faster, and the same unless such bytes occur."""
    same = len(data.translate(None, _CONTROLS)) == len(data)
    return data.decode("latin-1") if same else data.decode("cp1252", "replace")
