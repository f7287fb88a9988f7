"""A statement as a file for other software, from a page or for a program."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, stream_with_context

from portal.connectors.files import write_camt, write_coda
from portal.connectors.statement import Statement
from portal.kernel import clock


def as_camt(read: Statement) -> Response:
    """CAMT.053. Raises the connectors' Refused for what it cannot hold, before the first byte."""
    name = _name(read)
    return _sent(write_camt.write(read, clock.now(), name=name[-35:]), f"{name}.xml", "application/xml")


def as_coda(read: Statement) -> Response:
    """CODA 2. Raises the connectors' Refused for what it cannot hold, before the first byte."""
    return _sent(write_coda.write(read, clock.today()), f"{_name(read)}.cod", "text/plain; charset=iso-8859-1")


def _name(read: Statement) -> str:
    today = clock.today()
    return f"{read.account}-{read.opening_date or today}-{read.closing_date or today}"


def _sent(chunks: Iterator[bytes], name: str, content_type: str) -> Response:
    """Written while it is sent."""
    first = next(chunks)

    def whole() -> Iterator[bytes]:
        yield first
        yield from chunks

    return Response(
        stream_with_context(whole()),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
