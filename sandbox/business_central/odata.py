"""As much of OData as is used here: filters, pages, entity tags and errors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from sandbox import wsgi

Json = dict[str, Any]
TERM = re.compile(
    r"(?P<field>\w+) (?P<operator>eq|ne|ge|gt|le|lt) (?P<value>'(?:[^']|'')*'|[\w.:-]+)"
    r"|startswith\((?P<start>\w+),(?P<prefix>'(?:[^']|'')*')\)"
)
LINK = re.compile(r" (and|or) ")
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda ours, theirs: bool(ours == theirs),
    "ne": lambda ours, theirs: bool(ours != theirs),
    "ge": lambda ours, theirs: bool(ours >= theirs),
    "gt": lambda ours, theirs: bool(ours > theirs),
    "le": lambda ours, theirs: bool(ours <= theirs),
    "lt": lambda ours, theirs: bool(ours < theirs),
}


class Wrong(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


def error(status: int, code: str, words: str) -> Response:
    return wsgi.json_answer({"error": {"code": code, "message": words}}, status)


def tag(row: Mapping[str, Any]) -> str:
    return f'W/"{hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:20]}"'


def wanted() -> Callable[[Mapping[str, Any]], bool]:
    """The `$filter` of the request: terms joined by "and", or all by "or"."""
    told = request.args.get("$filter", "")
    if not told:
        return lambda row: True
    terms, links, at = [], set(), 0
    while True:
        term = TERM.match(told, at)
        if term is None:
            raise Wrong(400, "BadRequest", f"An error occurred while parsing the filter at position {at}.")
        terms.append(term)
        link = LINK.match(told, term.end())
        if link is None:
            break
        links.add(link[1])
        at = link.end()
    if term.end() != len(told) or len(links) > 1:
        raise Wrong(400, "BadRequest", "The filter is not supported.")
    join = any if links == {"or"} else all
    return lambda row: join(_holds(term, row) for term in terms)


def _holds(term: re.Match[str], row: Mapping[str, Any]) -> bool:
    if term["start"]:
        return str(_value(row, term["start"])).startswith(_text(term["prefix"]))
    return COMPARE[term["operator"]](*_alike(_value(row, term["field"]), _text(term["value"])))


def _alike(ours: Any, told: str) -> tuple[Any, Any]:
    """Both as what ours is: a number, or a text, as which a boolean and a date are written. Raises Wrong."""
    if isinstance(ours, bool):
        return str(ours).lower(), told
    if not isinstance(ours, int | float):
        return str(ours), told
    try:
        return Decimal(str(ours)), Decimal(told)
    except InvalidOperation:
        raise Wrong(400, "BadRequest", f"The literal '{told}' is no number.") from None


def _value(row: Mapping[str, Any], field: str) -> Any:
    if field not in row:
        raise Wrong(400, "BadRequest", f"Could not find a property named '{field}'.")
    return row[field]


def _text(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def page(rows: Sequence[Json], most: int) -> Response:
    """The rows that are wanted, a page of them, and where the next is."""
    fits = wanted()
    found = [row for row in rows if fits(row)]
    asked = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("Prefer", ""))
    size = min(most, int(asked[1]) if asked else most)
    start = int(request.args.get("$skiptoken") or 0)
    body: Json = {
        "@odata.context": f"{request.base_url}/$metadata",
        "value": [{"@odata.etag": tag(row), **row} for row in found[start : start + size]],
    }
    if start + size < len(found):
        query = {name: value for name, value in request.args.items() if name != "$skiptoken"}
        body["@odata.nextLink"] = f"{request.base_url}?{urlencode(query | {'$skiptoken': start + size})}"
    return wsgi.json_answer(body)


def one(row: Json, status: int = 200) -> Response:
    return wsgi.json_answer({"@odata.etag": tag(row), **row}, status)
