"""One bank section of a QIF file as a statement."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from portal.connectors.errors import Refused
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.qif_sections import Entry, Section
from portal.connectors.files.qif_values import Amounts, Dates
from portal.connectors.files.references import printed_belgian
from portal.connectors.statement import LineDetail, Statement, StatementLine, Warning_

_OPENINGS = ("opening balance", "solde initial", "solde d'ouverture", "beginsaldo", "openingssaldo")


class StatementReader:
    """Consumes the entries of one section.

    `numbers` counts those of the whole file; `others` are the titles of sections left out, told once.
    """

    def __init__(
        self,
        statement: Statement,
        section: Section,
        entries: Iterator[Entry],
        limits: ReadLimits,
        numbers: Iterator[int],
        others: list[str],
        dates: Dates,
        amounts: Amounts,
    ) -> None:
        self.statement = statement
        self.next: Section | None = None  # after the lines: the section that follows
        self._section = section
        self._entries = entries
        self._limits = limits
        self._numbers = numbers
        self._others = others
        self._dates = dates
        self._read = amounts.read
        statement.lines = self._lines()

    def _lines(self) -> Iterator[StatementLine]:
        limit = self._limits.entries
        first = True
        for section, fields, lines in self._entries:
            if section is not self._section:
                self.next = section
                break
            if "T" not in fields and not any(line[1:].strip() for line in lines):
                continue
            number = next(self._numbers)
            if limit is not None and number > limit:
                raise Refused("file.too_many_entries", limit=str(limit))
            try:
                split = len(fields) != len(lines) or "$" in fields
                line = self._repeating(lines) if split else self._usual(fields)
            except Refused as refusal:
                refusal.values.setdefault("entry", str(number))
                raise
            if first:
                first = False
                self._tell_opening(line)
            yield line
        if self._others:
            self.statement.warnings.append(Warning_("qif.left_out", {"sections": ", ".join(self._others)}))
            self._others.clear()

    def _usual(self, fields: dict[str, str]) -> StatementLine:
        get = fields.get
        amount = get("T", "")[1:] or get("U", "")[1:]
        if not amount:
            raise Refused("qif.missing", element="T")
        day = get("D", "")[1:]
        if not day:
            raise Refused("qif.missing", element="D")
        description = " ".join(get("M", "")[1:].split())
        if "A" in fields:
            description = _squeezed(f"{description} {fields['A'][1:]}")
        counterparty = " ".join(get("P", "")[1:].split())
        if not description and not counterparty:
            description = _squeezed(get("L", "")[1:])
        return StatementLine(
            self._dates[day],
            None,
            self._read(amount),
            description,
            counterparty,
            "",
            "",
            printed_belgian(description),
            "",
            get("N", "")[1:].strip(),
        )

    def _repeating(self, lines: list[str]) -> StatementLine:
        """An entry with several lines of a letter: an address, or a split."""
        line = self._usual(_unrepeated(lines))
        line.details = self._details(lines, line.amount)
        return line

    def _details(self, lines: list[str], total: Decimal) -> tuple[LineDetail, ...]:
        details: list[LineDetail] = []
        category = memo = ""
        seen = 0
        for line in lines:
            letter = line[:1]
            if letter == "S":
                category, memo = _squeezed(line[1:]), ""
            elif letter == "E":
                memo = _squeezed(line[1:])
            elif letter == "$":
                seen += 1
                if len(details) < self._limits.details:
                    details.append(LineDetail(self._read(line[1:]), memo or category))
        if seen > self._limits.width:
            raise Refused("qif.too_wide")
        if seen > len(details):
            values = {"amount": str(total), "count": str(seen), "kept": str(len(details))}
            self.statement.warnings.append(Warning_("qif.details_left_out", values))
        return tuple(details)

    def _tell_opening(self, line: StatementLine) -> None:
        if line.counterparty.lower() in _OPENINGS:
            self.statement.warnings.append(Warning_("qif.opening_balance", {"amount": str(line.amount)}))


def _unrepeated(lines: list[str]) -> dict[str, str]:
    """The first value of each letter; of an address all lines.

    A split may have a date of its own; two amounts, or two dates before any split, are two
    entries whose `^` was lost.
    """
    fields: dict[str, str] = {}
    for line in lines:
        letter = line[0]
        before = fields.setdefault(letter, line)
        if before is line:
            continue
        if letter == "A":
            fields[letter] = f"{before} {line[1:]}"
        elif (letter == "T" or (letter == "D" and "S" not in fields)) and before.strip() != line.strip():
            raise Refused("qif.missing", element="^")
    return fields


def _squeezed(text: str) -> str:
    return " ".join(text.split())
