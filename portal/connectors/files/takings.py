"""Daily takings as CSV, in a layout of our own.

    date;number;description;rate;net;vat;gross;currency
    2026-03-31;Z-0214;Counter;6;100.00;6.00;106.00;EUR

One row for each day and rate; rows with the same date and number are one document. Separated by
semicolons, commas or tabs, the first line names the columns (English, Dutch or French, in any
order); `number`, `description` and `currency` may be left out. Dates are 2026-03-31 or
31/03/2026, days first. Amounts have a point or a comma before the cents and nothing between
thousands: nothing is guessed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from portal.connectors.errors import Refused
from portal.connectors.files import document as doc
from portal.connectors.files.document import Document, DocumentLine, Party, Totals, VatRow
from portal.connectors.statement import Warning_

FORMAT = "takings"
ROWS = 20_000
_COLUMNS = {
    "date": ("date", "datum", "jour"),
    "number": ("number", "nummer", "numéro", "numero", "z"),
    "description": ("description", "omschrijving", "libellé", "libelle"),
    "rate": ("rate", "vat rate", "tarief", "btw-tarief", "btw %", "taux", "taux tva"),
    "net": ("net", "netto", "excl. btw", "montant ht", "ht"),
    "vat": ("vat", "btw", "tva"),
    "gross": ("gross", "bruto", "incl. btw", "montant ttc", "ttc"),
    "currency": ("currency", "munt", "valuta", "devise"),
}
_NEEDED = ("date", "rate", "net", "vat", "gross")
_NAMES = {alias: column for column, aliases in _COLUMNS.items() for alias in aliases}
_AMOUNT = re.compile(r"([+-]?\d{1,13})(?:[.,](\d{1,2}))?", re.ASCII)
_RATE = re.compile(r"(\d{1,2})(?:[.,](\d{1,2}))?\s*%?", re.ASCII)
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)
Row = Mapping[str, str]


def identify(head: bytes) -> bool:
    """The first line names all columns that are needed."""
    first = head.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("latin-1" if b"\xe9" in head else "utf-8", "replace")
    return set(_NEEDED) <= set(_header(first)[1])


def read(data: bytes) -> Iterator[Document]:
    """One document for each date and number, in the order of the file. Raises Refused."""
    gathered: dict[tuple[date, str], list[tuple[int, Row]]] = {}
    for line, row in _rows(_text(data)):
        key = (_day(row["date"], line), row.get("number", ""))
        gathered.setdefault(key, []).append((line, row))
    if not gathered:
        raise Refused("document.no_takings")
    for (day, number), rows in gathered.items():
        yield _document(day, number or day.isoformat(), rows)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.removeprefix(b"\xef\xbb\xbf").decode("cp1252", "replace")


def _header(first: str) -> tuple[str, list[str]]:
    """(separator, our names of the columns; "" for one we do not know)."""
    separator = max(";\t,", key=first.count)
    try:
        names = next(csv.reader([first.strip("\r\n")], delimiter=separator), [])
    except csv.Error:  # a line end within the line, or a cell of more than 128 KiB
        names = []
    return separator, [_NAMES.get(" ".join(name.lower().split()), "") for name in names]


def _rows(text: str) -> Iterator[tuple[int, Row]]:
    lines = text.splitlines()
    separator, columns = _header(lines[0] if lines else "")
    if missing := [name for name in _NEEDED if name not in columns]:
        raise Refused("document.missing", line=1, what=", ".join(missing))
    reader = csv.reader(lines[1:], delimiter=separator)
    try:
        for number, cells in enumerate(reader, start=2):
            if not any(cell.strip() for cell in cells):
                continue
            if number > ROWS:
                raise Refused("file.too_many_entries", limit=f"{ROWS}")
            if len(cells) != len(columns):
                raise Refused("document.columns", line=number, found=str(len(cells)), expected=str(len(columns)))
            yield number, {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if name}
    except csv.Error as problem:
        raise Refused("document.csv", problem=str(problem)[:120]) from None


def _document(day: date, number: str, rows: list[tuple[int, Row]]) -> Document:
    currencies = {row.get("currency", "").upper() or "EUR" for _, row in rows}
    currency = currencies.pop()
    if currencies or len(currency) != 3 or not currency.isalpha():
        raise Refused("document.currency", line=rows[-1][0], found=currency[:10], expected="EUR", what="currency")
    lines, vat = [], dict[Decimal, VatRow]()
    for line, row in rows:
        net, tax, gross = (_amount(row[name], name, line) for name in ("net", "vat", "gross"))
        rate = _rate(row["rate"], line)
        if net + tax != gross:
            raise Refused(
                "document.sum", line=line, rule=f"{net} + {tax}", told=f"{gross:.2f}", counted=f"{net + tax:.2f}"
            )
        category = "S" if rate else "Z"
        lines.append(DocumentLine(row.get("description", "")[:500], net, category, rate))
        before = vat.get(rate, VatRow(category, rate, doc.NOUGHT, doc.NOUGHT))
        vat[rate] = VatRow(category, rate, before.net + net, before.vat + tax)
    found = tuple(vat.values())
    net, tax = sum((row.net for row in found), doc.NOUGHT), sum((row.vat for row in found), doc.NOUGHT)
    totals = Totals(net=net, vat=tax, gross=net + tax, payable=net + tax, lines=net)
    warnings: tuple[Warning_, ...] = doc.check(totals, found, tuple(lines))
    return Document(
        kind="takings", number=number[:100], date=day, currency=currency, supplier=Party(), customer=Party(),
        totals=totals, vat=found, lines=tuple(lines), warnings=warnings,
    )  # fmt: skip


def _amount(text: str, column: str, line: int) -> Decimal:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise Refused("document.plain_amount", line=line, text=text[:40], what=column)
    return Decimal(f"{match[1]}.{(match[2] or '0').ljust(2, '0')}")


def _rate(text: str, line: int) -> Decimal:
    match = _RATE.fullmatch(text)
    if match is None:
        raise Refused("document.rate", line=line, text=text[:40])
    return doc.percentage(f"{match[1]}.{match[2] or '0'}")


def _day(text: str, line: int) -> date:
    match = _DAY.fullmatch(text)
    try:
        if match is not None:
            return date(int(match[3]), int(match[2]), int(match[1]))
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("document.date", line=line, text=text[:40], what="date") from None
