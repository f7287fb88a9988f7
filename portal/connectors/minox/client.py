"""The HTTP side of Minox: which address, in which order, how many pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import requests

from portal.connectors import base, ledgers, paging
from portal.connectors.calls import JSON_BODY, Calls, path_part
from portal.connectors.errors import Rejected
from portal.connectors.login import Form
from portal.connectors.minox import mapping
from portal.connectors.values import text

BATCH = "transaction_line_batch"


class Client:
    """See `portal.connectors.base.Bookkeeping`. Remembers the fiscal years of administrations."""

    def __init__(
        self,
        session: requests.Session,
        host: str,
        gate: base.Gate,
        form: Form,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tenant = form.get("tenant", "")
        self._calls = Calls("minox", session, host, gate, mapping.failure, sleep=sleep)
        self._listed: dict[str, mapping.Row] = {}  # administrations, while the connection lives
        self._listing = threading.Lock()

    # -------------------------------------------------------------------------- master data

    def identity(self) -> base.Identity:
        """Minox tells nothing of who is logged in; that the list can be read shows that the client number fits."""
        self._administrations("")
        return base.Identity(self._tenant, "", "", f"Minox {self._tenant}", "")

    def dossiers(self) -> Sequence[base.Dossier]:
        return self._calls.each(mapping.administration, self._administrations(""))

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        journals = self.journals(dossier)
        rows = self._rows(dossier, "ledger_account")
        with self._calls.reading():
            return [mapping.ledger_account(row, journals) for row in rows]

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        return self._calls.each(mapping.journal, self._rows(dossier, "journal"))

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        return self._calls.each(mapping.vat_code, self._rows(dossier, "vat"))

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        """Not asked for: documents are booked as entries on the ledger accounts of customers and suppliers."""
        return []

    def periods(self, dossier: str) -> Sequence[base.Period]:
        return [period for year in self._fiscal_years(dossier) for period in year.periods()]

    # -------------------------------------------------------------------------- entries

    def render(self, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return mapping.render(entry, accounts)

    def post(self, dossier: str, kind: base.EntryKind, payload: bytes) -> base.RemoteEntry:
        """Completes what was rendered with the periods, and puts it once at the address that our reference gives."""
        with ledgers.preparing("minox"):
            years = self._fiscal_years(dossier)
        reference, body = mapping.completed(payload, years)
        name = mapping.batch(reference)
        reply = self._calls.write(
            dossier, BATCH, self._path(dossier, f"{BATCH}/{name}"), body, method="PUT", headers=JSON_BODY
        )
        if reply.body:  # what it should hold is not told, but it is no page for people
            self._calls.json(reply)
        return ledgers.entry(name, name, reference, "", None, "EUR")

    def find(
        self, dossier: str, kind: base.EntryKind, reference: str, journal: str, on: date
    ) -> Sequence[base.RemoteEntry]:
        """What stands at the address that our reference gives; 404 is the answer for nothing there."""
        name = mapping.batch(reference)
        try:
            reply = self._calls.read(dossier, BATCH, self._path(dossier, f"{BATCH}/{name}"))
        except Rejected as refused:
            if refused.status == 404:
                return []
            raise
        document = self._calls.json(reply)
        with self._calls.reading(reply):
            lines, _ = mapping.rows(document)
            found = mapping.entries([{**line, "batch_id": name} for line in lines])
            return [replace(entry, reference=reference) for entry in found]

    def entries(
        self, dossier: str, kind: base.EntryKind, journal: str, since: date, until: date
    ) -> Iterator[base.RemoteEntry]:
        """Minox lists the lines of a whole fiscal year; the rest is left out here."""
        for year in self._fiscal_years(dossier):
            if year.starts_on <= until and year.ends_on >= since:
                rows = self._rows(dossier, f"year/{year.number}/transaction_lines", "year/*/transaction_lines")
                with self._calls.reading():
                    found = mapping.entries(row for row in rows if text(row["journal"]["id"]) == journal)
                    wanted = [entry for entry in found if entry.date and since <= entry.date <= until]
                yield from wanted

    # -------------------------------------------------------------------------- calls

    def _fiscal_years(self, dossier: str) -> list[mapping.Year]:
        """They stand in the list of all administrations, so that is read once for all who need it at the same time."""
        with self._listing:
            if dossier not in self._listed:
                rows = self._administrations(dossier)
                with self._calls.reading():
                    self._listed = {str(row["id"]): row for row in rows}
        if dossier not in self._listed:
            raise Rejected("minox.not_found", status=404, values={"dossier": dossier})
        with self._calls.reading():
            return mapping.fiscal_years(self._listed[dossier])

    def _administrations(self, dossier: str) -> list[mapping.Row]:
        return self._pages(dossier, "administration", self._tenanted("administration"))

    def _rows(self, dossier: str, place: str, endpoint: str = "") -> list[mapping.Row]:
        return self._pages(dossier, endpoint or place, self._path(dossier, place))

    def _pages(self, dossier: str, endpoint: str, path: str) -> list[mapping.Row]:
        return paging.linked(self._calls, dossier, endpoint, path, mapping.rows)

    def _path(self, dossier: str, place: str) -> str:
        return self._tenanted(f"administration/{path_part('minox', dossier)}/{place}")

    def _tenanted(self, place: str) -> str:
        return f"api/1/tenant/{path_part('minox', self._tenant)}/{place}"
