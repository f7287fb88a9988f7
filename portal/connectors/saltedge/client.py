"""The HTTP side of Salt Edge: which address, in which order, how many pages."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests

from portal.connectors import base, feed
from portal.connectors.calls import Calls
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.saltedge import mapping
from portal.kernel import clock, http

HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
PAGE = 1000
MAX_PAGES = 1000
REFRESH_METHOD = "POST"  # published clients of v6 disagree: some send PUT, which was the verb of v5
CONSENT_SCOPES = ("accounts", "holder_info", "transactions")
FETCH_SCOPES = ("accounts", "balance", "transactions")
NEW_IDENTIFIERS = 3


class _Api:
    """Signed calls with pages and time-outs. Keeps nothing between calls but the connection."""

    def __init__(
        self, session: requests.Session, host: str, gate: base.Gate, link: str = "", *,
        sleep: Callable[[float], None] = time.sleep, now: Callable[[], datetime] | None = None,
    ) -> None:  # fmt: skip
        self._calls = Calls(
            "saltedge", session, f"{host.rstrip('/')}/api/v6", gate, _failure, headers=HEADERS, sleep=sleep
        )
        self._reading = self._calls.reading
        self._link = link
        self._now = now or clock.now

    def _one(self, path: str, endpoint: str) -> mapping.Row:
        document = self._read(path, endpoint, {})
        with self._reading():
            return _row(document["data"])

    def _all(self, path: str, query: Mapping[str, str]) -> list[mapping.Row]:
        return [row for page, _ in self._pages(path, query) for row in page]

    def _pages(
        self, path: str, query: Mapping[str, str], start: str = ""
    ) -> Iterator[tuple[Sequence[mapping.Row], str]]:
        """(rows, id that continues), to the end."""
        following = start
        for _ in range(MAX_PAGES):
            asked = dict(query) | ({"from_id": following} if following else {})
            document = self._read(path, path, asked)
            with self._reading():
                rows = [_row(row) for row in document["data"]]
                found = mapping.text((document.get("meta") or {}).get("next_id"))
            yield rows, found
            if not found:
                return
            if found == following:
                break
            following = found
        raise UnexpectedReply("saltedge.endless_list")

    def _address(self, row: mapping.Row) -> str:
        with self._reading():
            address = str(row["connect_url"])
            if urlsplit(address).scheme not in ("https", "http"):
                raise ValueError("a page was expected")
            return address

    def _read(self, path: str, endpoint: str, query: Mapping[str, str]) -> mapping.Row:
        reply = self._calls.read(self._link, endpoint, path, query)
        with self._reading(reply):
            return mapping.decode(reply.body)

    def _write(self, method: str, path: str, endpoint: str, data: Mapping[str, object] | None = None) -> mapping.Row:
        body = b"" if data is None else json.dumps({"data": data}, ensure_ascii=False).encode()
        reply = self._calls.write(self._link, endpoint, path, body, method=method)
        with self._reading(reply):
            return _row(mapping.decode(reply.body)["data"])


class Client(_Api):
    """One connection of one customer. See `portal.connectors.feed.BankFeed`."""

    def identity(self) -> base.Identity:
        row = self._connection()
        with self._reading():
            return mapping.identity(row)

    def accounts(self) -> Sequence[feed.FeedAccount]:
        connection, consents = self._connection(), self._consents()
        rows = self._all("accounts", self._of_link())
        with self._reading():
            ends_at = mapping.link_status(connection, consents, self._now()).consent_ends_at
            return [mapping.account(row, connection, ends_at) for row in rows]

    def transactions(self, account: str, cursor: str = "") -> Iterator[feed.FeedPage]:
        """The booked ones from `cursor` on, then all that Salt Edge calls duplicates.

        The row at the cursor comes once more: Salt Edge starts with it, and a row too many is one
        that is known. Duplicates are all told each time, because an old row may become one.
        """
        own = self._own_number(account)
        asked = self._of_account(account)
        for rows, following in self._pages("transactions", asked, cursor):
            with self._reading():
                found = [mapping.transaction(row, own) for row in rows]
            cursor = following or (found[-1].id if found else cursor)
            yield feed.FeedPage(found, cursor)
        for rows, _ in self._pages("transactions", asked | {"duplicated": "true"}):
            with self._reading():
                found = [mapping.transaction({**row, "duplicated": True}, own) for row in rows]
            if found:
                yield feed.FeedPage(found, cursor)

    def pending(self, account: str) -> Sequence[feed.FeedTransaction]:
        own = self._own_number(account)
        rows = self._all("transactions", self._of_account(account) | {"pending": "true"})
        with self._reading():
            return [mapping.transaction({**row, "status": "pending"}, own) for row in rows]

    def status(self) -> feed.LinkStatus:
        connection, consents = self._connection(), self._consents()
        with self._reading():
            return mapping.link_status(connection, consents, self._now())

    def refresh(self, account: str, customer_address: str) -> str:
        """A connection is fetched as a whole, so `account` does not matter."""
        attempt: dict[str, object] = {"fetch_scopes": FETCH_SCOPES}
        if customer_address:
            attempt |= {"user_present": True, "remote_ip": customer_address}
        try:
            path, endpoint = f"connections/{self._link}/refresh", "connections/*/refresh"
            row = self._write(REFRESH_METHOD, path, endpoint, {"attempt": attempt})
        except Temporary as refusal:
            if refusal.sent or refusal.retry_after is not None:
                raise
            raise self._too_soon(refusal) from None
        with self._reading():
            return mapping.text((row.get("last_attempt") or {}).get("id"))

    def refreshed(self, refresh: str) -> feed.Attempt:
        """Salt Edge keeps the last attempt at hand: an earlier one is over, as far as anybody can tell."""
        connection = self._connection()
        with self._reading():
            last = mapping.attempt(connection)
        if last is None:
            return feed.Attempt(feed.RefreshStatus.RUNNING, request_id=refresh)
        if refresh and last.request_id != refresh and last.status is feed.RefreshStatus.RUNNING:
            return feed.Attempt(feed.RefreshStatus.DONE, request_id=refresh)
        return last

    def renewal(self, return_to: str, state: str, account: str = "") -> str:
        """A connection is renewed as a whole: it and its accounts keep their ids, only the consent is new."""
        row = self._write(
            "POST", f"connections/{self._link}/reconnect", "connections/*/reconnect", _visit(return_to, state, "")
        )
        return self._address(row)

    def revoke(self) -> None:
        try:
            self._write("DELETE", f"connections/{self._link}", "connections/*")
        except Rejected as refusal:
            if refusal.code not in ("saltedge.connection_not_found", "saltedge.not_found"):
                raise
        except AuthorisationExpired as over:
            if over.code != "saltedge.connection_disabled":
                raise

    def _connection(self) -> mapping.Row:
        return self._one(f"connections/{self._link}", "connections/*")

    def _consents(self) -> list[mapping.Row]:
        return self._all("consents", self._of_link())

    def _of_link(self) -> dict[str, str]:
        return {"connection_id": self._link}

    def _of_account(self, account: str) -> dict[str, str]:
        return self._of_link() | {"account_id": account, "per_page": str(PAGE)}

    def _own_number(self, account: str) -> str:
        """Also keeps an account that is not of this link from being asked for."""
        rows = self._all("accounts", self._of_link())
        with self._reading():
            found = [mapping.number(row) for row in rows if mapping.text(row["id"]) == account]
        if not found:
            raise Rejected("saltedge.account_not_found")
        return found[0]

    def _too_soon(self, refusal: Temporary) -> Temporary:
        """The same refusal with the time to wait, which only the connection knows."""
        with self._reading():
            free_at = mapping.moment(self._connection().get("next_refresh_possible_at"))
        wait = None if free_at is None else max(0.0, (free_at - self._now()).total_seconds())
        return Temporary(
            refusal.code, retry_after=wait, sent=False, provider_text=refusal.provider_text, status=refusal.status
        )


class Directory(_Api):
    """What Salt Edge tells before there is a link. See `portal.connectors.feed.Directory`."""

    def institutions(self, country: str) -> Sequence[feed.Institution]:
        """Country "XF" holds the banks that are made up for tests."""
        query = {"country_code": country, "exclude_inactive": "true", "per_page": str(PAGE)}
        rows = self._all("providers", query | ({"include_sandboxes": "true"} if country == "XF" else {}))
        with self._reading():
            found = [mapping.institution(row) for row in rows if mapping.text(row.get("status")) in ("", "active")]
        return sorted(found, key=lambda bank: bank.name.casefold())

    def begin(
        self, institution: str, return_to: str, state: str, *, person: str, customer: str = "", locale: str = "en"
    ) -> feed.Beginning:
        """A customer that Salt Edge no longer knows is made anew."""
        known = customer or self.customer(person)
        try:
            address = self.connect_url(known, institution, return_to, state, locale=locale)
        except Rejected as refusal:
            if not customer or refusal.code != "saltedge.customer_not_found":
                raise
            known = self.customer(person)
            address = self.connect_url(known, institution, return_to, state, locale=locale)
        return feed.Beginning(address, known)

    def customer(self, person: str) -> str:
        """The id of a new customer. An identifier that is taken gets a suffix: there is no look-up by identifier."""
        identifier = person
        for _ in range(NEW_IDENTIFIERS):
            try:
                row = self._write("POST", "customers", "customers", {"identifier": identifier})
            except Rejected as refusal:
                if refusal.code != "saltedge.duplicated_customer":
                    raise
                identifier = f"{person}-{secrets.token_hex(4)}"
            else:
                with self._reading():
                    return mapping.text(row.get("customer_id") or row["id"])
        raise Rejected("saltedge.duplicated_customer")

    def connect_url(
        self, customer: str, institution: str, return_to: str, state: str, *, locale: str = "en",
        from_date: date | None = None,
    ) -> str:  # fmt: skip
        """The page where the person logs in. `from_date`: how far back; None leaves it to the bank."""
        visit = _visit(return_to, state, locale, from_date)
        provider = {"code": institution, "include_sandboxes": institution.startswith("fake")}
        row = self._write(
            "POST", "connections/connect", "connections/connect",
            visit | {"customer_id": customer, "provider": provider},
        )  # fmt: skip
        return self._address(row)

    def link_of(self, customer: str, state: str) -> str:
        """The connection that a visit with `state` made, "" when there is none: for a return that told no id."""
        rows = self._all("connections", {"customer_id": customer})
        with self._reading():
            for row in rows:
                fields = (row.get("last_attempt") or {}).get("custom_fields") or {}
                if mapping.text(fields.get("state")) == state:
                    return mapping.text(row["id"])
        return ""


def _visit(return_to: str, state: str, locale: str, from_date: date | None = None) -> dict[str, object]:
    """What a new and a renewed consent have in common. The person comes back with our state and the connection's id."""
    consent: dict[str, object] = {"scopes": CONSENT_SCOPES}
    attempt: dict[str, object] = {
        "return_to": _with_state(return_to, state), "fetch_scopes": FETCH_SCOPES, "custom_fields": {"state": state},
    }  # fmt: skip
    if locale:
        attempt["locale"] = locale
    if from_date is not None:
        consent["from_date"] = attempt["fetch_from_date"] = from_date.isoformat()
    return {"consent": consent, "attempt": attempt, "return_connection_id": True, "return_error_class": True}


def _with_state(address: str, state: str) -> str:
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "state"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("state", state)])))


def _row(value: object) -> mapping.Row:
    if not isinstance(value, dict):
        raise TypeError("an object was expected")
    return value


def _failure(reply: http.Reply) -> ConnectorError | None:
    return mapping.failure(reply.status, reply.headers, reply.body)
