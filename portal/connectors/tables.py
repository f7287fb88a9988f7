"""A layout of columns that the firm chooses: which, in which order, and what stands between them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from portal.connectors.layouts import CRLF, Book, Booked, Side, amount, clean, encoded, pieces, refusal
from portal.connectors.login import FieldKind, FormField
from portal.kernel.words import N_

SEPARATORS: Mapping[str, str] = {"semicolon": ";", "tab": "\t", "comma": ",", "bar": "|"}
DATES: Mapping[str, str] = {
    "ddmmyy": "%d%m%y",
    "ddmmyyyy": "%d%m%Y",
    "dd/mm/yyyy": "%d/%m/%Y",
    "yyyymmdd": "%Y%m%d",
    "yyyy-mm-dd": "%Y-%m-%d",
}
MOST_COLUMNS = 20
USUAL = "journal,date,number,reference,account,account_name,description,debit,credit,currency"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file, with what it belongs to."""

    book: Book
    booked: Booked
    piece: str
    side: Side
    dates: str
    decimal: str

    def day(self, on: date) -> str:
        return on.strftime(DATES[self.dates])

    @property
    def debit(self) -> str:
        return amount(self.side.amount, self.decimal) if self.side.amount > 0 else ""

    @property
    def credit(self) -> str:
        return amount(self.side.amount, self.decimal) if self.side.amount < 0 else ""


COLUMNS: Mapping[str, tuple[str, Callable[[Row], str]]] = {  # key → label, value
    "line_type": (N_("The letter G, for a general line"), lambda row: "G"),
    "journal": (N_("Journal"), lambda row: row.booked.entry.journal),
    "journal_name": (N_("Name of the journal"), lambda row: _journal_name(row)),
    "date": (N_("Date"), lambda row: row.day(row.side.on)),
    "number": (N_("Number of the entry"), lambda row: row.piece),
    "reference": (N_("Our reference"), lambda row: row.booked.entry.reference),
    "account": (N_("Ledger account"), lambda row: row.side.account),
    "account_name": (N_("Name of the ledger account"), lambda row: _account_name(row)),
    "third_party": (N_("Third party (left empty)"), lambda row: ""),
    "description": (N_("Description"), lambda row: row.side.text),
    "payment_mode": (N_("Way of payment (left empty)"), lambda row: ""),
    "due_date": (N_("Due date (left empty)"), lambda row: ""),
    "debit": (N_("Debit"), lambda row: row.debit),
    "credit": (N_("Credit"), lambda row: row.credit),
    "side": (N_("Side: D or C"), lambda row: "D" if row.side.amount > 0 else "C"),
    "amount": (N_("Amount without sign"), lambda row: amount(row.side.amount, row.decimal)),
    "signed_amount": (
        N_("Amount, credit with a minus"),
        lambda row: ("-" if row.side.amount < 0 else "") + amount(row.side.amount, row.decimal),
    ),
    "currency": (N_("Currency"), lambda row: row.booked.entry.currency),
    "empty": (N_("An empty column"), lambda row: ""),
}
# Without these, and one of the ways to tell an amount, a file would not say what is booked.
_NEEDED = {"journal", "date", "account"}
_AMOUNTS = ({"debit", "credit"}, {"side", "amount"}, {"signed_amount"})


def _journal_name(row: Row) -> str:
    code = row.booked.entry.journal
    return clean(row.book.journals[code].name) if code in row.book.journals else code


def _account_name(row: Row) -> str:
    code = row.side.account
    return clean(row.book.accounts[code].name) if code in row.book.accounts else code


def fields(*, columns: str, separator: str, dates: str, decimal: str, header: str) -> tuple[FormField, ...]:
    """The questions of a table, with these defaults. `columns` are keys with a comma between them."""
    return (
        FormField(
            "separator",
            N_("Between the columns"),
            FieldKind.CHOICE,
            choices=(
                ("semicolon", N_("Semicolon")),
                ("tab", N_("Tab")),
                ("comma", N_("Comma")),
                ("bar", N_("Vertical bar")),
            ),
            default=separator,
        ),
        FormField(
            "dates",
            N_("Dates"),
            FieldKind.CHOICE,
            choices=(
                ("ddmmyy", "311226"),
                ("ddmmyyyy", "31122026"),
                ("dd/mm/yyyy", "31/12/2026"),
                ("yyyymmdd", "20261231"),
                ("yyyy-mm-dd", "2026-12-31"),
            ),
            default=dates,
        ),
        FormField(
            "decimal",
            N_("Decimals"),
            FieldKind.CHOICE,
            choices=(("comma", "1234,50"), ("point", "1234.50")),
            default=decimal,
        ),
        FormField(
            "header",
            N_("First line with the names of the columns"),
            FieldKind.CHOICE,
            choices=(("yes", N_("yes")), ("no", N_("no"))),
            default=header,
        ),
        FormField("columns", N_("Columns, in this order"), default=columns),
    )


def problem_with(columns: Sequence[str]) -> str:
    """Why these columns are no file, as a code; "" when they are one."""
    if not set(columns) <= set(COLUMNS):
        return "exchange.column_unknown"
    told = set(columns)
    if not told >= _NEEDED or not any(needed <= told for needed in _AMOUNTS):
        return "exchange.columns_missing"
    return "exchange.columns_many" if len(columns) > MOST_COLUMNS else ""


def write(
    book: Book, entries: Sequence[Booked], questions: Sequence[FormField], charset: FormField, *, quotes: bool
) -> bytes:
    """`quotes`: a text with a separator in it stands between quotes; else it is refused. Raises Rejected."""
    chosen = {field.key: book.setting(field) for field in (*questions, charset)}
    columns = chosen["columns"].split(",")
    separator = SEPARATORS[chosen["separator"]]
    parts = []
    if chosen["header"] == "yes":
        parts.append(_line(columns, separator, quotes) + CRLF)
    written = [encoded(book, chosen["charset"], "".join(parts), f"{book.app} {book.file}")]
    plain = "utf-8" if chosen["charset"] == "utf-8-bom" else chosen["charset"]  # the mark stands once
    decimal = {"comma": ",", "point": "."}[chosen["decimal"]]
    for booked in entries:
        lines = []
        for piece, _on, rows in pieces(booked):
            for side in rows:
                row = Row(book, booked, piece, side, chosen["dates"], decimal)
                cells = [COLUMNS[key][1](row) for key in columns]
                if not quotes:
                    _unparted(book, cells, separator, booked.entry.reference)
                lines.append(_line(cells, separator, quotes) + CRLF)
        written.append(encoded(book, plain, "".join(lines), booked.entry.reference))
    return b"".join(written)


def _line(cells: Sequence[str], separator: str, quotes: bool) -> str:
    if not quotes:
        return separator.join(cells)
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="").writerow(cells)
    return out.getvalue()


def _unparted(book: Book, cells: Sequence[str], separator: str, reference: str) -> None:
    for cell in cells:
        if separator in cell:
            told = f"{reference}: “{cell}” holds the separator {separator}"
            raise refusal(book.app, "separator", told, cell=cell, reference=reference)
