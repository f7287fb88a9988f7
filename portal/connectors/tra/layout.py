"""The TRA file of Cegid, version 11, journal in standard form: header, a record for each journal, entry lines.

Sources and doubts: README.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from portal.connectors.base import Journal, JournalType
from portal.connectors.layouts import (
    CRLF,
    Book,
    Booked,
    Side,
    amount,
    charset_field,
    clean,
    encoded,
    fits,
    pieces,
    refusal,
)
from portal.connectors.login import FieldKind, FormField
from portal.kernel import clock
from portal.kernel.words import N_

ORIGIN = FormField(
    "origin",
    N_("Made by"),
    FieldKind.CHOICE,
    help=N_("What the header tells of who made the file."),
    choices=(("EXP", N_("an accounting firm (EXP)")), ("CLI", N_("a company (CLI)"))),
    default="EXP",
)
PRODUCT = FormField(
    "product",
    N_("Read by"),
    FieldKind.CHOICE,
    choices=(("S5", "S5 (business place)"), ("S1", "S1 (business line)"), ("QU", "QU (Quadratus)")),
    default="S5",
)
CHARSET = charset_field("windows-1252", "iso-8859-15", "ascii")
SETTINGS: Sequence[FormField] = (ORIGIN, PRODUCT, CHARSET)
ENTRY_LENGTH = 222
NO_DAY = "01011900"
_KINDS = {
    JournalType.BANK: "BQE", JournalType.CASH: "CAI", JournalType.SALES: "VTE", JournalType.PURCHASE: "ACH",
}  # fmt: skip


def write(book: Book, entries: Sequence[Booked]) -> bytes:
    """Raises Rejected."""
    charset = book.setting(CHARSET)
    used = dict.fromkeys(booked.entry.journal for booked in entries)
    head = [_header(book), *(_journal(book, code) for code in used)]
    written = [encoded(book, charset, line + CRLF, f"TRA {book.file}") for line in head]
    for booked in entries:
        reference = booked.entry.reference
        if booked.entry.currency != "EUR":  # MONTANT1 is in euro by E--; another would need a rate
            raise refusal(book.app, "currency", f"{reference} is in {booked.entry.currency}", reference=reference)
        lines = [_line(book, booked, number, side) for number, _on, sides in pieces(booked) for side in sides]
        written.append(encoded(book, charset, "".join(line + CRLF for line in lines), reference))
    return b"".join(written)


def file_name(book: Book) -> str:
    return f"{book.file_stem}.tra"


def _header(book: Book) -> str:
    made_at = book.made_at.astimezone(clock.BUSINESS_ZONE)
    return (
        f"***{book.setting(PRODUCT)}{book.setting(ORIGIN)}JRLSTD"
        f"{'':3}{NO_DAY}{NO_DAY}011{'':5}{made_at:%d%m%Y%H%M}{'Koppelpoort':35}{clean(book.company)[:35]:35}"
        f"{'':4}{'':6}{'':3}{NO_DAY}001--"
    )


def _journal(book: Book, code: str) -> str:
    journal = book.journals.get(code) or Journal(code, code, JournalType.GENERAL, code)
    kind = _KINDS.get(journal.type, "OD")
    automatic = journal.ledger_account if kind in ("BQE", "CAI") else ""
    return (
        f"***JAL{_code(book, 'journal', code, 3)}{clean(journal.name)[:35]:35}{kind:3}{'':3}{'':3}"
        f"{_code(book, 'ledger account', automatic, 17)}{'':3}{'-':3}"
    ).rstrip()


def _code(book: Book, what: str, value: str, length: int, reference: str = "") -> str:
    return fits(book, what, value, length, reference or value).ljust(length)


def _line(book: Book, booked: Booked, number: str, side: Side) -> str:
    reference = booked.entry.reference
    line = (
        f"{_code(book, 'journal', booked.entry.journal, 3, reference)}{side.on:%d%m%Y}OD"
        f"{_code(book, 'ledger account', side.account, 17, reference)}{'':1}{'':17}{reference:35}{side.text[:35]:35}"
        f"{'':3}{NO_DAY}{'D' if side.amount > 0 else 'C'}{amount(side.amount):>20}N{'':8}"
        f"{booked.entry.currency:3}{'':10}E--{'':20}{'':20}{'':3}{'':2}{'':2}"
    )
    if len(line) != ENTRY_LENGTH:
        raise AssertionError(f"{reference}: a line of {len(line)}")
    return line
