"""What an accountant brings into Tiime: a FEC, or a table of columns that the firm chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from portal.connectors import tables
from portal.connectors.base import FieldKind, FormField
from portal.connectors.csv.layout import COLUMNS
from portal.connectors.fec import layout as fec
from portal.connectors.layouts import Book, Booked, charset_field
from portal.kernel.words import N_

FORM = FormField(
    "form",
    N_("Form of the file"),
    FieldKind.CHOICE,
    choices=(("fec", N_("FEC, eighteen columns")), ("csv", N_("CSV, the columns below"))),
    default="fec",
)
TABLE = tables.fields(columns=COLUMNS, separator="semicolon", dates="dd/mm/yyyy", decimal="comma", header="yes")
CHARSET = charset_field("iso-8859-15", "utf-8", "utf-8-bom", "windows-1252", "ascii")
SETTINGS: Sequence[FormField] = (FORM, CHARSET, *TABLE)


def write(book: Book, entries: Sequence[Booked]) -> bytes:
    """Raises Rejected."""
    if book.setting(FORM) == "csv":
        return tables.write(book, entries, TABLE, CHARSET, quotes=True)
    return fec.write(_as_fec(book), entries)


def file_name(book: Book) -> str:
    return f"{book.file_stem}.csv" if book.setting(FORM) == "csv" else fec.file_name(book)


def _as_fec(book: Book) -> Book:
    """The law knows tab and bar; what is chosen for the table is not meant for it."""
    charset = book.setting(CHARSET)
    return replace(book, settings={"charset": "utf-8" if charset == "utf-8-bom" else charset})
