"""The invoice that a Factur-X file carries inside its PDF.

pypdf reads the outer shell only: the list of embedded files and the bytes of the one that is the
invoice. No page is looked at.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from portal.connectors.errors import Refused

NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml", "cii.xml")
LIMIT = 10 << 20  # bytes of the XML, unpacked
_DEPTH = 32  # of the name tree
_UNREADABLE = (
    PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError, ArithmeticError,
    AssertionError,
)  # fmt: skip


def identify(head: bytes) -> bool:
    """A PDF may have some bytes before its mark (ISO 32000-1, annex H)."""
    return b"%PDF-" in head[:1024]


def embedded_invoice(data: bytes) -> bytes:
    """The XML inside. Raises Refused("document.pdf" | "document.pdf_without_invoice" | "document.pdf_locked")."""
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted:
            raise Refused("document.pdf_locked")
        for name, stream in _files(reader):
            if name.rpartition("/")[2].lower() in NAMES:
                return _unpacked(stream)
    except _UNREADABLE as problem:
        raise Refused("document.pdf", problem=type(problem).__name__) from None
    raise Refused("document.pdf_without_invoice")


def _files(reader: PdfReader) -> Iterator[tuple[str, Any]]:
    """(name, embedded stream) of each file that the catalogue names."""
    root: Any = reader.trailer["/Root"]
    names = root.get("/Names")
    tree = None if names is None else names.get_object().get("/EmbeddedFiles")
    specifications = [] if tree is None else list(_leaves(tree.get_object(), 0))
    for specification in (*specifications, *(root.get("/AF") or ())):
        told = specification.get_object()
        files = told.get("/EF")
        if files is None:
            continue
        files = files.get_object()
        stream = files.get("/UF") or files.get("/F")
        if stream is not None:
            yield str(told.get("/UF") or told.get("/F") or ""), stream.get_object()


def _leaves(node: Any, depth: int) -> Iterator[Any]:
    if depth > _DEPTH:
        raise ValueError("name tree")
    yield from (node.get("/Names") or ())[1::2]
    for kid in node.get("/Kids") or ():
        yield from _leaves(kid.get_object(), depth + 1)


def _unpacked(stream: Any) -> bytes:
    """Bounded, so that a few bytes cannot become gigabytes."""
    filters = stream.get("/Filter")
    named = [str(name) for name in filters] if isinstance(filters, list) else [str(filters)] if filters else []
    packed: bytes = stream._data
    if not named:
        return packed[:LIMIT]
    if named != ["/FlateDecode"]:
        raise Refused("document.pdf", problem=" ".join(named)[:60])
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(packed, LIMIT)
    except zlib.error:
        raise Refused("document.pdf", problem="FlateDecode") from None
    if unpacking.unconsumed_tail:
        raise Refused("file.too_large", limit=f"{LIMIT >> 20} MiB")
    return data
