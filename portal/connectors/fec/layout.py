"""The FEC as a file: the form of the law, with the choices that it leaves. Sources and doubts: README.md."""

from __future__ import annotations

from collections.abc import Sequence

from portal.connectors import fec_table
from portal.connectors.layouts import Book, Booked, charset_field
from portal.connectors.login import FieldKind, FormField
from portal.kernel.words import N_

SEPARATOR = FormField(
    "separator",
    N_("Between the columns"),
    FieldKind.CHOICE,
    choices=(("tab", N_("Tab")), ("bar", N_("Vertical bar"))),
    default="tab",
)
CHARSET = charset_field("iso-8859-15", "ascii", "utf-8", "windows-1252")
SETTINGS: Sequence[FormField] = (SEPARATOR, CHARSET)


def write(book: Book, entries: Sequence[Booked]) -> bytes:
    """Raises Rejected."""
    return fec_table.write(book, entries, book.setting(CHARSET), book.setting(SEPARATOR))


def file_name(book: Book) -> str:
    return fec_table.file_name(book)
