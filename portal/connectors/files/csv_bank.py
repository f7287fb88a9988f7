"""Tables of bank lines (CSV, TAB) of any bank: read row by row, in memory that does not grow.

What a table leaves open – the order of day and month, the decimal mark – is decided over all
its rows, asked where they do not tell, and never guessed: `Refused` with "csv.date_order",
"csv.decimal" or "csv.unknown_header" is a question. Where a table has balances, every amount
is checked against them.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain

from portal.connectors.errors import Refused
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.csv_layout import Layout, find_layout
from portal.connectors.files.csv_mapping import CsvMapping
from portal.connectors.files.csv_rows import Row, RowReader, account_of
from portal.connectors.files.csv_text import head_lines, lines_of
from portal.connectors.files.csv_values import DAY_FIRST, MARKS, MONTH_FIRST, DateOrder, DecimalMark
from portal.connectors.files.limits import UPLOAD, BoundedReader, Readable, ReadLimits
from portal.connectors.statement import Statement
from portal.kernel import clock

FORMAT = "csv"

_HEAD = 64 << 10  # characters in which the table has to begin
_HEAD_LINES = 120
_LOOKED_AT = 5_000  # rows in which dates and amounts have to show how they are written
_AHEAD = timedelta(days=370)  # a booked movement is not dated later


def identify(head: bytes) -> bool:
    """True for a table with a date and an amount in a row, or in its headings."""
    try:
        return find_layout(head_lines(head)) is not None
    except Refused:
        return False


def parse(stream: Readable, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED) -> Iterator[Statement]:
    """The statements of a file: one for each stretch of rows of one account and currency.

    Refused codes: "csv.*" in `refusals.py`, "file.too_large", "file.too_many_entries".
    """
    lines = lines_of(BoundedReader(stream, limits), limits)
    head = _head(lines)
    layout = find_layout(head, answers.mappings)
    if layout is None:
        raise Refused("csv.no_table")
    if not layout.rows:
        raise Refused("csv.no_rows")
    if layout.mapping is None:
        raise Refused("csv.unknown_header", header=shown(layout.names), fingerprint=layout.fingerprint)
    rows = _numbered(chain(head[layout.skip :], lines), layout)
    looked_at = _Open(layout.mapping, layout, answers)
    try:
        held = looked_at.look(rows)
    except Refused as question:
        question.values.setdefault("account", _account(layout) or answers.account)
        raise
    if not held:
        raise Refused("csv.no_rows")
    reader = RowReader(FORMAT, layout, looked_at.date_order, looked_at.decimal, limits, answers)
    for statement in reader.statements(chain(held, rows)):
        yield statement
        deque(statement.lines, maxlen=0)


def look_at(stream: Readable, answers: Answers = UNANSWERED) -> Layout | None:
    """What the first lines of a file show of its table. Raises Refused as `parse` does."""
    return find_layout(_head(lines_of(BoundedReader(stream, UPLOAD), UPLOAD)), answers.mappings)


def _account(layout: Layout) -> str:
    """The account that the first row or a line above the table names."""
    place = layout.mapping.places(layout.header).get("account") if layout.mapping else None
    cells = layout.rows[0] if layout.rows and place is not None else ()
    return account_of(cells[place]) if place is not None and place < len(cells) else layout.account


def shown(names: Sequence[str]) -> str:
    """Headings as a text for people."""
    text = " · ".join(name.strip() for name in names if name.strip())
    return text if len(text) <= 200 else f"{text[:200]}…"


def _head(lines: Iterator[str]) -> list[str]:
    head: list[str] = []
    size = 0
    for line in lines:
        head.append(line)
        size += len(line)
        if size >= _HEAD or len(head) >= _HEAD_LINES:
            break
    return head


def _numbered(lines: Iterator[str], layout: Layout) -> Iterator[Row]:
    """(line on which the row begins, its cells). Rows without quotation marks, and those where they stand around each
    cell only, are split without the csv module: that is several times faster."""
    number, delimiter, between = layout.skip, layout.delimiter, f'"{layout.delimiter}"'
    held: deque[str] = deque()
    of_one_line = csv.reader(iter(held.popleft, None), delimiter=delimiter)
    try:
        for line in lines:
            number += 1
            if '"' not in line:
                yield number, line.split(delimiter)
                continue
            if line[0] == line[-1] == '"':
                cells = line[1:-1].split(between)
                if line.count('"') == 2 * len(cells):
                    yield number, cells
                    continue
            held.append(line)
            begun = number
            try:
                cells = next(of_one_line)
            except IndexError:  # nothing is held any more, and the last cell is still open
                feed = _Feed(line, lines, number)
                try:
                    cells = next(csv.reader(feed, delimiter=delimiter))
                finally:
                    number = feed.number
            yield begun, cells
    except csv.Error as problem:
        raise Refused("csv.table", line=number, problem=str(problem)) from None


class _Feed:
    """Gives the csv module the line at hand, and those after it while a cell goes on."""

    def __init__(self, held: str, lines: Iterator[str], number: int) -> None:
        self._lines = chain((held,), lines)
        self.number = number - 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        return f"{line}\n"


class _Open:
    """Settles what the mapping leaves open, by the first rows and by what people answered."""

    def __init__(self, mapping: CsvMapping, layout: Layout, answers: Answers) -> None:
        self.date_order = mapping.date_order
        self.decimal = mapping.decimal
        self._answers = answers
        places = mapping.places(layout.header)
        self._dates = [places[role] for role in ("date", "value_date") if role in places]
        roles = ("amount", "debit", "credit", "balance", "balance_before")
        self._amounts = [places[role] for role in roles if role in places]

    def look(self, rows: Iterator[Row]) -> list[Row]:
        """Take as many rows as are needed, and return them."""
        order, mark = DateOrder(clock.today() + _AHEAD), DecimalMark()
        held: list[Row] = []
        for line, cells in rows:
            held.append((line, cells))
            self._see(line, cells, order, mark)
            # One row shows a decimal comma; day and month need rows of some days.
            if (self.date_order or order.settled) and (self.decimal or mark.settled) and len(held) >= 2:
                break
            if len(held) >= _LOOKED_AT:
                break
        self.date_order = self.date_order or self._order(order)
        self.decimal = self.decimal or self._mark(mark)
        return held

    def _see(self, line: int, cells: Sequence[str], order: DateOrder, mark: DecimalMark) -> None:
        try:
            for place in self._dates:
                if place < len(cells):
                    order.see(cells[place].strip())
            for place in self._amounts:
                if place < len(cells):
                    mark.see(cells[place])
        except Refused as refusal:
            refusal.line = refusal.line or line
            raise

    def _order(self, order: DateOrder) -> str:
        if order.settled:
            return order.settled
        answer = self._answers.day_first
        if answer is None:
            raise Refused("csv.date_order", text=order.example)
        return DAY_FIRST if answer else MONTH_FIRST

    def _mark(self, mark: DecimalMark) -> str:
        if mark.settled:
            return mark.settled
        if not mark.example:
            return MARKS[0]
        if not self._answers.decimal:
            raise Refused("csv.decimal", text=mark.example.strip())
        return self._answers.decimal
