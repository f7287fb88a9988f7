"""The HTTP side of Chift: consumers and their connections, which address, how many pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from portal.connectors import base, ledgers, paging
from portal.connectors.calls import JSON_BODY, Calls, decode, encode, path_part
from portal.connectors.chift import mapping
from portal.connectors.errors import AlreadyPosted, AuthorisationExpired, Rejected, UnexpectedReply
from portal.connectors.login import Form, HostedLogin
from portal.connectors.values import text

T = TypeVar("T")

PAGE = 100
MOST_DAYS = 85  # Chift gives three months at once
FIND_SPAN = timedelta(days=14)
CONSUMER = "consumer"  # key of the form


class Client:
    """See `portal.connectors.base.Bookkeeping`. Remembers the ids of the connection and of journals.

    `key` is that of the app, `name` what Chift calls the package.
    """

    def __init__(
        self,
        key: str,
        name: str,
        session: requests.Session,
        host: str,
        gate: base.Gate,
        form: Form,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._key, self._name = key, name
        self._consumer = form.get(CONSUMER, "")
        self._calls = Calls(key, session, host, gate, partial(mapping.failure, key), sleep=sleep)
        self._connection = ""
        self._journals: dict[str, Mapping[str, str]] = {}

    # -------------------------------------------------------------------------- master data

    def identity(self) -> base.Identity:
        """The connection, which stays the same when people log in again."""
        connection = self._connected()
        return base.Identity(connection, "", "", self._name, "")

    def dossiers(self) -> Sequence[base.Dossier]:
        return self._calls.each(mapping.folder, self._get("", "folders", "accounting/folders"))

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        return self._all(dossier, "chart-of-accounts", mapping.ledger_account)

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        found = self._all(dossier, "journals", mapping.journal)
        self._journals[dossier] = {journal.code: journal.id for journal in found}
        return found

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        return self._all(dossier, "vat-codes", mapping.vat_code)

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        """Not asked for: documents are booked as entries on the ledger accounts of customers and suppliers."""
        return []

    def periods(self, dossier: str) -> Sequence[base.Period]:
        rows = self._rows(dossier, "bookyears")
        with self._calls.reading():
            closed = any(row["closed"] for row in rows)
        journals = [journal.code for journal in self.journals(dossier)] if closed else []
        with self._calls.reading():
            return mapping.periods(rows, journals)

    # -------------------------------------------------------------------------- entries

    def render(self, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return mapping.render(self._key, entry, accounts)

    def post(self, dossier: str, kind: base.EntryKind, payload: bytes) -> base.RemoteEntry:
        """Completes what was rendered with the id of the journal, and sends it once, under our reference."""
        document = decode(payload)
        reference = str(document["reference"])
        with ledgers.preparing(self._key):
            ids = self._ids(dossier, document["journal_code"])
        body = mapping.completed(self._key, document, ids)
        try:
            reply = self._calls.write(
                dossier, "journal-entries", self._path("accounting/journal-entries"), body,
                query={"folder_id": dossier}, headers={**JSON_BODY, "x-chift-client-requestid": reference},
            )  # fmt: skip
        except AlreadyPosted as known:
            record = self._record(dossier, reference) or {}
            made = text(record.get("created_entity_id"))
            raise AlreadyPosted(made, provider_text=known.provider_text) from None
        echo = self._calls.json(reply)
        with self._calls.reading(reply):
            own = text(echo["id"]) or _missing()
            return ledgers.entry(own, text(echo.get("name")) or own, reference, "", None, "")

    def find(
        self, dossier: str, kind: base.EntryKind, reference: str, journal: str, on: date
    ) -> Sequence[base.RemoteEntry]:
        """By Chift's record of the request, which is proof; else by reading the journal around `on`."""
        record = self._record(dossier, reference)
        with self._calls.reading():
            done = mapping.succeeded(record)
            made = text(record.get("created_entity_id")) if record and done else ""
        shown, removed = self._made(dossier, made, journal) if made else (None, False)
        if shown is not None:
            return [replace(shown, reference=reference)]
        around = self.entries(dossier, kind, journal, on - FIND_SPAN, on + FIND_SPAN)
        names = (reference, mapping.number(reference))
        found = [entry for entry in around if entry.reference == reference or entry.number in names]
        if done and not removed and not found:
            return [mapping.only_known(reference, made, journal, on)]
        return found

    def _made(self, dossier: str, made: str, journal: str) -> tuple[base.RemoteEntry | None, bool]:
        """The entry that a request made, and whether it is gone again; (None, False) where it cannot be asked for."""
        codes = {id_: code for code, id_ in self._ids(dossier, journal).items()}
        place = f"accounting/journal/entries/{path_part(self._key, made)}"
        try:
            row = self._optional(dossier, "journal/entries/*", place, folder_id=dossier)
        except Rejected as refused:
            if refused.code != f"{self._key}.not_supported":
                raise
            return None, False
        with self._calls.reading():
            return (mapping.entry(row, codes), False) if row is not None else (None, True)

    def entries(
        self, dossier: str, kind: base.EntryKind, journal: str, since: date, until: date
    ) -> Iterator[base.RemoteEntry]:
        ids = self._ids(dossier, journal)
        codes = {id_: code for code, id_ in ids.items()}
        if journal not in ids:
            raise Rejected(f"{self._key}.journal_unknown", values={"journal": journal})
        while since <= until:
            last = min(until, since + timedelta(days=MOST_DAYS))
            wanted = {"journal_id": ids[journal], "date_from": since.isoformat(), "date_to": last.isoformat()}
            rows = self._rows(dossier, "journal/entries", unposted_allowed="true", **wanted)
            with self._calls.reading():
                found = [mapping.entry(row, codes) for row in rows]
            yield from found
            since = last + timedelta(days=1)

    # -------------------------------------------------------------------------- calls

    def _ids(self, dossier: str, wanted: str) -> Mapping[str, str]:
        """Of journals, by code; asked for again where the one that is wanted is not known."""
        if wanted not in self._journals.get(dossier, {}):
            self.journals(dossier)
        return self._journals[dossier]

    def _connected(self, dossier: str = "") -> str:
        if not self._consumer:
            raise AuthorisationExpired(f"{self._key}.authorisation_expired")
        rows = self._get(dossier, "connections", "connections")
        with self._calls.reading():
            connection, active = mapping.connection(rows, self._name)
        if not active:
            raise AuthorisationExpired(f"{self._key}.authorisation_expired")
        return connection

    def _record(self, dossier: str, reference: str) -> Mapping[str, Any] | None:
        """What Chift wrote down of the request with our reference; None when it knows of none."""
        self._connection = self._connection or self._connected(dossier)
        place = f"connections/{path_part(self._key, self._connection)}/transactions"
        return self._optional(dossier, "transactions", place, client_request_id=reference)

    def _optional(self, dossier: str, endpoint: str, place: str, **query: str) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._get(dossier, endpoint, place, **query)
            return found
        except Rejected as refused:
            if refused.status == 404:
                return None
            raise

    def _all(self, dossier: str, endpoint: str, read: Callable[[mapping.Row], T]) -> list[T]:
        return self._calls.each(read, self._rows(dossier, endpoint))

    def _rows(self, dossier: str, endpoint: str, **query: str) -> list[mapping.Row]:
        """All rows of a list, page after page."""

        def page(place: tuple[int, int]) -> tuple[list[mapping.Row], tuple[int, int] | None]:
            number, seen = place
            asked = {"folder_id": dossier, "page": str(number), "size": str(PAGE), **query}
            document = self._get(dossier, endpoint, f"accounting/{endpoint}", **asked)
            with self._calls.reading():
                rows = list(document["items"])
                seen += len(rows)
                return rows, (number + 1, seen) if rows and seen < document["total"] else None

        return paging.all_rows(self._key, (1, 0), page)

    def _get(self, dossier: str, endpoint: str, place: str, **query: str) -> Any:
        return self._calls.json(self._calls.read(dossier, endpoint, self._path(place), query))

    def _path(self, place: str) -> str:
        return f"consumers/{path_part(self._key, self._consumer)}/{place}"


class _OpenGate:
    """Before there is an authorisation there is nothing to count calls for."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        """Nothing is held back."""

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        """Nothing is counted."""


class Login:
    """Opens the page on which people connect their package. See `OpenLogin`."""

    def __init__(self, key: str, name: str, session: requests.Session, host: str) -> None:
        self._key, self._name, self._host = key, name, host
        self._calls = Calls(key, session, host, _OpenGate(), partial(mapping.failure, key))

    def open(self, firm: str, email: str, return_to: str, form: Form) -> HostedLogin:
        """The same consumer and connection as before where there are any: Chift knows our requests by them."""
        integration = self._integration()
        consumer = self._consumer(firm, email, return_to, form.get(CONSUMER, ""))
        place = f"consumers/{path_part(self._key, consumer)}/connections"
        rows = self._calls.json(self._calls.read("", "connections", place))
        with self._calls.reading():
            known, _active = mapping.connection(rows, self._name)
        if known:
            page = self._send("PATCH", f"{place}/{path_part(self._key, known)}", {"redirect": True})
        else:
            asked = {"integrationid": integration, "name": firm[:80] or self._name, "redirect": True}
            page = self._send("POST", place, asked)
        with self._calls.reading():
            url = str(page["url"])
        if urlsplit(url).scheme != "https" and urlsplit(url).netloc != urlsplit(self._host).netloc:
            raise UnexpectedReply(f"{self._key}.foreign_link")
        return HostedLogin(url, Form({CONSUMER: consumer}))

    def _integration(self) -> int:
        rows = self._calls.json(self._calls.read("", "integrations", "integrations"))
        with self._calls.reading():
            found = mapping.integration_id(rows, self._name)
        if found is None:
            raise Rejected(f"{self._key}.integration_inactive", provider_text=self._name)
        return found

    def _consumer(self, firm: str, email: str, return_to: str, known: str) -> str:
        if known:
            try:
                self._send("PATCH", f"consumers/{path_part(self._key, known)}", {"redirect_url": return_to})
                return known
            except Rejected as refused:
                if refused.status != 404:
                    raise
        asked = {"name": firm[:255] or self._name, "redirect_url": return_to}
        made = self._send("POST", "consumers", asked | ({"email": email} if 0 < len(email) <= 80 else {}))
        with self._calls.reading():
            return str(made["consumerid"])

    def _send(self, method: str, path: str, body: Mapping[str, object]) -> Any:
        reply = self._calls.write("", "consumers", path, encode(body), method=method, headers=JSON_BODY)
        return self._calls.json(reply)


def _missing() -> str:
    raise KeyError("id")
