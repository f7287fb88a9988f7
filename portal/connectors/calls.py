"""How a connector makes its calls: limits asked and told, failures turned into the five errors.

What differs between providers is given: addresses, headers, and how a refusal reads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests

from portal.connectors import values
from portal.connectors.base import Gate
from portal.connectors.errors import ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.kernel import http

T = TypeVar("T")
Row = TypeVar("Row")

JSON: Mapping[str, str] = {"Accept": "application/json"}
JSON_BODY: Mapping[str, str] = {"Content-Type": "application/json"}
MOMENT, TURNS = 2.0, 30  # seconds that a read waits for a limit to lift, and how often
# What reading a reply that is not as agreed may raise.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

# A refusal as one of the five errors, or None for a reply that is none.
Failure = Callable[[http.Reply], ConnectorError | None]


class Calls:
    """The calls of one connection. Keeps nothing between them but what it was made with.

    `key` is the connector's, the first part of its error codes. `host` may hold a path. `sleep`
    waits between repeated reads; a write is never repeated.
    """

    def __init__(
        self,
        key: str,
        session: requests.Session,
        host: str,
        gate: Gate,
        failure: Failure,
        *,
        headers: Mapping[str, str] = JSON,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.key = key
        self.root = host.rstrip("/") + "/"
        self._session = session
        self._gate = gate
        self._failure = failure
        self._headers = dict(headers)
        self._sleep = sleep

    def read(
        self,
        dossier: str,
        endpoint: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> http.Reply:
        """A call that changes nothing there, repeated when it was lost. `path` under the host, or a whole address.

        Give `method` and `body` where questions are asked by POST. Raises the five errors.
        """
        with self._sending():
            reply = http.retried(
                lambda: self._in_turn(dossier, endpoint, method, path, query, body, headers), self._sleep
            )
        return self._accepted(reply)

    def write(
        self,
        dossier: str,
        endpoint: str,
        path: str,
        body: bytes | Mapping[str, str],
        *,
        method: str = "POST",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        books: bool = True,
    ) -> http.Reply:
        """One call, made once. Raises the five errors; `Temporary(sent=True)` says that nobody knows.

        `books` is False for what leaves the books as they are, such as making a draft.
        """
        with self._sending():
            reply = self._once(dossier, endpoint, method, path, query, body, headers, write=books)
        return self._accepted(reply)

    @contextmanager
    def reading(self, reply: http.Reply | None = None) -> Iterator[None]:
        """Around everything that takes a reply apart: what does not fit becomes UnexpectedReply."""
        try:
            yield
        except UNREADABLE as unreadable:
            status = reply.status if reply else None
            name = type(unreadable).__name__
            raise UnexpectedReply(f"{self.key}.unreadable", provider_text=name, status=status) from None

    def json(self, reply: http.Reply) -> Any:
        """The body, numbers with a point as Decimal. Raises UnexpectedReply."""
        with self.reading(reply):
            return decode(reply.body)

    def each(self, read: Callable[[Row], T], rows: Iterable[Row]) -> list[T]:
        """Every row of a list, taken apart. Raises UnexpectedReply."""
        with self.reading():
            return [read(row) for row in rows]

    def follow(self, start: str, link: str) -> str:
        """A link to the next page, if it leads to the very list that gave it: it gets our signature."""
        ours, theirs = urlsplit(start), urlsplit(link)
        same_server = (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc)
        if not same_server or theirs.path.casefold() != ours.path.casefold():
            raise UnexpectedReply(f"{self.key}.foreign_link")
        return link

    def address(self, path: str) -> str:
        return path if path.startswith(("https://", "http://")) else self.root + path.lstrip("/")

    def _in_turn(
        self,
        dossier: str,
        endpoint: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> http.Reply:
        """A read waits where a limit lifts in a moment, or a list of many pages would never be read whole."""
        for _ in range(TURNS):
            try:
                return self._once(dossier, endpoint, method, path, query, body, headers, write=False)
            except Temporary as held:  # by the gate: nothing was sent
                if held.retry_after is None or held.retry_after > MOMENT:
                    raise
                self._sleep(held.retry_after)
        return self._once(dossier, endpoint, method, path, query, body, headers, write=False)

    def _once(
        self,
        dossier: str,
        endpoint: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        *,
        write: bool,
    ) -> http.Reply:
        status, answered = 0, http.NO_HEADERS
        self._gate.before(dossier, endpoint, write=write)
        try:
            sent = self._headers | dict(headers or {})
            reply = http.exchange(self._session, method, self.address(path), params=query, body=body, headers=sent)
            status, answered = reply.status, reply.headers
            return reply
        finally:
            self._gate.after(dossier, endpoint, status, answered)

    def _accepted(self, reply: http.Reply) -> http.Reply:
        with self.reading(reply):
            refusal = self._failure(reply)
        if refusal is not None:
            raise refusal
        return reply

    @contextmanager
    def _sending(self) -> Iterator[None]:
        try:
            yield
        except http.TransportError as failure:
            if failure.code == "too_large":
                raise UnexpectedReply(f"{self.key}.too_large") from None
            if failure.code == "not_public":
                raise Rejected(f"{self.key}.not_public") from None
            raise Temporary(f"{self.key}.{failure.code}", sent=failure.sent) from None


def decode(body: bytes) -> Any:
    """JSON with every fraction as Decimal; NaN and Infinity are not JSON and refused. Raises one of UNREADABLE."""
    return json.loads(body, parse_float=values.figure, parse_constant=_refused)


def _refused(constant: str) -> None:
    raise ValueError(constant)


def encode(document: object) -> bytes:
    """JSON bytes, the same for the same input: they are hashed and approved before they are sent.

    A Decimal becomes a number of the same value; ValueError where a double cannot hold it.
    """
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def path_part(key: str, text: str) -> str:
    """A remote id or code as one part of a path. Raises Rejected for one that would leave its place."""
    if not text or text in (".", ".."):
        raise Rejected(f"{key}.not_found")
    return quote(text, safe="")


def _plain(value: object) -> object:
    """A Decimal of an amount as a number with the same digits: floats hold fifteen of them."""
    if isinstance(value, Decimal):
        number = float(value)
        if Decimal(repr(number)) != value.normalize() and Decimal(repr(number)) != value:
            raise ValueError("an amount with more digits than a number can hold")
        return number
    raise TypeError(type(value).__name__)
