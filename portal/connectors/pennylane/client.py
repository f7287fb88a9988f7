"""The HTTP side of Pennylane: the company's interface (v2) or the firm's (v1), and how lists are turned over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial

import requests

from portal.connectors import base, ledgers, paging
from portal.connectors.calls import JSON_BODY, Calls, path_part
from portal.connectors.errors import Rejected
from portal.connectors.pennylane import mapping

COMPANY, FIRM = "api/external/v2", "api/external/firm/v1"
PAGE, LONG_PAGE = 100, 1000
AROUND = timedelta(days=31)  # how far people may have moved an entry of ours


class Client:
    """See `portal.connectors.base.Bookkeeping`. Keeps the ids of journals, and whose token it has, while it lives."""

    def __init__(
        self,
        session: requests.Session,
        host: str,
        gate: base.Gate,
        *,
        firm: bool,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls = Calls("pennylane", session, host, gate, mapping.failure, sleep=sleep)
        self._firm = firm
        self._journal_ids: dict[str, dict[str, str]] = {}
        self._own = ""

    # -------------------------------------------------------------------------- master data

    def identity(self) -> base.Identity:
        """A firm's token tells nothing of itself: it is only tried."""
        if not self._firm:
            me = self._me("")
            with self._calls.reading():
                return mapping.identity_of_company(me)
        self._page("", "companies", f"{FIRM}/companies", 1, size=1)
        return base.Identity("", "", "", "", "")

    def dossiers(self) -> Sequence[base.Dossier]:
        if self._firm:
            rows = self._numbered("", "companies", f"{FIRM}/companies")
            return self._calls.each(mapping.dossier, rows)
        me = self._me("")
        with self._calls.reading():
            return [mapping.own_dossier(me)]

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        return self._calls.each(mapping.ledger_account, self._accounts(dossier))

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        return self._calls.each(mapping.journal, self._list(dossier, "journals"))

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        rows = self._accounts(dossier)
        with self._calls.reading():
            return mapping.vat_codes(rows)

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        """Entries name no customer or supplier: theirs are ledger accounts of their own."""
        return []

    def periods(self, dossier: str) -> Sequence[base.Period]:
        if self._firm:
            years = self._numbered(dossier, "fiscal_years", self._path(dossier, "fiscal_years"))
        else:
            years = self._list(dossier, "fiscal_years")
        journals = self.journals(dossier)
        with self._calls.reading():
            return mapping.periods(years, journals)

    def _accounts(self, dossier: str) -> list[mapping.Row]:
        return self._list(dossier, "ledger_accounts", size=PAGE if self._firm else LONG_PAGE)

    # -------------------------------------------------------------------------- entries

    def render(self, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return mapping.render(entry, accounts)

    def post(self, dossier: str, kind: base.EntryKind, payload: bytes) -> base.RemoteEntry:
        code = mapping.journal_code(payload)
        with ledgers.preparing("pennylane"):
            path = self._path(dossier, "ledger_entries")
            body = mapping.addressed(payload, self._journal_id(dossier, code), firm=self._firm)
        reply = self._calls.write(dossier, "ledger_entries", path, body, headers=JSON_BODY)
        row = self._calls.json(reply)
        with self._calls.reading(reply):
            return mapping.posted(row, code)

    def find(
        self, dossier: str, kind: base.EntryKind, reference: str, journal: str, on: date
    ) -> Sequence[base.RemoteEntry]:
        """Lists filter on journal and date only: that day is read, then the weeks around it, and searched here."""
        for first, last in ((on, on), (on - AROUND, on + AROUND)):
            heads = self._heads(dossier, journal, first, last)
            with self._calls.reading():
                ours = [row for row in heads if mapping.carries(row, reference)]
            if ours:
                return [self._whole(dossier, row, journal) for row in ours]
        return []

    def entries(
        self, dossier: str, kind: base.EntryKind, journal: str, since: date, until: date
    ) -> Iterator[base.RemoteEntry]:
        heads = self._heads(dossier, journal, since, until)
        rows = self._list(dossier, "ledger_entry_lines", self._span(dossier, journal, since, until), sort="id")
        with self._calls.reading():
            lines: dict[str, list[mapping.Row]] = {}
            for row in rows:
                lines.setdefault(mapping.number(row["ledger_entry"]["id"]), []).append(row)
            found = [mapping.entry(row, lines.get(mapping.number(row["id"]), []), journal) for row in heads]
        yield from found

    def _heads(self, dossier: str, journal: str, since: date, until: date) -> list[mapping.Row]:
        return self._list(dossier, "ledger_entries", self._span(dossier, journal, since, until), sort="id")

    def _span(self, dossier: str, journal: str, since: date, until: date) -> list[dict[str, str]]:
        days = (
            [mapping.condition("date", "eq", since)]
            if since == until
            else [mapping.condition("date", "gteq", since), mapping.condition("date", "lteq", until)]
        )
        return [mapping.condition("journal_id", "eq", self._journal_id(dossier, journal)), *days]

    def _whole(self, dossier: str, row: mapping.Row, journal: str) -> base.RemoteEntry:
        with self._calls.reading():
            entry_id = mapping.number(row["id"])
        if self._firm:
            wanted = [mapping.condition("ledger_entry_id", "eq", entry_id)]
            lines = self._list(dossier, "ledger_entry_lines", wanted, sort="id")
        else:
            lines = self._list(dossier, f"ledger_entries/{entry_id}/ledger_entry_lines", sort="id")
        with self._calls.reading():
            return mapping.entry(row, lines, journal)

    def _journal_id(self, dossier: str, code: str) -> str:
        if code not in self._journal_ids.get(dossier, {}):
            self._journal_ids[dossier] = {journal.code: journal.id for journal in self.journals(dossier)}
        found = self._journal_ids[dossier].get(code)
        if found is None:
            raise Rejected("pennylane.journal_unknown", values={"journal": code})
        return found

    # -------------------------------------------------------------------------- calls

    def _me(self, dossier: str) -> mapping.Row:
        found: mapping.Row = self._calls.json(self._calls.read(dossier, "me", f"{COMPANY}/me"))
        return found

    def _path(self, dossier: str, name: str) -> str:
        """A company's token speaks of its own company whatever we ask: so we make sure that it is the right one."""
        if self._firm:
            return f"{FIRM}/companies/{path_part('pennylane', dossier)}/{name}"
        if not self._own:
            me = self._me(dossier)
            with self._calls.reading():
                self._own = mapping.own_dossier(me).code
        if self._own != dossier:
            raise Rejected("pennylane.other_company", status=404)
        return f"{COMPANY}/{name}"

    def _list(
        self,
        dossier: str,
        name: str,
        conditions: Sequence[Mapping[str, str]] = (),
        *,
        size: int = PAGE,
        sort: str = "",
    ) -> list[mapping.Row]:
        """All rows of a list that is turned over by a cursor."""
        path = self._path(dossier, name)
        endpoint = "ledger_entry_lines" if name.endswith("/ledger_entry_lines") else name
        query = {"limit": str(size)} | ({"sort": sort} if sort else {})
        if conditions:
            query["filter"] = json.dumps(list(conditions), separators=(",", ":"))

        def page(cursor: str) -> tuple[list[mapping.Row], str | None]:
            reply = self._calls.read(dossier, endpoint, path, query | ({"cursor": cursor} if cursor else {}))
            told = self._calls.json(reply)
            with self._calls.reading(reply):
                following = told["next_cursor"] if told["has_more"] else None
                return list(told["items"]), str(following) if following else None

        return paging.all_rows("pennylane", "", page)

    def _numbered(self, dossier: str, endpoint: str, path: str) -> list[mapping.Row]:
        """All rows of a list whose pages are numbered, as the firm's interface has them."""
        return paging.all_rows("pennylane", 1, partial(self._page, dossier, endpoint, path))

    def _page(
        self, dossier: str, endpoint: str, path: str, number: int, *, size: int = PAGE
    ) -> tuple[list[mapping.Row], int | None]:
        reply = self._calls.read(dossier, endpoint, path, {"page": str(number), "per_page": str(size)})
        page = self._calls.json(reply)
        with self._calls.reading(reply):
            return list(page["items"]), None if number >= int(page["total_pages"]) else number + 1
