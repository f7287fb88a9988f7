"""One CAMT statement (`Stmt`): its head, its entries as lines, and whether it adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lxml import etree

from portal.connectors.base import Statement, StatementLine, Warning_
from portal.connectors.errors import Refused
from portal.connectors.files.camt_entry import (
    FieldReader,
    Transaction,
    is_credit,
    is_true,
    read_amount,
    single_line,
    squeeze,
)
from portal.connectors.files.camt_stream import Piece, line_of
from portal.connectors.files.limits import ReadLimits

_ZERO = Decimal(0)


@dataclass(slots=True)
class _Entry:
    """The entry's own fields; `own` holds those that its transactions have too."""

    own: Transaction
    currency: str = ""
    reversal: bool = False
    status: str = ""
    booked_on: date | None = None
    value_date: date | None = None
    batch: str = ""


class StatementReader:
    def __init__(
        self,
        format: str,
        fields: FieldReader,
        pieces: Iterator[Piece],
        limits: ReadLimits,
        invert_reversals: bool,
    ) -> None:
        self.statement = Statement(format, "", "", "", None, None)
        self._fields = fields
        self._pieces = pieces
        self._limits = limits
        self._invert = invert_reversals
        self._sum = _ZERO
        self._reversed = _ZERO
        self._counts: Counter[str] = Counter()
        self._number: dict[str, str] = {}
        self._opening_code = ""
        self._written_on: date | None = None

    def begin(self, piece: Piece) -> Statement:
        """Read what stands before the first entry, or the whole of an empty statement."""
        self._has_entries = piece.entry
        if piece.entry:
            self._head(list(piece.element.itersiblings(preceding=True))[::-1])
        else:
            self._head(list(piece.element))
        statement = self.statement
        if not statement.account:
            raise Refused("camt.account", line=line_of(piece.element))
        statement.number = next((self._number[k] for k in ("ElctrncSeqNb", "LglSeqNb", "Id") if k in self._number), "")
        self._fields.account = statement.account
        statement.lines = self._lines(piece)
        return statement

    # ------------------------------------------------------------------ head and balances

    def _head(self, children: list[etree._Element]) -> None:
        fields = self._fields
        for child in children:
            name = fields.names[child.tag]
            if name in ("Id", "ElctrncSeqNb", "LglSeqNb"):
                self._number[name] = (child.text or "").strip()
            elif name == "Acct":
                self._account(child)
            elif name == "Bal":
                self._balance(child)
            elif name == "CreDtTm" and self._written_on is None and child.text:
                self._written_on = fields.dates[child.text]
            elif name == "FrToDt":
                for end in child:
                    if fields.names[end.tag] in ("ToDtTm", "ToDt") and end.text:
                        self._written_on = fields.dates[end.text]

    def _account(self, element: etree._Element) -> None:
        fields, statement = self._fields, self.statement
        statement.account = fields.account_id(element)
        for child in element:
            name = fields.names[child.tag]
            if name == "Ccy":
                self._currency((child.text or "").strip(), child)
            elif name == "Ownr":
                statement.holder = fields.name(child)
            elif name == "Svcr":
                statement.bic = fields.bic(child)

    def _balance(self, element: etree._Element) -> None:
        names = self._fields.names
        parts = {names[child.tag]: child for child in element}
        kinds = parts["Tp"].iter() if "Tp" in parts else ()
        kind = next(((n.text or "").strip() for n in kinds if names[n.tag] == "Cd"), "")
        if kind not in ("OPBD", "PRCD", "CLBD"):
            return
        if "Amt" not in parts:
            raise Refused("camt.missing", line=line_of(element), element="Bal/Amt")
        self._currency(parts["Amt"].get("Ccy") or "", parts["Amt"])
        amount = read_amount(parts["Amt"].text)
        if "CdtDbtInd" not in parts:
            self._warn("camt.balance_without_sign", line_of(element), text=str(amount))
        elif not is_credit(parts["CdtDbtInd"].text):
            amount = -amount
        day = self._fields.date(parts["Dt"]) if "Dt" in parts else None
        statement = self.statement
        if kind == "CLBD":
            if statement.closing is None:
                statement.closing, statement.closing_date = amount, day
        elif statement.opening is None or (kind == "OPBD" and self._opening_code == "PRCD"):
            statement.opening, statement.opening_date = amount, day
            self._opening_code = kind

    def _currency(self, currency: str, element: etree._Element) -> None:
        expected = self.statement.currency
        if not expected:
            self.statement.currency = currency
        elif currency and currency != expected:
            raise Refused("camt.currency", line=line_of(element), found=currency, expected=expected)

    # ------------------------------------------------------------------ lines

    def _lines(self, piece: Piece) -> Iterator[StatementLine]:
        while piece.entry:
            try:
                line = self._line(piece)
            except Refused as refusal:
                refusal.line = refusal.line or line_of(piece.element)
                raise
            if line is not None:
                yield line
            following = next(self._pieces, None)
            if following is None:
                return
            piece = following
            self._balances_before(piece.element)
        self._finish(piece.element)

    def _balances_before(self, entry: etree._Element) -> None:
        """Balances belong before the entries; some files mix them."""
        for element in entry.itersiblings(preceding=True):
            if self._fields.names[element.tag] == "Bal":
                self._balance(element)

    def _line(self, piece: Piece) -> StatementLine | None:
        entry = self._entry(piece.element)
        if entry.status not in ("BOOK", ""):
            self._counts["camt.not_booked"] += 1
            return None
        if not entry.status:
            self._counts["camt.entry_without_status"] += 1
        self._currency(entry.currency, piece.element)
        amount = self._signed(entry)
        self._sum += amount
        day = entry.booked_on or entry.value_date
        if day is None:
            day = self._day_of_statement(piece.element)
            self._counts["camt.entry_without_date"] += 1
        own = entry.own
        if piece.single is not None:
            return single_line(day, entry.value_date, amount, own, piece.single)
        if piece.count > len(piece.details):
            self._warn(
                "camt.details_left_out",
                line_of(piece.element),
                amount=str(amount),
                count=str(piece.count),
                kept=str(len(piece.details)),
            )
        return StatementLine(
            day,
            entry.value_date,
            amount,
            squeeze(own.texts) or entry.batch,
            bank_reference=own.bank_reference,
            transaction_code=own.code,
            details=tuple(piece.details),
        )

    def _signed(self, entry: _Entry) -> Decimal:
        if entry.own.amount is None or entry.own.credit is None:
            missing = "Amt" if entry.own.amount is None else "CdtDbtInd"
            raise Refused("camt.missing", element=missing)
        amount = entry.own.amount if entry.own.credit else -entry.own.amount
        if entry.reversal:
            self._counts["camt.reversals_inverted"] += 1
            self._reversed += amount
            if self._invert:
                return -amount
        return amount

    def _entry(self, element: etree._Element) -> _Entry:
        fields = self._fields
        own = Transaction()
        entry = _Entry(own)
        entry_reference = ""
        for child in element:
            name = fields.names[child.tag]
            if name == "Amt":
                own.amount = read_amount(child.text)
                entry.currency = child.get("Ccy") or ""
            elif name == "CdtDbtInd":
                own.credit = is_credit(child.text)
            elif name == "Sts":
                entry.status = fields.status(child)
            elif name == "BookgDt":
                entry.booked_on = fields.date(child)
            elif name == "ValDt":
                entry.value_date = fields.date(child)
            elif name == "BkTxCd":
                own.code = fields.code(child)
            elif name == "NtryDtls":
                entry.batch = entry.batch or fields.batch(child)
            elif name == "AcctSvcrRef":
                own.bank_reference = (child.text or "").strip()
            elif name == "NtryRef":
                entry_reference = (child.text or "").strip()
            elif name == "RvslInd":
                entry.reversal = is_true(child.text)
            elif name == "AddtlNtryInf":
                own.texts.append(child.text or "")
        own.bank_reference = own.bank_reference or entry_reference
        return entry

    def _day_of_statement(self, element: etree._Element) -> date:
        day = self.statement.closing_date or self._written_on or self.statement.opening_date
        if day is None:
            raise Refused("camt.missing", line=line_of(element), element="BookgDt")
        return day

    # ------------------------------------------------------------------ end

    def _finish(self, stmt: etree._Element) -> None:
        """Read balances that stand after the entries, then compare."""
        if self._has_entries:
            for child in stmt:
                if self._fields.names[child.tag] == "Bal":
                    self._balance(child)
        self._compare()
        if not self._invert:
            self._counts.pop("camt.reversals_inverted", None)
        for code, count in self._counts.items():
            self._warn(code, None, count=str(count))

    def _compare(self) -> None:
        statement = self.statement
        if statement.opening is None or statement.closing is None:
            return
        found = statement.opening + self._sum
        if found == statement.closing:
            return
        turned = found - 2 * self._reversed
        if not self._invert and self._reversed and turned == statement.closing:
            count = str(self._counts["camt.reversals_inverted"])
            raise Refused("camt.reversal_sign", account=statement.account, count=count)
        raise Refused(
            "camt.balance",
            account=statement.account,
            opening=str(statement.opening),
            sum=str(found),
            closing=str(statement.closing),
        )

    def _warn(self, code: str, line: int | None, **values: str) -> None:
        self.statement.warnings.append(Warning_(code, values, line))
