"""One CODA statement: record 1, its movements as lines, record 8, and whether it adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from portal.connectors.errors import Refused
from portal.connectors.files.coda_lines import Lines, misplaced
from portal.connectors.files.coda_movement import Group, detail_of, line_of
from portal.connectors.files.coda_values import Dates, decimal, milli
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.references import belgian_iban
from portal.connectors.statement import LineDetail, Statement, StatementLine, Warning_

_INFORMATION = ("31", "32", "33")
_INFOS = 10_000  # records 3x of one movement
_MESSAGES = 1_000  # records 4 of one statement
_WHOLE = "00000"  # record 0, 84–88: the file holds all movements


@dataclass(slots=True)
class Totals:
    """What record 9 will be compared with; amounts in thousandths, both positive."""

    records: int = 0  # 1, 2x, 3x and 8
    messages: int = 0
    debit: int = 0
    credit: int = 0
    entries: int = 0  # over the whole file

    def restart(self) -> None:
        self.records = self.messages = self.debit = self.credit = 0


class StatementReader:
    def __init__(self, format: str, lines: Lines, limits: ReadLimits, totals: Totals, dates: Dates) -> None:
        self.statement = Statement(format, "", "", "", None, None)
        self._lines = lines
        self._limits = limits
        self._totals = totals
        self._dates = dates
        self._written_on: date | None = None
        self._part = False
        self._opening = 0
        self._total = 0
        self._closed = False
        self._movement: Group | None = None  # the record 21 with detail number 0000
        self._detail: Group | None = None  # its detail that is still open
        self._details: list[LineDetail] = []
        self._detail_kind = ""
        self._seen = 0  # details of the movement, kept or not
        self._message: list[str] = []

    def begin(self, number: int, line: str, header: str) -> Statement:
        statement = self.statement
        statement.account, statement.currency = _account(line)
        if not statement.account:
            raise Refused("coda.account", line=number)
        # The CODA number starts at 001 each year; 000 where the bank has none.
        statement.number = next((n for n in (line[125:128], line[2:5]) if n.strip("0 ")), "")
        self._opening = _signed(line[42], line[43:58], number)
        statement.opening = decimal(self._opening)
        statement.opening_date = self._dates.at(line[58:64], number)
        statement.holder = " ".join(line[64:90].split())
        statement.bic = header[60:71].strip()
        if header[16] == "D":
            statement.warnings.append(Warning_("coda.duplicate"))
        self._part = header[83:88].strip() not in ("", _WHOLE)
        self._written_on = self._dates.at(header[5:11], 1)
        statement.lines = self._read()
        return statement

    def _read(self) -> Iterator[StatementLine]:
        """Movements up to record 8, then messages up to the next record 1 or 9."""
        group: Group | None = None  # the record 21 that 22 … 33 belong to
        records = 1
        for number, line in self._lines.records:
            kind = line[:2]
            records += 1
            if group is not None and line[2:6] == group.sequence:
                if kind == "22":
                    group.second = line
                    continue
                if kind == "23":
                    group.third = line
                    continue
                if kind in _INFORMATION:
                    self._inform(group, number, line)
                    continue
            if kind == "21":
                group = Group(line, number)
                if line[6:10] != "0000":
                    self._start_detail(group)
                    continue
                if self._movement is not None:
                    yield self._finished(self._movement)
                self._start_movement(group)
            elif kind[0] == "8" and not self._closed:
                if self._movement is not None:
                    yield self._finished(self._movement)
                self._movement = group = None
                self._close(number, line)
            elif kind[0] == "4":
                records -= 1
                self._keep_message(number, line)
            else:
                self._totals.records += records - 1
                self._end(number, line)
                return
        raise Refused("coda.truncated")

    # ------------------------------------------------------------------ movements

    def _start_movement(self, group: Group) -> None:
        if self._closed:
            raise misplaced(group.number, group.head)
        totals = self._totals
        amount = group.thousandths
        self._total += amount
        if amount < 0:
            totals.debit -= amount
        else:
            totals.credit += amount
        totals.entries += 1
        limit = self._limits.entries
        if limit is not None and totals.entries > limit:
            raise Refused("file.too_many_entries", limit=str(limit))
        self._movement = group

    def _start_detail(self, group: Group) -> None:
        """Details sum to their movement, so a subtotal (type 7) gives way to its own details (9)."""
        if self._movement is None or group.sequence != self._movement.sequence:
            raise misplaced(group.number, group.head)
        self._keep_detail()
        kind = group.head[53]
        if kind == "9" and self._detail_kind == "7" and self._details:
            self._details.pop()
        self._detail_kind = kind
        self._detail = group

    def _keep_detail(self) -> None:
        if self._detail is None:
            return
        self._seen += 1
        if self._seen > self._limits.width:
            raise Refused("coda.too_wide", line=self._detail.number, limit=str(self._limits.width))
        if len(self._details) < self._limits.details:
            self._details.append(detail_of(self._detail))
        self._detail = None

    def _inform(self, group: Group, number: int, line: str) -> None:
        if group.infos is None:
            group.infos = []
        if len(group.infos) == _INFOS:
            raise Refused("coda.too_wide", line=number, limit=str(_INFOS))
        group.infos.append(line)

    def _keep_message(self, number: int, line: str) -> None:
        self._totals.messages += 1
        if len(self._message) == _MESSAGES:
            raise Refused("coda.too_wide", line=number, limit=str(_MESSAGES))
        self._message.append(line[32:112])

    def _finished(self, movement: Group) -> StatementLine:
        if self._detail is None:
            return line_of(movement, (), self._dates, self._written_on)
        self._keep_detail()
        details, self._details, self._detail_kind = tuple(self._details), [], ""
        if self._seen > self._limits.details:
            values = {"amount": str(decimal(movement.thousandths)), "count": str(self._seen)}
            values["kept"] = str(len(details))
            self.statement.warnings.append(Warning_("coda.details_left_out", values, movement.number))
        self._seen = 0
        return line_of(movement, details, self._dates, self._written_on)

    # ------------------------------------------------------------------ end

    def _close(self, number: int, line: str) -> None:
        """Record 8: the new balance, which must be the old one and the movements."""
        statement = self.statement
        self._closed = True
        closing = _signed(line[41], line[42:57], number)
        statement.closing_date = self._dates.at(line[57:63], number)
        if self._part and not self._opening and not closing:
            # A "separate application" file holds some movements of a day, and zeros for balances.
            statement.opening = statement.closing = None
            statement.warnings.append(Warning_("coda.part"))
            return
        statement.closing = decimal(closing)
        found = self._opening + self._total
        if found != closing:
            raise Refused(
                "coda.balance",
                line=number,
                account=statement.account,
                opening=str(statement.opening),
                sum=str(decimal(found)),
                closing=str(statement.closing),
            )

    def _end(self, number: int, line: str) -> None:
        if line[0] not in ("1", "9"):
            raise misplaced(number, line)
        if not self._closed and (self._movement is not None or line[0] == "1"):
            raise Refused("coda.no_closing", line=number)
        if self._message:
            text = " ".join("".join(self._message).split())
            self.statement.warnings.append(Warning_("coda.message", {"text": text}))
        self._lines.back(number, line)


def _signed(sign: str, amount: str, number: int) -> int:
    if sign not in ("0", "1"):
        raise Refused("coda.sign", line=number, text=sign)
    thousandths = milli(amount, number)
    return -thousandths if sign == "1" else thousandths


def _account(line: str) -> tuple[str, str]:
    """(account, currency) of record 1, by its account structure at position 2.

    0: Belgian number of 12 digits; 1: foreign number; 2: Belgian IBAN; 3: foreign IBAN.
    """
    if line[1] == "0":
        return belgian_iban(line[5:17].strip()), line[18:21].strip()
    end = 36 if line[1] == "2" else 39
    return "".join(line[5:end].split()), line[39:42].strip()
