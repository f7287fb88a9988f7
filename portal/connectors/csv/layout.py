"""Columns that the firm chooses, as comma separated values: the file for any package that takes one."""

from __future__ import annotations

from collections.abc import Sequence

from portal.connectors import tables
from portal.connectors.layouts import Book, Booked, charset_field
from portal.connectors.login import FormField

TABLE = tables.fields(columns=tables.USUAL, separator="semicolon", dates="yyyy-mm-dd", decimal="comma", header="yes")
CHARSET = charset_field("utf-8", "utf-8-bom", "windows-1252", "iso-8859-15", "ascii", "mac-roman")
SETTINGS: Sequence[FormField] = (*TABLE, CHARSET)


def write(book: Book, entries: Sequence[Booked]) -> bytes:
    """Raises Rejected."""
    return tables.write(book, entries, TABLE, CHARSET, quotes=True)


def file_name(book: Book) -> str:
    return f"{book.file_stem}.csv"
