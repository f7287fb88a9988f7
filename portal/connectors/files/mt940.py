"""MT940 bank statements of any bank, by the `mt-940` library, one entry at a time.

The library reads a whole file at once and takes what it cannot place for something else. So
it is given one balance or one entry at a time, of bounded length: memory stays flat, no entry is
lost in another, and whatever it raises is a `Refused` that names the line. Opening balance and
entries must make the closing balance.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import mt940 as library

from portal.connectors.errors import Refused
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.csv_text import lines_of
from portal.connectors.files.limits import UPLOAD, BoundedReader, Readable, ReadLimits
from portal.connectors.files.mt940_entry import account_of, line_of
from portal.connectors.statement import Statement, StatementLine

FORMAT = "mt940"

# It logs what it cannot read: other people's payments.
logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)

_HEAD = re.compile(rb"^(?:\{.{0,400}\{4:)?:20:[^\r\n]*$(?s:.*?)^:(?:25P?|28C?|60[FM]|61|34F):", re.MULTILINE)
_TAG = re.compile(r":(\d\d)([A-Z]?):")
_TAGS = frozenset(["13", "20", "21", "25", "28", "34", "60", "61", "62", "64", "65", "86", "90"])
_ENVELOPE = re.compile(r"^(?:-\})?(?:\{[^\n]{0,400}\{4:|\{4:)")
_LONGEST = 20_000  # characters of one entry with its description


def identify(head: bytes) -> bool:
    """True for a reference (:20:) followed by what a statement begins with, after whatever envelope."""
    return bool(_HEAD.search(head.replace(b"\r", b"")))


def parse(stream: Readable, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED) -> Iterator[Statement]:
    """The statements of a file, each with its lines as an iterator to be read before the next.

    Refused codes: "mt940.*" in `refusals.py`, "file.too_large", "file.too_many_entries".
    """
    fields = _Fields(lines_of(BoundedReader(stream, limits), limits))
    reader = _Reader(fields, limits)
    for begun in fields:
        if begun.tag == "20":
            statement = reader.begin()
            yield statement
            deque(statement.lines, maxlen=0)
        elif begun.tag in ("25", "28", "60", "61", "62"):
            # What stands outside a statement must not go missing unseen.
            raise Refused("mt940.order", line=begun.line, tag=begun.name)


@dataclass(slots=True)
class Field:
    tag: str  # two digits
    option: str  # "F", "M", "C", "" …
    line: int  # where it begins
    lines: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f":{self.tag}{self.option}:"

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class _Fields:
    """The tagged fields of a file, in order; the last one can be put back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._fields = self._read(lines)
        self._again: Field | None = None

    def __iter__(self) -> Iterator[Field]:
        return self

    def __next__(self) -> Field:
        again, self._again = self._again, None
        return again if again is not None else next(self._fields)

    def back(self, field_: Field) -> None:
        self._again = field_

    def _read(self, lines: Iterator[str]) -> Iterator[Field]:
        found: Field | None = None
        size = 0
        for number, raw in enumerate(lines, 1):
            line = _ENVELOPE.sub("", raw.strip("\r\n\ufeff\x1a\x03\x01").rstrip())
            match = _TAG.match(line)
            if match and match[1] in _TAGS:
                if found is not None:
                    yield found
                found, size = Field(match[1], match[2], number, [line[match.end() :]]), len(line)
            elif found is not None and line.strip() and not line.startswith(("-}", "{")) and line.strip() != "-":
                found.lines.append(line)
                size += len(line)
                if size > _LONGEST:
                    raise Refused("mt940.too_wide", line=found.line, limit=str(_LONGEST))
        if found is not None:
            yield found


class StatementAS(library.tags.Statement):
    """:61: as banks write it: a reference of any length (ASN puts an IBAN there), several lines below.

    The library finds what belongs to a tag by the words of its class's name, hence this one.
    """

    pattern = r"""^
    (?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})
    (?P<entry_month>\d{2}|\s{2})?(?P<entry_day>\d{2}|\s{2})?
    (?P<status>R?[DC])
    (?P<funds_code>[A-Z])?
    [\n ]?
    (?P<amount>\d{1,15},\d{0,5}|\d{1,15})(?![\d.,])
    (?P<id>[A-Z][A-Z0-9 ]{3})?
    (?P<customer_reference>(?:(?!//)[^\n])*)
    (//(?P<bank_reference>[^\n]*))?
    (\n(?P<extra_details>[\s\S]*))?
    $"""


_ENTRY = StatementAS()
_OPTIONS = library.Options.all()


class _Reader:
    """Reads one statement after the other from the fields of a file."""

    def __init__(self, fields: _Fields, limits: ReadLimits) -> None:
        self._fields = fields
        self._limit = limits.entries
        self._entries = 0

    def begin(self) -> Statement:
        """The statement whose :20: was just read, up to its opening balance."""
        statement = Statement(FORMAT, "", "", "", None, None)
        interim = False
        for found in self._fields:
            if found.tag == "25":
                statement.account, statement.currency = account_of(found.lines[0])
                statement.bic = found.lines[1].strip() if found.option == "P" and len(found.lines) > 1 else ""
            elif found.tag == "28":
                number = re.match(r"[\d/]{1,16}", "".join(found.lines).strip())
                statement.number = number.group() if number and number.group().strip("0/") else ""
            elif found.tag == "60":
                self._open(statement, found)
                break
            elif found.tag in ("34", "13", "90"):
                interim = interim or found.tag == "34"
            elif found.tag not in ("21", "86"):
                if not interim:
                    self._refuse_headless(statement, found)
                raise Refused("mt940.interim", line=found.line)
        if not statement.account:
            raise Refused("mt940.account")
        statement.lines = self._lines(statement)
        return statement

    def _refuse_headless(self, statement: Statement, found: Field) -> None:
        if found.tag == "20":
            raise Refused("mt940.order", line=found.line, tag=found.name)
        raise Refused("mt940.no_opening", line=found.line, account=statement.account)

    def _open(self, statement: Statement, found: Field) -> None:
        balance = _read(found)
        statement.opening, statement.opening_date = balance.amount.amount, _day(balance.date)
        statement.currency = balance.amount.currency.upper()

    def _lines(self, statement: Statement) -> Iterator[StatementLine]:
        opening = statement.opening or Decimal(0)
        total = Decimal(0)
        for found in self._fields:
            if found.tag == "61":
                line = self._entry(found)
                total += line.amount
                yield line
            elif found.tag == "62":
                self._close(statement, found, opening + total)
                return
            elif found.tag == "20":
                self._fields.back(found)
                break
            elif found.tag == "60":
                raise Refused("mt940.order", line=found.line, tag=found.name)
        raise Refused("mt940.no_closing", account=statement.account)

    def _entry(self, found: Field) -> StatementLine:
        self._entries += 1
        if self._limit is not None and self._entries > self._limit:
            raise Refused("file.too_many_entries", limit=str(self._limit))
        told: list[str] = []
        size = 0
        for more in self._fields:
            if more.tag != "86":
                self._fields.back(more)
                break
            told += more.lines
            size += 1 + sum(map(len, more.lines))
            if size > _LONGEST:
                raise Refused("mt940.too_wide", line=more.line, limit=str(_LONGEST))
        return line_of(_read(found), told)

    def _close(self, statement: Statement, found: Field, total: Decimal) -> None:
        balance = _read(found)
        currency = balance.amount.currency.upper()
        if currency != statement.currency:
            raise Refused("mt940.currency", line=found.line, found=currency, expected=statement.currency)
        statement.closing, statement.closing_date = balance.amount.amount, _day(balance.date)
        if statement.closing != total:
            raise Refused(
                "mt940.balance", line=found.line, account=statement.account, opening=str(statement.opening),
                sum=str(total), closing=str(statement.closing),
            )  # fmt: skip


def _day(day: Any) -> date:
    """A plain date; the library's has a text of its own."""
    return date(day.year, day.month, day.day)


def _read(found: Field) -> Any:
    """What the library makes of one field: the data of an entry, or a balance."""
    text = f"{found.name}{found.text}"
    try:
        read = library.models.Transactions(tags={61: _ENTRY}, options=_OPTIONS)
        read.parse(text)
        if found.tag == "61":
            (entry,) = read.transactions
            return entry.data
        (balance,) = (value for value in read.data.values() if isinstance(value, library.models.Balance))
        if not isinstance(balance.amount, library.models.Amount):
            raise TypeError(text)
        return balance
    except Exception:
        code = "mt940.entry" if found.tag == "61" else "mt940.balance_tag"
        raise Refused(code, line=found.line, text=found.lines[0][:60]) from None
