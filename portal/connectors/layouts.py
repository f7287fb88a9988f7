"""What apps share whose entries go out as files: approved bytes, what a layout is given, and what it refuses.

A layout is a pure function of entries and facts about the dossier to the bytes of a file. What cannot be
written as it is meant is refused as `Rejected`, never written otherwise. Nothing here knows where entries wait
until they are in a file.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from portal.connectors.base import (
    Dossier,
    EntryKind,
    Identity,
    Journal,
    LedgerAccount,
    OutgoingEntry,
    OutgoingLine,
    Period,
    Relation,
    RemoteEntry,
    VatCode,
)
from portal.connectors.errors import AuthorisationExpired, Rejected
from portal.connectors.login import FieldKind, FormField
from portal.kernel.words import N_

CENT = Decimal("0.01")
CRLF = "\r\n"
LARGEST = Decimal("99999999999999.99")  # sixteen figures: what the narrowest column of all layouts holds
CHARSETS: Mapping[str, str] = {  # as people choose → as Python names it
    "windows-1252": "cp1252",
    "iso-8859-15": "iso8859-15",
    "utf-8": "utf-8",
    "utf-8-bom": "utf-8-sig",
    "dos-850": "cp850",
    "mac-roman": "mac-roman",
    "ascii": "ascii",
}
CHARSET_WORDS: Mapping[str, str] = {
    "windows-1252": N_("Windows (1252)"),
    "iso-8859-15": N_("ISO 8859-15"),
    "utf-8": N_("UTF-8"),
    "utf-8-bom": N_("UTF-8 with a mark at the start, as Excel likes it"),
    "dos-850": N_("DOS (850)"),
    "mac-roman": N_("Mac OS Roman"),
    "ascii": N_("ASCII, without accents"),
}


@dataclass(frozen=True, slots=True)
class Book:
    """What a file has to know of the dossier and the fiscal year that it is for. All entries lie in that year."""

    app: str
    company: str
    number: str  # the number people know the dossier by
    siren: str  # nine digits, "" where the dossier has none
    currency: str
    starts_on: date
    ends_on: date  # the closing date of the fiscal year
    file: int  # 1, 2, … without a gap, in this dossier
    accounts: Mapping[str, LedgerAccount]
    journals: Mapping[str, Journal]
    settings: Mapping[str, str]  # by the key of the layout's own fields; what is absent is as its default
    made_at: datetime

    def setting(self, field: FormField) -> str:
        return self.settings.get(field.key, field.default)

    @property
    def file_stem(self) -> str:
        """The dossier's number as it may stand in a file name, and the number of the file."""
        kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in self.number).strip("-") or "dossier"
        return f"{kept}-{self.file:04d}"


@dataclass(frozen=True, slots=True)
class Booked:
    """One entry, and its number in the dossier: 1, 2, … without a gap."""

    number: int
    entry: OutgoingEntry


class Layout(Protocol):
    """A module of a connector that makes the bytes. Raises Rejected, with the entry's reference, and nothing else."""

    SETTINGS: Sequence[FormField]

    def write(self, book: Book, entries: Sequence[Booked]) -> bytes: ...
    def file_name(self, book: Book) -> str: ...


def charset_field(default: str, *choices: str) -> FormField:
    return FormField(
        "charset",
        N_("Character set"),
        FieldKind.CHOICE,
        help=N_("How letters with accents are written. What the chosen set lacks is refused, never replaced."),
        choices=tuple((key, CHARSET_WORDS[key]) for key in (default, *choices)),
        default=default,
    )


# ------------------------------------------------------------------------------ refusals


def refusal(app: str, what: str, text: str, **values: str) -> Rejected:
    """`text` says it in plain words, as a package would."""
    return Rejected(f"{app}.{what}", provider_text=text, values=values)


def encoded(book: Book, charset: str, text: str, reference: str) -> bytes:
    """The bytes of one part of the file. Raises Rejected that names the first letter which the set lacks."""
    try:
        return text.encode(CHARSETS[charset])
    except UnicodeEncodeError as lacking:
        letter, at = lacking.object[lacking.start], lacking.start
        around = clean(lacking.object[max(0, at - 20) : at + 20])
        told = f"{reference}: the character set {charset} has no “{letter}”, in “{around}”"
        raise refusal(
            book.app, "character", told, character=letter, charset=charset, reference=reference, around=around
        ) from None


def fits(book: Book, what: str, value: str, length: int, reference: str) -> str:
    """A code that is never cut: a shorter one would be another. Raises Rejected."""
    if len(value) > length:
        told = f"{reference}: {what} {value} is longer than {length}"
        raise refusal(book.app, "code_length", told, code=value, length=str(length), reference=reference)
    return value


# ------------------------------------------------------------------------------ values


def clean(text: str) -> str:
    """One line, composed letters, no controls: what separates columns and lines is no part of a text."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in composed).split())


def amount(value: Decimal, decimal: str = ",") -> str:
    """Without sign and grouping, two decimals: 1234,50."""
    return format(abs(value).quantize(CENT), "f").replace(".", decimal)


@dataclass(frozen=True, slots=True)
class Side:
    """One line of the file: `amount` > 0 is a debit, and is never zero."""

    on: date
    account: str
    amount: Decimal
    text: str


def sides(entry: OutgoingEntry) -> list[Side]:
    """The lines of an entry as a journal shows them: each of the others followed by the bank's side of it.

    So the entry balances on every day, and in every month, that it has lines on. What is nought is left out.
    """
    own = own_lines(entry)
    # What comes and goes to the same amount has no line of the bank, and moved on the bank all the same.
    banked = entry.kind is EntryKind.BANK or entry.opening is not None or len(own) < len(entry.lines)
    if not banked:
        return [_side(line, entry.reference) for line in own if line.amount]
    return [
        Side(line.date, account, value, clean(line.description) or entry.reference)
        for line in own
        if line.amount
        for account, value in ((line.ledger_account, line.amount), (entry.bank_account, -line.amount))
    ]


def own_lines(entry: OutgoingEntry) -> tuple[OutgoingLine, ...]:
    """Without the bank's side."""
    return tuple(line for line in entry.lines if line.ledger_account != entry.bank_account)


def _side(line: OutgoingLine, reference: str) -> Side:
    return Side(line.date, line.ledger_account, line.amount, clean(line.description) or reference)


def pieces(booked: Booked) -> Iterator[tuple[str, date, list[Side]]]:
    """(number, day, lines) of each day of an entry; the number of one with several days has a part after it."""
    days: dict[date, list[Side]] = {}
    for side in sides(booked.entry):
        days.setdefault(side.on, []).append(side)
    for part, on in enumerate(sorted(days), 1):
        yield (str(booked.number) if len(days) == 1 else f"{booked.number}-{part}"), on, days[on]


# ------------------------------------------------------------------------------ approved bytes


def render(app: str, entry: OutgoingEntry, accounts: Mapping[str, LedgerAccount]) -> bytes:
    """What is approved and kept, the same for every layout; the file is made of it. Raises Rejected."""
    if entry.kind.is_invoice:
        raise refusal(app, "no_invoices", "files hold journal entries only", reference=entry.reference)
    lines = [
        {
            "date": line.date.isoformat(),
            "account": line.ledger_account
            if line.ledger_account == entry.bank_account
            else _code(app, line.ledger_account, accounts),
            "amount": _cents(app, line.amount, entry.reference),
            "text": line.description,
        }
        for line in entry.lines
    ]
    balances = entry.opening is not None and entry.closing is not None
    document = {
        "kind": entry.kind.value,
        "reference": entry.reference,
        "journal": entry.journal,
        "date": entry.date.isoformat(),
        "currency": entry.currency,
        "bank_account": entry.bank_account,
        "opening": _cents(app, entry.opening, entry.reference) if balances and entry.opening is not None else None,
        "closing": _cents(app, entry.closing, entry.reference) if balances and entry.closing is not None else None,
        "lines": lines,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def read_back(payload: bytes) -> OutgoingEntry:
    """The entry of rendered bytes. Raises ValueError, KeyError or TypeError for other bytes."""
    told = json.loads(payload)
    return OutgoingEntry(
        kind=EntryKind(told["kind"]),
        reference=told["reference"],
        journal=told["journal"],
        date=date.fromisoformat(told["date"]),
        currency=told["currency"],
        bank_account=told["bank_account"],
        opening=None if told["opening"] is None else Decimal(told["opening"]),
        closing=None if told["closing"] is None else Decimal(told["closing"]),
        lines=tuple(
            OutgoingLine(date.fromisoformat(line["date"]), line["account"], Decimal(line["amount"]), line["text"])
            for line in told["lines"]
        ),
    )


def remote(id_: str, booked: Booked) -> RemoteEntry:
    """How a booked entry is told to the product; of a bank entry without the bank's side, as `RemoteEntry` says."""
    entry = booked.entry
    lines = own_lines(entry) if entry.kind is EntryKind.BANK else entry.lines
    debit = sum((line.amount for line in lines if line.amount > 0), Decimal(0))
    credit = -sum((line.amount for line in lines if line.amount < 0), Decimal(0))
    return RemoteEntry(
        id=id_,
        number=str(booked.number),
        reference=entry.reference,
        journal=entry.journal,
        date=entry.date,
        currency=entry.currency,
        total_debit=max(debit, credit),
        line_count=len(lines),
        lines=lines,
    )


def _code(app: str, code: str, accounts: Mapping[str, LedgerAccount]) -> str:
    if code not in accounts:
        raise refusal(app, "account_unknown", f"there is no ledger account {code}", account=code)
    return accounts[code].code


def _cents(app: str, value: Decimal, reference: str) -> str:
    cents = value.quantize(CENT) if abs(value) <= LARGEST else None
    if cents is None or cents != value:
        raise refusal(app, "amount", f"{reference}: the amount {value} does not fit", reference=reference)
    return format(cents + 0, "f")


# ------------------------------------------------------------------------------ checks


def check(app: str, entry: OutgoingEntry, journal: Journal | None, accounts: Mapping[str, LedgerAccount]) -> None:
    """What a package would find wrong with an entry by itself. Raises Rejected."""
    _check_journal(app, entry, journal)
    for line in entry.lines:
        account = accounts.get(line.ledger_account)
        if account is None:
            told = f"there is no ledger account {line.ledger_account}"
            raise refusal(app, "account_unknown", told, account=line.ledger_account)
        if account.blocked:
            told = f"ledger account {account.code} is blocked"
            raise refusal(app, "account_blocked", told, account=account.code)
    left = sum((line.amount for line in entry.lines), Decimal(0))
    moved = -sum((line.amount for line in own_lines(entry)), Decimal(0))
    if entry.kind is EntryKind.BANK and entry.opening is not None and entry.closing is not None:
        left = left or entry.opening + moved - entry.closing
    if left:
        raise refusal(app, "unbalanced", f"{entry.reference} does not balance: {left}", reference=entry.reference)
    if not sides(entry):
        raise refusal(app, "empty", f"{entry.reference} has no line with an amount", reference=entry.reference)
    check_months(app, entry.reference, sides(entry))


def _check_journal(app: str, entry: OutgoingEntry, journal: Journal | None) -> None:
    fitting = {EntryKind.BANK: ("bank", "cash"), EntryKind.GENERAL: ("general",)}[entry.kind]
    if journal is None:
        raise refusal(app, "journal_unknown", f"there is no journal {entry.journal}", journal=entry.journal)
    if journal.blocked:
        raise refusal(app, "journal_blocked", f"journal {entry.journal} is blocked", journal=entry.journal)
    if journal.type not in fitting:
        told = f"journal {entry.journal} is a {journal.type} journal"
        raise refusal(app, "journal_type", told, journal=entry.journal)


def check_months(app: str, reference: str, lines: Iterable[Side]) -> None:
    """Packages that take files want the balance of each journal in each month. Raises Rejected."""
    months: dict[tuple[int, int], Decimal] = {}
    for side in lines:
        key = (side.on.year, side.on.month)
        months[key] = months.get(key, Decimal(0)) + side.amount
    for (year, month), left in months.items():
        if left:
            told = f"{reference} does not balance in {year}-{month:02d}: {left}"
            raise refusal(app, "unbalanced", told, reference=reference)


# ------------------------------------------------------------------------------ the pure part


class Paper:
    """What an app without a server can do where nothing is kept: render. The rest asks for an authorisation."""

    def __init__(self, app: str) -> None:
        self._app = app

    def render(self, entry: OutgoingEntry, accounts: Mapping[str, LedgerAccount]) -> bytes:
        return render(self._app, entry, accounts)

    def identity(self) -> Identity:
        raise self._nowhere()

    def dossiers(self) -> Sequence[Dossier]:
        raise self._nowhere()

    def ledger_accounts(self, dossier: str) -> Sequence[LedgerAccount]:
        raise self._nowhere()

    def journals(self, dossier: str) -> Sequence[Journal]:
        raise self._nowhere()

    def vat_codes(self, dossier: str) -> Sequence[VatCode]:
        raise self._nowhere()

    def relations(self, dossier: str) -> Sequence[Relation]:
        raise self._nowhere()

    def periods(self, dossier: str) -> Sequence[Period]:
        raise self._nowhere()

    def post(self, dossier: str, kind: EntryKind, payload: bytes) -> RemoteEntry:
        raise self._nowhere()

    def find(self, dossier: str, kind: EntryKind, reference: str, journal: str, on: date) -> Sequence[RemoteEntry]:
        raise self._nowhere()

    def entries(self, dossier: str, kind: EntryKind, journal: str, since: date, until: date) -> Iterator[RemoteEntry]:
        raise self._nowhere()

    def _nowhere(self) -> AuthorisationExpired:
        return AuthorisationExpired("authorisation.no_login")
