"""OFX text cut at its tags, piece by piece, in flat memory.

SGML and XML alike: a tag, and the text up to the next one. Comments are left out, CDATA is
text. Entities other than the named characters of HTML do not exist here, and a DOCTYPE, which
could make some, is refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from html.entities import html5

from portal.connectors.errors import Refused
from portal.connectors.files.limits import BoundedReader, Readable, ReadLimits
from portal.connectors.files.replay import utf8

_CHUNK = 64 << 10
_COMMENT, _CDATA = b"<!--", b"<![CDATA["
_STRAY = re.compile(r"<(?![/?A-Za-z])")
_CHARSETS = (
    re.compile(rb"<\?xml[^>]{0,200}\bencoding\s*=\s*[\"']([\w.:-]{1,40})", re.IGNORECASE),
    re.compile(rb"\bCHARSET\s*:\s*([\w.-]{1,40}?)(?=\s|COMPRESSION|OLDFILEUID|<|$)", re.IGNORECASE),
)
_EIGHT_BIT = ("cp125", "cp437", "cp85", "iso8859-", "mac-")
_ENTITY = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,7});")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Markup:
    def __init__(self, reader: BoundedReader, limits: ReadLimits) -> None:
        head = reader.peek()
        self._reader: Readable = utf8(reader)
        self._limits = limits
        self._charset = _charset(head)

    def pieces(self) -> Iterator[tuple[list[str], bool]]:
        """Lists of "TAG>text", without the "<", and whether texts have characters to be `unescaped`.

        Raises Refused for a DOCTYPE and for excess.
        """
        for piece in self._pieces():
            text = self._decoded(piece)
            if "< " in text or "<!" in text or text.count("<") != text.count(">"):
                text = _STRAY.sub("&lt;", text)
            parts = text.split("<")
            del parts[0]  # nothing, or the head of 1.x
            yield parts, "&" in text

    def _pieces(self) -> Iterator[bytes]:
        """Blocks that end before a tag, without comments."""
        held = marked = b""
        while data := self._reader.read(_CHUNK):
            data = held + marked + data
            marked = b""
            if b"<!" in data:
                data, marked = self._unmarked(data)
            end = _last_tag(data)
            held = data[end:]
            if len(held) + len(marked) > self._limits.element:
                raise Refused("ofx.too_wide")
            yield data[:end]
        if marked:
            raise Refused("ofx.truncated")
        yield held

    def _unmarked(self, data: bytes) -> tuple[bytes, bytes]:
        """Without comments and CDATA marks; what is still open comes back as it is."""
        parts: list[bytes] = []
        at = seen = 0
        while (start := data.find(b"<!", seen)) >= 0:
            begun = data[start : start + len(_CDATA)]
            if begun.startswith(_COMMENT):
                mark, end_mark = _COMMENT, b"-->"
            elif begun == _CDATA:
                mark, end_mark = _CDATA, b"]]>"
            elif start + len(begun) == len(data) and (_CDATA.startswith(begun) or _COMMENT.startswith(begun)):
                return b"".join((*parts, data[at:start])), data[start:]
            elif begun[2:3].isalpha():
                raise Refused("ofx.doctype")
            else:
                seen = start + 2
                continue
            end = data.find(end_mark, start + len(mark))
            parts.append(data[at:start])
            if end < 0:
                return b"".join(parts), data[start:]
            if mark is _CDATA:
                parts.append(self._decoded(data[start + len(mark) : end]).translate(_ESCAPES).encode())
            at = seen = end + len(end_mark)
        parts.append(data[at:])
        return b"".join(parts), b""

    def _decoded(self, piece: bytes) -> str:
        """UTF-8 where it is that, whatever was declared; else the charset declared, tag by tag."""
        try:
            return piece.decode()
        except UnicodeDecodeError:
            return "<".join(map(self._decoded_part, piece.split(b"<")))

    def _decoded_part(self, part: bytes) -> str:
        try:
            return part.decode()
        except UnicodeDecodeError:
            return part.decode(self._charset, "replace")


def unescaped(text: str) -> str:
    """Named and numbered characters; only with their semicolon, since names have bare ampersands."""
    return _ENTITY.sub(_character, text)


def _charset(head: bytes) -> str:
    """The eight-bit charset a file declares; cp1252 where it names none that Python knows."""
    for pattern in _CHARSETS:
        if match := pattern.search(head):
            name = match[1].decode("ascii")
            for candidate in (f"cp{name}", f"iso-{name}", name):
                try:
                    found = codecs.lookup(candidate).name
                except LookupError:
                    continue
                if found.startswith(_EIGHT_BIT) and found != "iso8859-1":
                    return found
    return "cp1252"  # also for Latin-1, which has nothing where cp1252 has the euro sign


def _last_tag(data: bytes) -> int:
    """Where the last tag begins: what stands before is complete."""
    end = len(data)
    while (end := data.rfind(b"<", 0, end)) >= 0:
        mark = data[end + 1 : end + 2]
        if mark.isalpha() or mark in (b"/", b"?", b""):
            return end
    return 0


def _character(entity: re.Match[str]) -> str:
    name = entity[1]
    if name[0] != "#":
        return html5.get(f"{name};", entity[0])
    number = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    return chr(number) if 31 < number < 0xD800 or 0xDFFF < number < 0x110000 else " "
