"""The Fichier des écritures comptables: eighteen columns with their names, one line for each side of an entry.

Sources and doubts: fec/README.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from portal.connectors.layouts import CRLF, Book, Booked, amount, clean, encoded, pieces, refusal

COLUMNS = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib",
    "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise",
    "Idevise",
)  # fmt: skip
_SIGNS = {"tab": "\t", "bar": "|"}
_NONE = "0,00"


def write(book: Book, entries: Sequence[Booked], charset: str, separator: str) -> bytes:
    """`separator`: "tab" or "bar". Raises Rejected."""
    sign = _SIGNS[separator]
    siren(book)
    written = [encoded(book, charset, sign.join(COLUMNS), "FEC")]
    for booked in entries:
        reference = booked.entry.reference
        for cells in _rows(book, booked):
            for cell in cells:
                if sign in cell:
                    told = f"{reference}: “{cell}” holds the separator {sign}"
                    raise refusal(book.app, "separator", told, cell=cell, reference=reference)
            # Before each line and not after it: a blank line at the end is refused.
            written.append(encoded(book, charset, CRLF + sign.join(cells), reference))
    return b"".join(written)


def file_name(book: Book) -> str:
    return f"{siren(book)}FEC{book.ends_on:%Y%m%d}.txt"


def siren(book: Book) -> str:
    if len(book.siren) != 9 or not book.siren.isdecimal():
        raise refusal(book.app, "siren", f"dossier {book.number} has no SIREN of nine figures", dossier=book.number)
    return book.siren


def _rows(book: Book, booked: Booked) -> list[tuple[str, ...]]:
    entry = booked.entry
    journal = book.journals.get(entry.journal)
    rows: list[tuple[str, ...]] = []
    for number, on, lines in pieces(booked):
        day = f"{on:%Y%m%d}"
        for side in lines:
            account = book.accounts.get(side.account)
            rows.append((
                entry.journal, clean(journal.name if journal else "") or entry.journal, number, day,
                side.account, clean(account.name if account else "") or side.account, "", "",
                entry.reference, day, side.text,
                amount(side.amount) if side.amount > 0 else _NONE, amount(side.amount) if side.amount < 0 else _NONE,
                "", "", "", "", "",
            ))  # fmt: skip
    return rows
