"""What an accountant brings into Tiime: a FEC, or a table of columns that the firm chooses."""

from __future__ import annotations

from collections.abc import Sequence

from portal.connectors import fec_table, tables
from portal.connectors.layouts import Book, Booked, charset_field
from portal.connectors.login import FieldKind, FormField
from portal.kernel.words import N_

FORM = FormField(
    "form",
    N_("Form of the file"),
    FieldKind.CHOICE,
    choices=(("fec", N_("FEC, eighteen columns")), ("csv", N_("CSV, the columns below"))),
    default="fec",
)
TABLE = tables.fields(columns=tables.USUAL, separator="semicolon", dates="dd/mm/yyyy", decimal="comma", header="yes")
CHARSET = charset_field("iso-8859-15", "utf-8", "utf-8-bom", "windows-1252", "ascii")
SETTINGS: Sequence[FormField] = (FORM, CHARSET, *TABLE)


def write(book: Book, entries: Sequence[Booked]) -> bytes:
    """Raises Rejected."""
    charset = book.setting(CHARSET)
    if book.setting(FORM) == "csv":
        return tables.write(book, entries, TABLE, CHARSET, quotes=True)
    # The law knows no mark at the start, and what is chosen for the table is not meant for it.
    return fec_table.write(book, entries, "utf-8" if charset == "utf-8-bom" else charset, "tab")


def file_name(book: Book) -> str:
    return f"{book.file_stem}.csv" if book.setting(FORM) == "csv" else fec_table.file_name(book)
