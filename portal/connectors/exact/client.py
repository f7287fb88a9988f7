"""The HTTP side of Exact Online: which address, in which order, how many pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar

import requests

from portal.connectors import base
from portal.connectors.calls import Calls, decode
from portal.connectors.errors import ConnectorError, Rejected, UnexpectedReply
from portal.connectors.exact import invoices, mapping
from portal.kernel import http

T = TypeVar("T")

# Without Prefer the echo may be empty but for the key.
POST = {"Content-Type": "application/json", "Prefer": "return=representation"}
MAX_PAGES = 2000
FIND_SPAN = timedelta(days=62)
LINES = "bulk/Financial/TransactionLines"
POSTING = {
    base.EntryKind.BANK: "financialtransaction/BankEntries",
    base.EntryKind.GENERAL: "generaljournalentry/GeneralJournalEntries",
    base.EntryKind.SALES: "salesentry/SalesEntries",
    base.EntryKind.PURCHASE: "purchaseentry/PurchaseEntries",
}
DIVISION = "Code,Description,Status,BlockingStatus,Country,Currency,VATNumber,SiretNumber,CustomerName,ArchiveDate"
LISTS = (("system/Divisions", f"{DIVISION},Hid,ChamberOfCommerceNumber"), ("hrm/Divisions", f"{DIVISION},HID"))
LINE = "EntryID,EntryNumber,JournalCode,Currency,LineNumber,Date,GLAccountCode,AmountFC,Description,Notes"
INVOICE_LINE = f"{LINE},AmountVATFC,VATCode"
VAT = "Code,Description,Percentage,Type,VATTransactionType,IsBlocked"
RELATION = "ID,Code,Name,Country,VATNumber,ChamberOfCommerce,Status,IsSales,IsSupplier,Blocked"
ME = "UserID,UserName,Email,DivisionCustomerName,CurrentDivision,AccountingDivision,DossierDivision"


class Client:
    """See `portal.connectors.base.Bookkeeping`. Keeps nothing between calls but the connection."""

    def __init__(
        self, session: requests.Session, host: str, gate: base.Gate, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._calls = Calls("exact", session, f"{host.rstrip('/')}/api/v1", gate, _failure, sleep=sleep)
        self._reading = self._calls.reading

    # -------------------------------------------------------------------------- master data

    def identity(self) -> base.Identity:
        me = self._me()
        with self._reading():
            return mapping.identity(me)

    def dossiers(self) -> Sequence[base.Dossier]:
        """The list needs a division in its address, and refuses one outside the app's scope."""
        me = self._me()
        known = [mapping.text(me.get(name)) for name in ("CurrentDivision", "AccountingDivision", "DossierDivision")]
        refusal = Rejected("exact.no_dossier")
        for division in dict.fromkeys(filter(None, known)):
            for endpoint, fields in LISTS:
                try:
                    return self._all(division, endpoint, fields, mapping.dossier)
                except Rejected as refused:
                    refusal = refused
                    if refused.code == "exact.division_scope":
                        break
        raise refusal

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        fields = "ID,Code,Description,Type,IsBlocked"
        return self._all(dossier, "bulk/Financial/GLAccounts", fields, mapping.ledger_account)

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        fields = "ID,Code,Description,Type,Currency,GLAccountCode,BankAccountIBAN,IsBlocked"
        return self._all(dossier, "financial/Journals", fields, mapping.journal)

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        return self._all(dossier, "vat/VATCodes", VAT, mapping.vat_code)

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        return self._all(dossier, "bulk/CRM/Accounts", RELATION, mapping.relation)

    def periods(self, dossier: str) -> Sequence[base.Period]:
        found = self._rows(dossier, "financial/FinancialPeriods", "FinYear,FinPeriod,StartDate,EndDate")
        status = ("read/financial/JournalStatusList", "Journal,Year,Period,Status")
        try:
            closed = self._rows(dossier, *status, "Status eq 1")
        except Rejected as refused:
            if refused.code != "exact.filter_refused":
                raise
            closed = self._rows(dossier, *status)
        with self._reading():
            return mapping.periods(found, closed)

    # -------------------------------------------------------------------------- entries

    def render(self, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return invoices.render(entry, accounts) if entry.kind.is_invoice else mapping.render(entry, accounts)

    def post(self, dossier: str, kind: base.EntryKind, payload: bytes) -> base.RemoteEntry:
        """The answer holds the id and, as a rule, the number; `find` reads the lines back."""
        endpoint = POSTING[kind]
        reply = self._calls.write(dossier, endpoint, f"{dossier}/{endpoint}", payload, headers=POST)
        with self._reading(reply):
            return mapping.posted(decode(reply.body)["d"])

    def find(
        self, dossier: str, kind: base.EntryKind, reference: str, journal: str, on: date
    ) -> Sequence[base.RemoteEntry]:
        """By the Notes of the lines; should Exact refuse that filter, by reading the journal around `on`."""
        wanted = f"JournalCode eq {mapping.literal(journal)} and Notes eq {mapping.literal(reference)}"
        try:
            lines = self._rows(dossier, LINES, INVOICE_LINE if kind.is_invoice else LINE, wanted)
        except Rejected as refused:
            if refused.code != "exact.filter_refused":
                raise
            around = self.entries(dossier, kind, journal, on - FIND_SPAN, on + FIND_SPAN)
            return [entry for entry in around if entry.reference == reference]
        with self._reading():
            found = invoices.entries(lines) if kind.is_invoice else mapping.entries(lines)
            return [entry for entry in found if entry.reference == reference]

    def entries(
        self, dossier: str, kind: base.EntryKind, journal: str, since: date, until: date
    ) -> Iterator[base.RemoteEntry]:
        """Judged by the date of each line: an entry across the edge of the span is seen in part."""
        bank = self._bank_account(dossier, journal) if kind is base.EntryKind.BANK else ""
        span = f"Date ge {mapping.literal(since)} and Date le {mapping.literal(until)}"
        wanted = f"JournalCode eq {mapping.literal(journal)} and {span}"
        lines = self._rows(dossier, LINES, INVOICE_LINE if kind.is_invoice else LINE, wanted)
        with self._reading():
            found = invoices.entries(lines) if kind.is_invoice else mapping.entries(lines, bank)
        yield from found

    def _bank_account(self, dossier: str, journal: str) -> str:
        return next((own.ledger_account for own in self.journals(dossier) if own.code == journal), "")

    # -------------------------------------------------------------------------- calls

    def _me(self) -> mapping.Row:
        rows = self._pages("", "current/Me", "current/Me", {"$select": ME})
        with self._reading():
            return rows[0]

    def _all(self, dossier: str, endpoint: str, fields: str, read: Callable[[mapping.Row], T]) -> list[T]:
        return self._calls.each(read, self._rows(dossier, endpoint, fields))

    def _rows(self, dossier: str, endpoint: str, fields: str, where: str = "") -> list[mapping.Row]:
        query = {"$select": fields} | ({"$filter": where} if where else {})
        return self._pages(dossier, endpoint, f"{dossier}/{endpoint}", query)

    def _pages(self, dossier: str, endpoint: str, path: str, query: Mapping[str, str]) -> list[mapping.Row]:
        """All rows of a list. The address of the next page holds the whole query."""
        start = url = self._calls.address(path)
        found = list[mapping.Row]()
        for _ in range(MAX_PAGES):
            reply = self._calls.read(dossier, endpoint, url, query)
            with self._reading(reply):
                page, following = mapping.rows(decode(reply.body))
                found += page
            if not following:
                return found
            if following == url:
                raise UnexpectedReply("exact.foreign_link", status=reply.status)
            self._calls.follow(start.lower(), following.lower())
            url, query = following, {}
        raise UnexpectedReply("exact.endless_list")


def _failure(reply: http.Reply) -> ConnectorError | None:
    return mapping.failure(reply.status, reply.headers, reply.body)
