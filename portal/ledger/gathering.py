"""The lines of a file, streamed into a temporary table before anything is decided about them.

A balance that does not add up shows at the end of a statement only, and whether a line is new
needs the whole day: so lines wait in `arriving_lines`, which lives on the connection and
empties itself at the end of the transaction, and only the heads stay in memory.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from portal.connectors.base import LineDetail, Statement, StatementLine, Warning_
from portal.connectors.errors import Refused
from portal.kernel.db import uuid7
from portal.kernel.money import AmountOutOfRange, to_units
from portal.ledger.fingerprints import Content, content_key, fingerprint
from portal.ledger.matching import Span

CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS arriving_lines (
  ordinal integer, id uuid, position integer, date date, value_date date, amount bigint, total bigint,
  description text, counterparty text, counterparty_account text, reference text, end_to_end_id text,
  bank_reference text, transaction_code text, details jsonb, fingerprint bytea
) ON COMMIT DELETE ROWS"""
_COPY = "COPY pg_temp.arriving_lines FROM STDIN (FORMAT BINARY)"
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


def gather(session: Session, statements: Iterable[Statement]) -> list[Head]:
    """Stream all lines into `arriving_lines` and return the heads, in the order of the file.

    Raises Refused as the parser does; the caller's savepoint then undoes everything.
    """
    connection = raw(session)
    connection.execute(CREATE)
    heads: list[Head] = []
    # Several files may be brought in by one transaction, so ordinals go on from file to file.
    first: int = session.info.get("arrived", 0)
    counters: dict[bytes, int] = {}
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for statement in statements:
            if len(heads) == STATEMENTS:
                raise Refused("file.too_many_statements", limit=str(STATEMENTS))
            head = _head(first + len(heads), statement)
            for row in _rows(head, statement.lines, counters):
                copy.write_row(row)
            _finish(head, statement)
            heads.append(head)
            session.info["arrived"] = head.ordinal + 1
    return heads


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


def _rows(head: Head, lines: Iterable[StatementLine], counters: dict[bytes, int]) -> Iterator[tuple[Any, ...]]:
    """The rows to copy; fills `days`, `total`, `count`, `sign`, `in_order` and `content` of the head."""
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
            line.bank_reference, line.transaction_code, _details(line.details) if line.details else None,
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
