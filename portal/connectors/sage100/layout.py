"""What Sage 100 reads: the PNM file of fixed places, or a text import with the columns of the firm's own form.

Sources and doubts: README.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from portal.connectors import tables
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
    refusal,
    sides,
)
from portal.connectors.login import FieldKind, FormField
from portal.kernel.words import N_

FORM = FormField(
    "form",
    N_("Form of the file"),
    FieldKind.CHOICE,
    help=N_("PNM is the form that every Sage 100 reads. For a text import, choose the columns as your Sage has them."),
    choices=(("pnm", N_("PNM, fixed places")), ("text", N_("Text import, the columns below"))),
    default="pnm",
)
TABLE = tables.fields(
    columns="line_type,journal,date,number,account,third_party,description,payment_mode,due_date,debit,credit",
    separator="tab",
    dates="ddmmyy",
    decimal="comma",
    header="no",
)
CHARSET = charset_field("windows-1252", "iso-8859-15", "dos-850", "mac-roman", "utf-8", "ascii")
SETTINGS: Sequence[FormField] = (FORM, CHARSET, *TABLE)
LINE_LENGTH = 105
COMPANY_LENGTH, JOURNAL_LENGTH, ACCOUNT_LENGTH, REFERENCE_LENGTH, TEXT_LENGTH = 30, 3, 13, 13, 25


def write(book: Book, entries: Sequence[Booked]) -> bytes:
    """Raises Rejected."""
    if book.setting(FORM) == "text":
        return tables.write(book, entries, TABLE, CHARSET, quotes=False)
    charset = book.setting(CHARSET)
    company = clean(book.company)[:COMPANY_LENGTH]
    written = [encoded(book, charset, company + CRLF, company)]
    for booked in entries:
        lines = "".join(_line(book, booked, side) + CRLF for side in sides(booked.entry))
        written.append(encoded(book, charset, lines, booked.entry.reference))
    return b"".join(written)


def file_name(book: Book) -> str:
    return f"{book.file_stem}.{'txt' if book.setting(FORM) == 'text' else 'pnm'}"


def _line(book: Book, booked: Booked, side: Side) -> str:
    """105 letters: no place of a currency is needed, as the file is in that of the dossier."""
    entry = booked.entry
    line = (
        f"{_code(book, 'journal', entry.journal, JOURNAL_LENGTH, entry.reference)}{side.on:%d%m%y}OD"
        f"{_code(book, 'ledger account', side.account, ACCOUNT_LENGTH, entry.reference)}G{'':13}"
        f"{_own_reference(book, booked)}{side.text[:TEXT_LENGTH]:25}{'':1}{'':6}"
        f"{'D' if side.amount > 0 else 'C'}{amount(side.amount, '.'):>20}N"
    )
    if len(line) != LINE_LENGTH:
        raise AssertionError(f"{entry.reference}: a line of {len(line)}")
    return line


def _code(book: Book, what: str, value: str, length: int, reference: str) -> str:
    return fits(book, what, value, length, reference).ljust(length)


def _own_reference(book: Book, booked: Booked) -> str:
    """Number of the file and of the entry: what finds our files again in Sage, in thirteen letters."""
    told = f"KP-{book.file}-{booked.number}"
    if len(told) > REFERENCE_LENGTH:
        said = f"{booked.entry.reference}: {told} is longer than {REFERENCE_LENGTH}"
        raise refusal(book.app, "code_length", said, code=told, length=str(REFERENCE_LENGTH))
    return told.ljust(REFERENCE_LENGTH)
