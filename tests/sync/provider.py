"""A bookkeeping package in memory, for tests of the state machine: it keeps a ledger and can fail in every way.

It is the oracle too: `booked` counts what really stands there, whatever the product believes.
"""

from __future__ import annotations

import calendar
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import requests

from portal.connectors.base import (
    Dossier,
    EntryKind,
    Gate,
    Identity,
    Journal,
    JournalType,
    LedgerAccount,
    OutgoingEntry,
    OutgoingLine,
    Period,
    Relation,
    RemoteEntry,
    VatCode,
)
from portal.connectors.errors import ConnectorError, Rejected, Temporary
from portal.connectors.login import AuthMode, Form
from portal.connectors.manifest import Capabilities, Limits, Manifest

MANIFEST = Manifest(
    key="pretend",
    label="Pretend Books",
    kind="bookkeeping",
    auth=AuthMode.KEY,
    hosts={"be": "https://pretend.invalid"},
    reads=(),
    sends=(),
    never=(),
    capabilities=Capabilities(bank_entries=True, several_dossiers=True, invoices=True, reversal=True),
    limits=Limits(settle_seconds=120),
    countries=("BE",),
    maturity="sandbox",
)
T = TypeVar("T")
EXPLANATIONS: dict[str, Any] = {}

ACCOUNTS = [
    LedgerAccount("550000", "Bank", "a-550000", "bank"),
    LedgerAccount("499000", "Suspense", "a-499000", "general"),
    LedgerAccount("604000", "Goods", "a-604000", "costs"),
    LedgerAccount("702000", "Sales", "a-702000", "revenue"),
    LedgerAccount("612000", "Supplies", "a-612000", "costs"),
    LedgerAccount("613000", "Old supplies", "a-613000", "costs", blocked=True),
]
JOURNALS = [
    Journal("20", "Bank", JournalType.BANK, "j-20", "EUR", "550000"),
    Journal("90", "General", JournalType.GENERAL, "j-90", "EUR"),
    Journal("60", "Purchases", JournalType.PURCHASE, "j-60", "EUR", "440000"),
    Journal("70", "Sales", JournalType.SALES, "j-70", "EUR", "400000"),
]
RELATIONS = [
    Relation("r-mill", "1", "Maalderij Callens", "BE", "BE 0417.497.106"),
    Relation("r-shop", "2", "Koffiehuis & Co", "NL", "NL004495445B01", "27124700"),
    Relation("r-counter", "3", "Counter sales", "BE"),
]
VAT_CODES = [
    VatCode("0", "None", Decimal(0), type="none"),
    VatCode("P6", "Purchases 6 %", Decimal("0.06"), "purchase", "excluding"),
    VatCode("P21", "Goods 21 %", Decimal("0.21"), "purchase", "excluding"),
    VatCode("D21", "Services 21 %", Decimal("0.21"), "purchase", "excluding"),
    VatCode("S6", "Sales 6 %", Decimal("0.06"), "sales", "excluding"),
    VatCode("S21", "Sales 21 %", Decimal("0.21"), "sales", "excluding"),
    VatCode("S21I", "Sales 21 % included", Decimal("0.21"), "sales", "including"),
]
PERIODS = [
    Period(year, month, date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
    for year in (2023, 2024, 2025, 2026)
    for month in range(1, 13)
]


@dataclass
class Package:
    """The server's side. A script holds what happens to the next writes, first in first out."""

    entries: dict[str, list[RemoteEntry]] = field(default_factory=dict)  # by dossier
    script: list[str | ConnectorError] = field(default_factory=list)
    reads: list[ConnectorError] = field(default_factory=list)  # failures of the next look-ups
    late: list[tuple[str, RemoteEntry]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)  # ("post" | "find" | …, dossier)
    before_post: Callable[[str], None] = lambda dossier: None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def booked(self, reference: str) -> int:
        return sum(entry.reference == reference for entries in self.entries.values() for entry in entries)

    def total(self) -> Decimal:
        """What all entries together debit."""
        return sum((entry.total_debit for entries in self.entries.values() for entry in entries), Decimal(0))

    @property
    def writes(self) -> int:
        return sum(kind == "post" for kind, _ in self.calls)

    def settle(self) -> None:
        """Commit what was still under way."""
        for dossier, entry in self.late:
            self.entries.setdefault(dossier, []).append(entry)
        self.late.clear()

    def write(self, dossier: str, entry: RemoteEntry) -> RemoteEntry:
        with self._lock:
            number = next(self._numbers)
            step = self.script.pop(0) if self.script else "ok"
            entry = replace(entry, id=f"id-{number}", number=str(number))
            if isinstance(step, ConnectorError):
                raise step
            if step == "late":
                self.late.append((dossier, entry))
            elif step != "lost_before":
                self.entries.setdefault(dossier, []).append(entry)
        if step == "ok":
            return replace(entry, reference="", total_debit=Decimal(0), line_count=0, lines=())
        raise Temporary("pretend.cut_off", sent=True)


@dataclass
class Client:
    """Our side of it, as a connector would be."""

    package: Package | None = None

    def identity(self) -> Identity:
        return Identity("u-1", "Pretend", "pretend@example.com", "Pretend", "")

    def dossiers(self) -> Sequence[Dossier]:
        return ()

    def ledger_accounts(self, dossier: str) -> Sequence[LedgerAccount]:
        return self._read("ledger_accounts", dossier, ACCOUNTS)

    def journals(self, dossier: str) -> Sequence[Journal]:
        return self._read("journals", dossier, JOURNALS)

    def vat_codes(self, dossier: str) -> Sequence[VatCode]:
        return self._read("vat_codes", dossier, VAT_CODES)

    def relations(self, dossier: str) -> Sequence[Relation]:
        return self._read("relations", dossier, RELATIONS)

    def periods(self, dossier: str) -> Sequence[Period]:
        return self._read("periods", dossier, PERIODS)

    def render(self, entry: OutgoingEntry, accounts: Mapping[str, LedgerAccount]) -> bytes:
        lines = []
        for line in entry.lines:
            if line.ledger_account not in accounts:
                raise Rejected("pretend.account_unknown", values={"account": line.ledger_account})
            told = [line.date.isoformat(), line.ledger_account, str(line.amount), line.description]
            lines.append([*told, line.vat_code, str(line.vat)] if entry.kind.is_invoice else told)
        head = [entry.kind, entry.reference, entry.journal, entry.date.isoformat(), entry.currency, entry.bank_account]
        balances: list[str | None] = [
            None if amount is None else str(amount) for amount in (entry.opening, entry.closing)
        ]
        if entry.invoice is not None:
            balances += [entry.invoice.number, entry.invoice.relation, str(entry.invoice.due_date)]
        return json.dumps([head, balances, lines]).encode()

    def post(self, dossier: str, kind: EntryKind, payload: bytes) -> RemoteEntry:
        assert self.package is not None
        self.package.calls.append(("post", dossier))
        self.package.before_post(dossier)
        return self.package.write(dossier, read_payload(payload))

    def find(self, dossier: str, kind: EntryKind, reference: str, journal: str, on: date) -> Sequence[RemoteEntry]:
        assert self.package is not None
        self.package.calls.append(("find", dossier))
        if self.package.reads:
            raise self.package.reads.pop(0)
        return [entry for entry in self.package.entries.get(dossier, ()) if entry.reference == reference]

    def entries(self, dossier: str, kind: EntryKind, journal: str, since: date, until: date) -> Iterator[RemoteEntry]:
        assert self.package is not None
        self.package.calls.append(("entries", dossier))
        for entry in self.package.entries.get(dossier, ()):
            if entry.journal == journal and entry.date is not None and since <= entry.date <= until:
                yield entry

    def _read(self, kind: str, dossier: str, rows: Sequence[T]) -> Sequence[T]:
        assert self.package is not None
        self.package.calls.append((kind, dossier))
        if self.package.reads:
            raise self.package.reads.pop(0)
        return rows


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client()


def read_payload(payload: bytes) -> RemoteEntry:
    head, _, lines = json.loads(payload)
    kind, reference, journal, day, currency, bank = head
    parsed = [
        OutgoingLine(date.fromisoformat(on), code, Decimal(amount), text, *vat[:1], *map(Decimal, vat[1:]))
        for on, code, amount, text, *vat in lines
    ]
    if EntryKind(kind).is_invoice:
        owed = abs(sum((line.amount + line.vat for line in parsed), Decimal(0)))
        return RemoteEntry(
            "", "", reference, journal, date.fromisoformat(day), currency, owed, len(parsed), tuple(parsed)
        )
    debit = sum((line.amount for line in parsed if line.amount > 0), Decimal(0))
    own = tuple(line for line in parsed if kind != "bank" or line.ledger_account != bank)
    return RemoteEntry("", "", reference, journal, date.fromisoformat(day), currency, debit, len(own), own)
