"""Where the table begins in a file, what parts its cells, and what its columns mean."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from portal.connectors.files.csv_dialects import HEADLESS, known_dialect
from portal.connectors.files.csv_guess import WORDS, complete, guess, is_currency
from portal.connectors.files.csv_mapping import DESCRIPTION, CsvMapping, column_names, fingerprint_of, plain, trimmed
from portal.connectors.files.csv_values import is_amount, is_date
from portal.connectors.files.references import is_iban

DELIMITERS = (";", "\t", ",", "|")
_PREAMBLE = 60  # rows before the headings
_ROWS = 30  # rows that are looked at below them

Rows = list[tuple[int, list[str]]]  # 0-based first line of each row, and its cells


@dataclass(frozen=True, slots=True)
class Layout:
    """`mapping` None: nobody knows these headings. `guess` is then the best there is, to be confirmed."""

    delimiter: str
    header: tuple[str, ...]  # () for a file without headings
    width: int
    skip: int  # lines before the first row of data
    mapping: CsvMapping | None
    guess: CsvMapping
    account: str  # named above the table, "" when none
    rows: tuple[tuple[str, ...], ...]  # the first rows of data

    @property
    def names(self) -> tuple[str, ...]:
        """A heading for each column; numbers where the file has none."""
        return self.header or tuple(f"#{n}" for n in range(1, self.width + 1))

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.names, self.delimiter)


def find_layout(lines: Sequence[str], learnt: Mapping[str, CsvMapping] | None = None) -> Layout | None:
    """The table in the first lines of a file, None when there is none. `learnt` by fingerprint."""
    tables = {delimiter: _table(lines, delimiter) for delimiter in DELIMITERS}
    known = (
        _known(tables[delimiter], delimiter, learnt or {})
        for delimiter in DELIMITERS
        if len(tables[delimiter]) and max(len(row) for _, row in tables[delimiter]) > 1
    )
    if found := next((layout for layout in known if layout), None):
        return found
    best = max(DELIMITERS, key=lambda delimiter: _score(tables[delimiter]))
    if not _score(tables[best])[0]:
        return _headings_only(tables)
    layout = _unknown(tables[best], best)
    if learnt and (mapping := learnt.get(layout.fingerprint)):
        return replace(layout, mapping=mapping)
    return layout


def _table(lines: Sequence[str], delimiter: str) -> Rows:
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    rows: Rows = []
    start = 0
    try:
        for row in reader:
            rows.append((start, row))
            start = reader.line_num
    except csv.Error:
        pass  # told with its line when the file is read
    return rows


def is_data(row: Sequence[str]) -> bool:
    """Whether a row holds a day and an amount."""
    cells = [cell.strip() for cell in row]
    return any(is_date(cell) for cell in cells) and any(
        is_amount(cell) and not (is_date(cell) and len(cell) >= 8) for cell in cells
    )


def _score(rows: Rows) -> tuple[int, int]:
    data = [row for _, row in rows[: _PREAMBLE + _ROWS] if len(row) > 1 and is_data(row)]
    return len(data), max((len(row) for row in data), default=0)


# ------------------------------------------------------------------ known tables


def _known(rows: Rows, delimiter: str, learnt: Mapping[str, CsvMapping]) -> Layout | None:
    for n, (_, row) in enumerate(rows[:_PREAMBLE]):
        if len(row) < 2:
            continue
        mapping = learnt.get(fingerprint_of(row, delimiter)) or known_dialect({plain(cell) for cell in row}, delimiter)
        if mapping:
            return _layout(rows, delimiter, n, mapping)
    first = next((n for n, (_, row) in enumerate(rows[:_PREAMBLE]) if is_data(row)), None)
    if first is None:
        return None
    cells = rows[first][1]
    for mapping in HEADLESS:
        if mapping.delimiter == delimiter and _has_shape(cells, mapping):
            return _layout(rows, delimiter, None, mapping, first)
    return None


def _has_shape(cells: Sequence[str], mapping: CsvMapping) -> bool:
    if len(cells) not in (mapping.width, mapping.width + 1):
        return False
    places = mapping.places(cells)
    dates = all(is_date(cells[places[role]].strip()) for role in ("date", "value_date"))
    account = re.fullmatch(r"[A-Z]{2}\d{2}\w{8,30}|\d{7,12}", cells[places["account"]].strip(), re.ASCII)
    amounts = all(is_amount(cells[places[role]].strip()) for role in ("amount", "balance_before"))
    return dates and amounts and account is not None and is_currency(cells[places["currency"]].strip())


def _layout(rows: Rows, delimiter: str, heading: int | None, mapping: CsvMapping | None, first: int = 0) -> Layout:
    """`heading` is the row of the headings, or None when data begins at row `first`."""
    if heading is not None:
        first = heading + 1
    header = tuple(trimmed(rows[heading][1])) if heading is not None else ()
    below = tuple(tuple(row) for _, row in rows[first:] if any(cell.strip() for cell in row))[:_ROWS]
    width = len(header) or max((len(trimmed(row)) for row in below), default=0)
    skip = rows[first][0] if first < len(rows) else (rows[-1][0] + 1 if rows else 0)
    guessed = mapping or guess(header, [row for row in below if is_data(row)], delimiter)
    account = _account_above(rows[: first if heading is None else heading])
    return Layout(delimiter, header, width, skip, mapping, guessed, account, below)


# ------------------------------------------------------------------ unknown tables


def _unknown(rows: Rows, delimiter: str) -> Layout:
    width, first = _score(rows)[1], _first_row(rows)
    before = (n for n in range(first - 1, -1, -1) if any(cell.strip() for cell in rows[n][1]))
    heading = next(before, None)
    if heading is not None and not _is_heading(rows[heading][1], width):
        heading = None
    layout = _layout(rows, delimiter, heading, None, first)
    if layout.header and complete(layout.guess):
        return replace(layout, mapping=layout.guess)
    return replace(layout, guess=_by_shape(layout))


def _first_row(rows: Rows) -> int:
    """The first row of data; below the headings where what stands above them holds a date and a balance too."""
    data = [n for n, (_, row) in enumerate(rows) if len(row) > 1 and is_data(row)]
    usual = Counter(len(rows[n][1]) for n in data).most_common(1)[0][0]
    below = next((n for n in data if len(rows[n][1]) == usual), data[0])
    above = [n for n in data if n < below]
    if above and any(_is_heading(row, usual) for _, row in rows[above[-1] + 1 : below]):
        return below
    return data[0]


def _is_heading(row: Sequence[str], width: int) -> bool:
    cells = [cell.strip() for cell in row]
    wide = len([cell for cell in cells if cell]) >= max(2, width // 2)
    return wide and not any(is_date(cell) or is_amount(cell) for cell in cells if cell)


def _by_shape(layout: Layout) -> CsvMapping:
    """The guess, with what the cells tell where the headings say nothing; only to be confirmed."""
    names = column_names(layout.names)
    found = {role: name for name, role in layout.guess.used().items() if role != DESCRIPTION} if layout.header else {}
    texts = list(layout.guess.description) if layout.header else []
    rows = [row for row in layout.rows if is_data(row)]
    columns = {name: [row[n].strip() if n < len(row) else "" for row in rows] for n, name in enumerate(names)}
    for role, shape in (("date", is_date), ("currency", is_currency), ("account", is_iban), ("amount", is_amount)):
        free = [name for name in names if name not in found.values() and name not in texts]
        if role not in found and (fits := [name for name in free if columns[name] and all(map(shape, columns[name]))]):
            found[role] = fits[0]
    free = [name for name in names if name not in found.values()]
    if not texts and free:
        texts = [max(free, key=lambda name: sum(map(len, columns[name])))]
    data = {"key": "open", "delimiter": layout.delimiter, "description": texts}
    return CsvMapping.from_json(data | found | ({} if layout.header else {"width": layout.width}))


def _headings_only(tables: Mapping[str, Rows]) -> Layout | None:
    """A table without any row: its headings name a date and an amount."""
    for delimiter, rows in tables.items():
        for n, (_, row) in enumerate(rows[:_PREAMBLE]):
            heads = {plain(cell) for cell in row}
            dated = heads & set(WORDS["date"])
            valued = heads & set(WORDS["amount"]) or (heads & set(WORDS["debit"]) and heads & set(WORDS["credit"]))
            if len(row) > 2 and dated and valued and not any(is_data(below) for _, below in rows[n + 1 :]):
                return _layout(rows, delimiter, n, None)
    return None


# ------------------------------------------------------------------ above the table

_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){10,30}\b", re.ASCII)
_NUMBER = re.compile(r"(?:compte|rekening|account)[^;\d]{0,40}?(\d{8,20})\b", re.IGNORECASE)
_OTHER_SIDE = ("tegen", "contre", "counter")


def _account_above(rows: Rows) -> str:
    """The one account that the lines above the table name."""
    found: set[str] = set()
    for _, row in rows:
        text = " ".join(row)
        if any(word in text.lower() for word in _OTHER_SIDE):
            continue
        ibans = [match.group().replace(" ", "") for match in _IBAN.finditer(text)]
        found.update(iban for iban in ibans if is_iban(iban))
        if not ibans and (match := _NUMBER.search(text)):
            found.add(match.group(1))
    return found.pop() if len(found) == 1 else ""
