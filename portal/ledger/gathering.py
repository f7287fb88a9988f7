"""The lines of a file, gathered before anything is decided about them.

A balance that does not add up shows at the end of a statement only, and whether a line is new
needs the whole day. The lines of a usual file wait in memory; those of a long one are streamed
into a temporary table that empties itself with the transaction, so that memory stays flat.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy.orm import Session

from portal.connectors.errors import Refused
from portal.connectors.statement import LineDetail, Statement, StatementLine, Warning_
from portal.kernel.db import uuid7
from portal.kernel.money import AmountOutOfRange, to_units
from portal.ledger.fingerprints import Content, content_key, fingerprint
from portal.ledger.matching import Span

_CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS arriving_lines (
  ordinal integer, id uuid, position integer, date date, value_date date, amount bigint, total bigint,
  description text, counterparty text, counterparty_account text, reference text, end_to_end_id text,
  bank_reference text, transaction_code text, details jsonb, fingerprint bytea
) ON COMMIT DELETE ROWS"""
COLUMNS = (
    "ordinal", "id", "position", "date", "value_date", "amount", "total", "description", "counterparty",
    "counterparty_account", "reference", "end_to_end_id", "bank_reference", "transaction_code", "details",
    "fingerprint",
)  # fmt: skip
_COPY = "COPY pg_temp.arriving_lines FROM STDIN (FORMAT BINARY)"
_TEXTS = ", value_date, description, counterparty, counterparty_account, reference, end_to_end_id"
HELD = 2_000  # lines of a file that wait in memory
STATEMENTS = 10_000  # heads stay in memory
MOST = 1 << 61  # sum of a statement; leaves room for its opening balance in 64 bits
_TYPES = ["int4", "uuid", "int4", "date", "date", "int8", "int8", *["text"] * 7, "jsonb", "bytea"]


@dataclass(slots=True)
class Head:
    """One statement of a file, without its lines. Amounts in units of 0.00001."""

    ordinal: int  # ascends within the file
    id: uuid.UUID
    account: str
    currency: str
    bic: str
    format: str
    number: str
    opening: int | None
    closing: int | None
    opening_date: date | None
    closing_date: date | None
    content: Content = field(default_factory=Content)
    digest: bytes = b""
    total: int = 0
    count: int = 0
    days: dict[date, int] = field(default_factory=dict)  # lines a day, in the order of the file
    sign: int = 1  # 1: oldest line first, -1: newest first
    in_order: bool = False  # by date, and it shows which end is the older one
    warnings: list[Warning_] = field(default_factory=list)

    @property
    def first(self) -> date | None:
        return min(self.days, default=None)

    @property
    def last(self) -> date | None:
        return max(self.days, default=None)

    @property
    def base(self) -> int | None:
        """What a line's running total is added to, or taken from, to give the balance after it."""
        if self.opening is None:
            return None
        return self.opening if self.sign > 0 else self.opening + self.total

    def span(self) -> Span:
        return Span(self.id, self.opening, self.closing, self.opening_date, self.closing_date, self.first, self.last)


def raw(session: Session) -> psycopg.Connection[Any]:
    """The session's own connection, inside its transaction and scope, for COPY and arrays."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 (the engine is made with psycopg only)
    return driver


Row = tuple[Any, ...]  # the values of COLUMNS


class Arrived:
    """The gathered lines of one file: in memory, or in `arriving_lines` when there are many."""

    def __init__(self, session: Session) -> None:
        self._connection = raw(session)
        self._held: list[Row] = []
        self._spilled = False

    def fill(self, rows: Iterable[Row]) -> None:
        """Takes all rows once; may be called once only."""
        with ExitStack() as stack:
            copy: psycopg.Copy | None = None
            for row in rows:
                if copy is not None:
                    copy.write_row(row)
                elif len(self._held) < HELD:
                    self._held.append(row)
                else:
                    copy = self._spill(stack)
                    copy.write_row(row)

    def _spill(self, stack: ExitStack) -> psycopg.Copy:
        self._connection.execute(_CREATE)
        copy = stack.enter_context(stack.enter_context(self._connection.cursor()).copy(_COPY))
        copy.set_types(_TYPES)
        for row in self._held:
            copy.write_row(row)
        self._held, self._spilled = [], True
        return copy

    def of_days(self, ordinals: Collection[int], days: Collection[date], texts: bool = False) -> Iterable[Row]:
        """(date, ordinal, id, amount, total, fingerprint), by date, ordinal and position.

        With `texts` also: value date, description, counterparty, its account, reference, end-to-end id.
        """
        if self._spilled:
            query = f"""SELECT date, ordinal, id, amount, total, fingerprint {_TEXTS if texts else ""}
                FROM pg_temp.arriving_lines
                WHERE ordinal = ANY(%s) AND date = ANY(%s) ORDER BY date, ordinal, position"""  # noqa: S608 (constants only)
            return self._connection.execute(query, (list(ordinals), list(days)), binary=True)
        some = sorted((row for row in self._held if row[0] in ordinals and row[3] in days), key=_by_day)
        if texts:
            return ((row[3], row[0], row[1], row[5], row[6], row[-1], row[4], *row[7:12]) for row in some)
        return ((row[3], row[0], row[1], row[5], row[6], row[-1]) for row in some)

    def rows(self, ids: Collection[uuid.UUID]) -> Iterable[Row]:
        """The values of COLUMNS of some lines."""
        if not ids:
            return []
        if self._spilled:
            query = f"SELECT {', '.join(COLUMNS)} FROM pg_temp.arriving_lines WHERE id = ANY(%s)"  # noqa: S608 (constants only)
            return self._connection.execute(query, (list(ids),), binary=True)
        return [row for row in self._held if row[1] in ids]

    def drop(self, ids: Collection[uuid.UUID]) -> None:
        if not ids:
            return
        if self._spilled:
            self._connection.execute("DELETE FROM pg_temp.arriving_lines WHERE id = ANY(%s)", (list(ids),))
        else:
            gone = set(ids)
            self._held = [row for row in self._held if row[1] not in gone]

    def renumber(self, prints: Mapping[uuid.UUID, bytes]) -> None:
        """Give lines another fingerprint."""
        if not prints:
            return
        if self._spilled:
            self._connection.execute(
                """UPDATE pg_temp.arriving_lines a SET fingerprint = v.print
                FROM unnest(%s::uuid[], %s::bytea[]) AS v (id, print) WHERE a.id = v.id""",
                (list(prints), list(prints.values())),
            )
        else:
            self._held = [(*row[:-1], prints.get(row[1], row[-1])) for row in self._held]

    def source(self) -> tuple[str, list[str]]:
        """The lines as something to select from, named a, and its parameters."""
        if self._spilled:
            return "pg_temp.arriving_lines a", []
        if not self._held:
            return _FROM_ARRAYS, ["{}"] * len(COLUMNS)
        return _FROM_ARRAYS, [array(column) for column in zip(*self._held, strict=True)]


_FROM_ARRAYS = f"unnest({', '.join(f'%s::{kind}[]' for kind in _TYPES)}) AS a ({', '.join(COLUMNS)})"


def array(column: Sequence[Any]) -> str:
    """A column as the text of a PostgreSQL array: psycopg's own way, element by element in Python,
    costs more than the insert of a small statement."""
    if not isinstance(column[0], str):
        return "{" + ",".join(map(_element, column)) + "}"
    quoted = '"' + '","'.join(column) + '"'
    if "\\" in quoted or quoted.count('"') != 2 * len(column):
        quoted = '"' + '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in column) + '"'
    return "{" + quoted + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    return array([json.dumps(value.obj)])[1:-1] if isinstance(value, Jsonb) else str(value)


def _by_day(row: Row) -> tuple[date, int, int]:
    return row[3], row[0], row[2]


def gather(session: Session, statements: Iterable[Statement]) -> tuple[list[Head], Arrived]:
    """Read all statements: their heads, in the order of the file, and their lines.

    Raises Refused as the parser does; the caller's savepoint then undoes everything.
    """
    heads: list[Head] = []
    arrived = Arrived(session)
    arrived.fill(_read(session, statements, heads))
    return heads, arrived


def _read(session: Session, statements: Iterable[Statement], heads: list[Head]) -> Iterator[Row]:
    counters: dict[bytes, int] = {}
    for statement in statements:
        if len(heads) == STATEMENTS:
            raise Refused("file.too_many_statements", limit=str(STATEMENTS))
        # Several files may be brought in by one transaction, so ordinals go on from file to file.
        ordinal: int = session.info.get("arrived", 0)
        session.info["arrived"] = ordinal + 1
        head = _head(ordinal, statement)
        yield from _rows(head, statement.lines, counters)
        _finish(head, statement)
        heads.append(head)


def _head(ordinal: int, statement: Statement) -> Head:
    return Head(
        ordinal=ordinal,
        id=uuid7(),
        account=statement.account,
        currency=statement.currency or "EUR",
        bic=statement.bic,
        format=statement.format,
        number=statement.number,
        opening=None,
        closing=None,
        opening_date=None,
        closing_date=None,
    )


def _rows(head: Head, lines: Iterable[StatementLine], counters: dict[bytes, int]) -> Iterator[Row]:
    """The lines of a statement; fills `days`, `total`, `count`, `sign`, `in_order` and `content` of the head."""
    content, days, ordinal = head.content, head.days, head.ordinal
    # Ids of one statement ascend, so that lines of a day list in the order of the statement.
    identity = uuid7().int
    total = up = down = 0
    oldest_first = head.format == "coda"  # numbers its movements
    before: date | None = None
    for position, line in enumerate(lines, 1):
        day = line.date
        if day != before:
            if before is not None:
                up, down = up + (day > before), down + (day < before)
            before = day
        days[day] = days.get(day, 0) + 1
        units = to_units(line.amount)
        total += units
        if not -MOST < total < MOST:
            raise AmountOutOfRange(str(line.amount))
        key = content_key(line, units)
        content.add(key)
        counter = counters.get(key, 0)
        counters[key] = counter + 1
        yield (
            ordinal, uuid.UUID(int=identity + position), position, day, line.value_date, units, total,
            line.description, line.counterparty, line.counterparty_account, line.reference, line.end_to_end_id,
            line.bank_reference, line.transaction_code, Jsonb(_details(line.details)) if line.details else None,
            fingerprint(key, counter),
        )  # fmt: skip
    head.total, head.count = total, content.count
    head.sign = -1 if down > up and not oldest_first else 1
    head.in_order = not (up and down) and (oldest_first or bool(up or down) or content.count <= 1)


def _finish(head: Head, statement: Statement) -> None:
    """What the parser knows at the end of a statement only. The digest covers all but its number,
    which some banks make anew for each download."""
    head.opening = None if statement.opening is None else to_units(statement.opening)
    head.closing = None if statement.closing is None else to_units(statement.closing)
    if max(abs(head.opening or 0), abs(head.closing or 0)) >= MOST:
        raise AmountOutOfRange(str(statement.opening))
    head.opening_date, head.closing_date = statement.opening_date, statement.closing_date
    head.number, head.bic = statement.number, statement.bic
    head.currency = statement.currency or head.currency
    when = (head.first, head.last) if head.count else (head.opening_date, head.closing_date)
    head.digest = head.content.digest(head.opening, head.closing, *when)
    head.warnings = list(statement.warnings)


def _details(details: tuple[LineDetail, ...]) -> list[dict[str, str]]:
    fields = ("description", "counterparty", "counterparty_account", "reference", "end_to_end_id")
    return [
        {"amount": str(detail.amount)} | {name: getattr(detail, name) for name in fields if getattr(detail, name)}
        for detail in details
    ]
