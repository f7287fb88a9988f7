"""How lists are read whole, whatever tells where the next page is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urljoin

from portal.connectors.calls import Calls
from portal.connectors.errors import UnexpectedReply

Place = TypeVar("Place")
Row = TypeVar("Row")

MAX_PAGES = 2000


def all_rows(key: str, first: Place, page: Callable[[Place], tuple[list[Row], Place | None]]) -> list[Row]:
    """`page` gives the rows at a place, and the place of the next page or None: a number, a cursor, an address.

    Raises UnexpectedReply for a list that leads back to the same page, or never ends.
    """
    found: list[Row] = []
    place = first
    for _ in range(MAX_PAGES):
        rows, following = page(place)
        found += rows
        if following is None:
            return found
        if following == place:
            break
        place = following
    raise UnexpectedReply(f"{key}.endless_list")


def linked(
    calls: Calls,
    dossier: str,
    endpoint: str,
    path: str,
    rows: Callable[[Any], tuple[list[Row], str]],
    query: Mapping[str, str] | None = None,
) -> list[Row]:
    """A list whose pages name the address of the next, with the whole query in it.

    `rows` takes a page apart: rows, and a link or "". A link is followed only to the list that gave it.
    """
    start = calls.address(path)

    def page(address: str) -> tuple[list[Row], str | None]:
        reply = calls.read(dossier, endpoint, address, query if address == start else None)
        document = calls.json(reply)
        with calls.reading(reply):
            found, link = rows(document)
        return found, calls.follow(start, urljoin(address, link)) if link else None

    return all_rows(calls.key, start, page)
