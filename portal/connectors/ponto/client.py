"""The HTTP side of Ponto Connect: which address, in which order, how many pages."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests

from portal.connectors import base, feed
from portal.connectors.calls import Calls
from portal.connectors.errors import ConnectorError, Rejected, UnexpectedReply
from portal.connectors.feed import TransactionStatus
from portal.connectors.ponto import mapping
from portal.kernel import http

JSON_API = "application/vnd.api+json"
PAGE = "100"
MAX_PAGES = 5000
# Pages read again before the newest known transaction: names come later, and only the last
# synchronisation tells which rows it changed.
OVERLAP = 1
LAST_DAY = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading of an account stands; written down as the cursor.

    Transactions come newest created first. `newest` is the newest one seen, `known` the newest
    of the reading before, down to which this one goes, `older` the query of the page that is
    next, `updates` the synchronisation whose changed rows were read last.
    """

    newest: str = ""
    known: str = ""
    older: str = ""
    updates: str = ""

    def written(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value}, separators=(",", ":"))


class _Caller:
    def __init__(
        self, session: requests.Session, host: str, gate: base.Gate, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._calls = Calls("ponto", session, host, gate, _failure, headers={"Accept": JSON_API}, sleep=sleep)
        self._root = self._calls.root

    def _read(self, path: str) -> Any:
        return _document(self._reply(self._root + path, {}))

    def _reply(self, url: str, query: Mapping[str, str]) -> http.Reply:
        return self._calls.read("", self._endpoint(url), url, query)

    def _write(self, method: str, path: str, kind: str = "", **attributes: str) -> Any:
        """A write that is lost is not repeated here: whoever asked tries again."""
        body = json.dumps({"data": {"type": kind, "attributes": attributes}}).encode() if kind else b""
        headers = {"Content-Type": JSON_API} if kind else {}
        return _document(self._calls.write("", self._endpoint(path), path, body, method=method, headers=headers))

    def _endpoint(self, url: str) -> str:
        path = urlsplit(self._calls.address(url)).path
        return path.removeprefix(urlsplit(self._root).path).partition("/")[0]

    def _pages(self, url: str, query: Mapping[str, str]) -> Iterator[tuple[Any, list[mapping.Resource], str]]:
        """(document, rows, address of the next page or ""); the address holds the whole query."""
        start = url
        for _ in range(MAX_PAGES):
            document = _document(self._reply(url, query))
            with _reading():
                rows, following = mapping.resources(document)
            if following == url:
                raise UnexpectedReply("ponto.foreign_link")
            if following:
                self._calls.follow(start, following)
            yield document, rows, following
            if not following:
                return
            url, query = following, {}
        raise UnexpectedReply("ponto.endless_list")

    def _all(self, path: str) -> list[mapping.Resource]:
        url = self._root + path
        return [row for _, rows, _ in self._pages(url, {"page[limit]": PAGE}) for row in rows]


class Client(_Caller):
    """See `portal.connectors.feed.BankFeed`. Keeps nothing between calls but the connection."""

    def __init__(
        self,
        session: requests.Session,
        host: str,
        gate: base.Gate,
        link: str = "",
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(session, host, gate, sleep=sleep)
        self._link = link

    def identity(self) -> base.Identity:
        document = self._read("userinfo")
        with _reading():
            found = mapping.identity(document)
        if self._link and self._link != found.user_id:
            raise Rejected("ponto.other_organisation")
        return found

    def accounts(self) -> Sequence[feed.FeedAccount]:
        rows = self._all("accounts")
        with _reading():
            return [mapping.account(row) for row in rows]

    def transactions(self, account: str, cursor: str = "") -> Iterator[feed.FeedPage]:
        """What is new, newest first, down to what was known; then what the last synchronisation changed.

        Never stops at a date: a bank may tell an old transaction late, which is created today.
        """
        place = _place(cursor)
        try:
            yield from self._newest(account, place)
        except Rejected:
            if not place.older:
                raise
            # The row that the next page was counted from is gone: from the top again, as far as before.
            yield from self._newest(account, Place(newest=place.known, updates=place.updates))

    def _newest(self, account: str, place: Place) -> Iterator[feed.FeedPage]:
        down_to, top = (place.known, place.newest) if place.older else (place.newest, "")
        query = dict(parse_qsl(place.older)) or {"limit": PAGE}
        beyond, done, latest = -1, place, ""
        for document, rows, following in self._pages(f"{self._root}accounts/{_id(account)}/transactions", query):
            with _reading():
                found, latest = _booked(rows), _finished(document)
            top = top or (found[0].id if found else "")
            if beyond >= 0 or any(one.id == down_to for one in found):
                beyond += 1
            done = Place(newest=top or down_to, updates=place.updates)
            last = not following or beyond >= OVERLAP
            onwards = Place(top, down_to, urlsplit(following).query, place.updates)
            yield feed.FeedPage(found, (done if last or beyond >= 0 else onwards).written())
            if last:
                break
        if down_to and latest not in ("", place.updates):
            yield from self._updated(latest, replace(done, updates=latest))

    def _updated(self, synchronisation: str, done: Place) -> Iterator[feed.FeedPage]:
        """Rows that a synchronisation changed. The cursor moves at the last page: they are few, and read again."""
        before = replace(done, updates="").written()
        url = f"{self._root}synchronizations/{_id(synchronisation)}/updated-transactions"
        try:
            for _, rows, following in self._pages(url, {"limit": PAGE}):
                with _reading():
                    found = _booked(rows)
                yield feed.FeedPage(found, before if following else done.written())
        except Rejected as refused:
            if refused.status not in (404, 410):
                raise
            yield feed.FeedPage((), done.written())

    def pending(self, account: str) -> Sequence[feed.FeedTransaction]:
        url = f"{self._root}accounts/{_id(account)}/pending-transactions"
        rows = [row for _, rows, _ in self._pages(url, {"limit": PAGE}) for row in rows]
        with _reading():
            dated = [
                row for row in rows if row["attributes"].get("executionDate") or row["attributes"].get("valueDate")
            ]
            return [mapping.transaction(row, TransactionStatus.PENDING) for row in dated]

    def status(self) -> feed.LinkStatus:
        rows = self._all("accounts")
        with _reading():
            return mapping.link_status(rows)

    def refresh(self, account: str, customer_address: str) -> str:
        """Only for a person who is there: a fetch without one is not ours to ask for."""
        try:
            address = str(ipaddress.ip_address(customer_address))
        except ValueError:
            raise Rejected("ponto.no_customer_address") from None
        document = self._write(
            "POST", "synchronizations", "synchronization",
            resourceType="account", resourceId=account, subtype="accountTransactions", customerIpAddress=address,
        )  # fmt: skip
        with _reading():
            return str(document["data"]["id"])

    def refreshed(self, refresh: str) -> feed.Attempt:
        reply = self._reply(f"{self._root}synchronizations/{_id(refresh)}", {})
        document = _document(reply)
        with _reading():
            found = mapping.attempt(document["data"], mapping.text(reply.headers.get(mapping.REQUEST_ID)))
        if found is None:
            raise UnexpectedReply("ponto.unreadable", status=reply.status)
        return found

    def renewal(self, return_to: str, state: str, account: str = "") -> str:
        """Ponto renews bank by bank, by way of one account of it."""
        chosen = account or self._first_to_end()
        parts = urlsplit(return_to)
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("state", state)]) if state else parts.query
        document = self._write(
            "POST", f"accounts/{_id(chosen)}/reauthorization-requests", "reauthorizationRequest",
            redirectUri=urlunsplit(parts._replace(query=query)),
        )  # fmt: skip
        with _reading():
            return mapping.renewal(document)

    def _first_to_end(self) -> str:
        accounts = [one for one in self.accounts() if one.available]
        if not accounts:
            raise Rejected("ponto.no_account")
        return min(accounts, key=lambda one: one.consent_ends_at or LAST_DAY).id

    def revoke(self) -> None:
        """Takes every account out of our sight; those that are gone already count as done."""
        for account in self.accounts():
            try:
                self._write("DELETE", f"accounts/{_id(account.id)}")
            except Rejected as refused:
                if refused.status not in (404, 410):
                    raise


class Banks(_Caller):
    """See `portal.connectors.feed.Directory`. The list is open to whoever shows our certificate."""

    def institutions(self, country: str) -> Sequence[feed.Institution]:
        rows = self._all("financial-institutions")
        with _reading():
            found = [mapping.institution(row) for row in rows if mapping.is_offered(row)]
        return sorted((one for one in found if one.country in ("", country)), key=lambda one: one.name.lower())

    def begin(
        self, institution: str, return_to: str, state: str, *, person: str, customer: str = "", locale: str = "en"
    ) -> feed.Beginning:
        """A link begins by logging in (OAuth 2), where Ponto lets the person choose the bank."""
        raise Rejected("ponto.begins_by_login")


def _booked(rows: Sequence[mapping.Resource]) -> list[feed.FeedTransaction]:
    return [mapping.transaction(row, TransactionStatus.BOOKED) for row in rows]


def _finished(document: Any) -> str:
    """The latest synchronisation of transactions, when it has ended: before that its changes are not all told."""
    latest = (document.get("meta") or {}).get("latestSynchronization") or {}
    told = latest.get("attributes") or {}
    return str(latest["id"]) if told.get("status") in ("success", "error") else ""


def _place(cursor: str) -> Place:
    """A cursor that cannot be read starts afresh: reading too much is harmless, too little is not."""
    try:
        return Place(**{str(name): str(value) for name, value in json.loads(cursor).items()})
    except mapping.UNREADABLE:
        return Place()


def _id(remote: str) -> str:
    """Ids go into addresses: letters, digits and hyphens only."""
    if not remote or not all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in remote):
        raise Rejected("ponto.resourceNotFound")
    return remote


def _failure(reply: http.Reply) -> ConnectorError | None:
    return mapping.failure(reply.status, reply.headers, reply.body)


def _document(reply: http.Reply) -> Any:
    with _reading(reply):
        return mapping.decode(reply.body) if reply.body else {}


@contextmanager
def _reading(reply: http.Reply | None = None) -> Iterator[None]:
    try:
        yield
    except mapping.UNREADABLE as unreadable:
        request_id = mapping.text(reply.headers.get(mapping.REQUEST_ID)) if reply else ""
        raise UnexpectedReply(
            "ponto.unreadable", provider_text=type(unreadable).__name__, status=reply.status if reply else None,
            values={"request_id": request_id},
        ) from None  # fmt: skip
