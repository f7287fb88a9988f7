"""The HTTP side of Xero: which address, for which organisation, how many pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import TypeVar

import requests

from portal.connectors import base
from portal.connectors.calls import Calls, decode
from portal.connectors.errors import Rejected, UnexpectedReply
from portal.connectors.xero import invoices, mapping
from portal.kernel import clock

T = TypeVar("T")

BOOKS = "api.xro/2.0/"
PAGE_SIZE, MAX_PAGES = 100, 2000
JOURNALS = "ManualJournals"
FIND_SPAN = timedelta(days=1)


class Client:
    """See `portal.connectors.base.Bookkeeping`. Keeps nothing between calls but the connection."""

    def __init__(
        self, session: requests.Session, host: str, gate: base.Gate, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._calls = Calls("xero", session, host, gate, mapping.failure, sleep=sleep)
        self._session = session

    # -------------------------------------------------------------------------- master data

    def identity(self) -> base.Identity:
        """Xero names the login in the access token alone, which is read once it was accepted."""
        connections = self._connections()
        signed = self._session.prepare_request(requests.Request("GET", self._calls.address("Connections")))
        with self._calls.reading():
            return mapping.identity(str(signed.headers.get("Authorization", "")), connections)

    def dossiers(self) -> Sequence[base.Dossier]:
        """The list of connections tells names alone, so each organisation is asked for the rest."""
        found = []
        for tenant in self._connections():
            with self._calls.reading():
                code, name = mapping.tenant(tenant)
            try:
                organisation = self._organisation(code)
            except Rejected:
                found.append(mapping.closed_dossier(code, name))
                continue
            with self._calls.reading():
                found.append(mapping.dossier(code, organisation))
        return found

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        accounts = self._list(dossier, "Accounts", mapping.ledger_account)
        return [account for account in accounts if account.code]

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        """Xero has none to choose: one for each kind of entry stands for them."""
        self._organisation(dossier)
        return mapping.JOURNALS

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        return self._list(dossier, "TaxRates", mapping.vat_code)

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        return self._calls.each(mapping.relation, self._pages(dossier, "Contacts"))

    def periods(self, dossier: str) -> Sequence[base.Period]:
        organisation = self._organisation(dossier)
        with self._calls.reading():
            return mapping.periods(organisation, clock.today())

    # -------------------------------------------------------------------------- entries

    def render(self, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return invoices.render(entry, accounts) if entry.kind.is_invoice else mapping.render(entry, accounts)

    def post(self, dossier: str, kind: base.EntryKind, payload: bytes) -> base.RemoteEntry:
        """PUT makes a new one, always. Our reference is the key by which Xero knows a repetition, for a while."""
        ((endpoint, documents),) = decode(payload).items()
        read = invoices.entry if kind.is_invoice else mapping.entry
        key = read(documents[0]).reference
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, "xero-tenant-id": dossier}
        reply = self._calls.write(dossier, endpoint, BOOKS + endpoint, payload, method="PUT", headers=headers)
        with self._calls.reading(reply):
            (made,) = self._calls.json(reply)[endpoint]
            return read(made)

    def find(
        self, dossier: str, kind: base.EntryKind, reference: str, journal: str, on: date
    ) -> Sequence[base.RemoteEntry]:
        """No list can be asked for our reference, so those of the day are read."""
        around = self.entries(dossier, kind, journal, on - FIND_SPAN, on + FIND_SPAN)
        return [entry for entry in around if entry.reference == reference]

    def entries(
        self, dossier: str, kind: base.EntryKind, journal: str, since: date, until: date
    ) -> Iterator[base.RemoteEntry]:
        span = f"Date>={mapping.moment(since)} AND Date<={mapping.moment(until)}"
        read = invoices.entry if kind.is_invoice else mapping.entry
        for endpoint, clause in invoices.LISTS[kind] if kind.is_invoice else ((JOURNALS, ""),):
            rows = self._pages(dossier, endpoint, clause + span)
            with self._calls.reading():
                found = [read(row) for row in rows if row["Status"] in mapping.STANDING]
            yield from found

    # -------------------------------------------------------------------------- calls

    def _connections(self) -> list[mapping.Row]:
        reply = self._calls.read("", "Connections", "Connections")
        with self._calls.reading(reply):
            return list(self._calls.json(reply))

    def _organisation(self, dossier: str) -> mapping.Row:
        return self._rows(dossier, "Organisation", {}, "Organisations")[0]

    def _list(self, dossier: str, endpoint: str, read: Callable[[mapping.Row], T]) -> list[T]:
        return self._calls.each(read, self._rows(dossier, endpoint, {}))

    def _pages(self, dossier: str, endpoint: str, where: str = "") -> list[mapping.Row]:
        """All rows of a list, with their lines. Ordered by what does not change while it is read."""
        query = {"pageSize": str(PAGE_SIZE), "order": "UpdatedDateUTC ASC"} | ({"where": where} if where else {})
        page_of = partial(self._rows, dossier, endpoint)
        found = list[mapping.Row]()
        for page in range(1, MAX_PAGES + 1):
            rows = page_of(query | {"page": str(page)})
            found += rows
            if len(rows) < PAGE_SIZE:
                return mapping.once(found)
        raise UnexpectedReply("xero.endless_list")

    def _rows(self, dossier: str, endpoint: str, query: Mapping[str, str], name: str = "") -> list[mapping.Row]:
        reply = self._calls.read(dossier, endpoint, BOOKS + endpoint, query, headers={"xero-tenant-id": dossier})
        with self._calls.reading(reply):
            rows = list(self._calls.json(reply)[name or endpoint])
            return rows if rows or not name else [{}]
