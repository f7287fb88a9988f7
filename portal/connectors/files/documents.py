"""Document files: which format a file has, by its content, and its documents."""

from __future__ import annotations

from collections.abc import Iterator

from portal.connectors.errors import Refused
from portal.connectors.files import cii, pdf, takings, ubl
from portal.connectors.files.document import Document
from portal.connectors.files.limits import HEAD, BoundedReader, Readable, ReadLimits
from portal.connectors.files.xml_tree import read_tree

DOCUMENT_UPLOAD = ReadLimits(bytes=10 << 20)
FORMATS = (ubl.FORMAT, cii.FORMAT, takings.FORMAT)


def open_documents(stream: Readable, limits: ReadLimits = DOCUMENT_UPLOAD) -> tuple[str, Iterator[Document]]:
    """The format key and the documents of a file: one, or several days of takings.

    Raises Refused at once for what cannot be an invoice; a day of takings that does not add up is
    refused when it is reached, and then nothing of the file may be stored.
    """
    data = _whole(stream, limits)
    if not data.strip():
        raise Refused("file.empty")
    if pdf.identify(data[:HEAD]):
        data = pdf.embedded_invoice(data)
    elif takings.identify(data[:HEAD]):
        return takings.FORMAT, takings.read(data)
    if not _looks_like_xml(data[:HEAD]):
        raise Refused("document.unknown_format")
    tree = read_tree(data)
    for reader in (ubl, cii):
        if reader.identify(tree):
            return reader.FORMAT, iter((reader.read(tree),))
    raise Refused("document.not_an_invoice", element=tree.root.tag[:60])


def _whole(stream: Readable, limits: ReadLimits) -> bytes:
    reader, chunks = BoundedReader(stream, limits), list[bytes]()
    while chunk := reader.read(1 << 20):
        chunks.append(chunk)
    return b"".join(chunks)


def _looks_like_xml(head: bytes) -> bool:
    plain = head.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return plain.startswith((b"<", b"\x00<"))
