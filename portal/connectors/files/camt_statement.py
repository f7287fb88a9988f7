"""One CAMT statement (`Stmt`): its head, its entries as lines, and whether it adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element

from portal.connectors.errors import Refused
from portal.connectors.files.camt_entry import Entry
from portal.connectors.files.camt_fields import FieldReader, is_credit, plain, read_amount, squeeze
from portal.connectors.files.camt_stream import Kind, Part
from portal.connectors.files.camt_transaction import Transaction
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.references import printed_belgian
from portal.connectors.statement import LineDetail, Statement, StatementLine, Warning_

_ZERO = Decimal(0)


class StatementReader:
    """Consumes the parts of one statement. `entries` counts those of the whole file."""

    def __init__(
        self,
        statement: Statement,
        parts: Iterator[Part],
        fields: FieldReader,
        limits: ReadLimits,
        entries: Iterator[int],
        invert_reversals: bool,
    ) -> None:
        self.statement = statement
        self._parts = parts
        self._fields = fields
        self._limits = limits
        self._entries = entries
        self._invert = invert_reversals
        self._sum = _ZERO
        self._reversed = _ZERO
        self._counts: Counter[str] = Counter()
        self._numbers: dict[str, str] = {}
        self._opening_code = ""
        self._written_on: date | None = None
        self._batch: list[LineDetail] = []  # of the entry that is still open
        self._batch_size = 0  # transactions seen, whether kept as details or not
        self._batch_name = ""

    def begin(self, part: Part) -> Statement:
        """Read what stands before the first entry, or the whole of an empty statement."""
        while part.kind is Kind.HEAD:
            self._head(part.element)
            part = next(self._parts)
        statement = self.statement
        if not statement.account:
            raise Refused("camt.account")
        keys = ("ElctrncSeqNb", "LglSeqNb", "Id")
        statement.number = next((self._numbers[k] for k in keys if self._numbers.get(k)), "")
        if not statement.currency and part.kind is not Kind.END:
            amounts = (x for x in part.element if self._fields.names[x.tag] == "Amt")
            statement.currency = next((x.get("Ccy") or "" for x in amounts), "")
        self._fields.account = statement.account
        statement.lines = self._lines(part)
        return statement

    # ------------------------------------------------------------------ head and balances

    def _head(self, element: Element) -> None:
        fields = self._fields
        name = fields.names[element.tag]
        if name == "Bal":
            self._balance(element)
        elif name in ("Id", "ElctrncSeqNb", "LglSeqNb"):
            self._numbers[name] = plain(element)
        elif name == "Acct":
            self._account(element)
        elif name == "CreDtTm" and self._written_on is None and element.text:
            self._written_on = fields.dates[element.text]
        elif name == "FrToDt":
            for end in element:
                if end.text and fields.names[end.tag] in ("ToDtTm", "ToDt"):
                    self._written_on = fields.dates[end.text]

    def _account(self, element: Element) -> None:
        fields, statement = self._fields, self.statement
        statement.account = fields.account_id(element)
        for child in element:
            name = fields.names[child.tag]
            if name == "Ccy":
                self._currency(plain(child))
            elif name == "Ownr":
                statement.holder = fields.name(child)
            elif name == "Svcr":
                statement.bic = fields.bic(child)

    def _balance(self, element: Element) -> None:
        names = self._fields.names
        parts = {names[child.tag]: child for child in element}
        kinds = parts["Tp"].iter() if "Tp" in parts else ()
        kind = next((plain(x) for x in kinds if names[x.tag] == "Cd"), "")
        if kind not in ("OPBD", "PRCD", "CLBD"):
            return
        if "Amt" not in parts:
            raise Refused("camt.missing", element="Bal/Amt")
        self._currency(parts["Amt"].get("Ccy") or "")
        amount = read_amount(parts["Amt"])
        if "CdtDbtInd" not in parts:
            self._warn("camt.balance_without_sign", text=str(amount))
        elif not is_credit(parts["CdtDbtInd"]):
            amount = -amount
        day = self._fields.date(parts["Dt"]) if "Dt" in parts else None
        statement = self.statement
        if kind == "CLBD":
            if statement.closing is None:
                statement.closing, statement.closing_date = amount, day
        elif statement.opening is None or (kind == "OPBD" and self._opening_code == "PRCD"):
            statement.opening, statement.opening_date = amount, day
            self._opening_code = kind

    def _currency(self, currency: str) -> None:
        expected = self.statement.currency
        if not expected:
            self.statement.currency = currency
        elif currency and currency != expected:
            raise Refused("camt.currency", found=currency, expected=expected)

    # ------------------------------------------------------------------ entries

    def _lines(self, part: Part) -> Iterator[StatementLine]:
        limit = self._limits.entries
        while part.kind is not Kind.END:
            if part.kind is Kind.ENTRY:
                number = next(self._entries)
                if limit is not None and number > limit:
                    raise Refused("file.too_many_entries", limit=str(limit))
                try:
                    line = self._line(Entry(part.element, self._fields))
                except Refused as refusal:
                    refusal.values.setdefault("entry", str(number))
                    raise
                if line is not None:
                    yield line
            elif part.kind is Kind.BATCH:
                self._take(Entry(part.element, self._fields), part.more)
            else:
                self._late(part.element)
            part = next(self._parts)
        self._finish()

    def _late(self, element: Element) -> None:
        """Balances belong before the entries; some files have them after."""
        if self._fields.names[element.tag] == "Bal":
            self._balance(element)

    def _line(self, entry: Entry) -> StatementLine | None:
        booked = entry.status == "BOOK" or not entry.status
        if not entry.status:
            self._counts["camt.entry_without_status"] += 1
        if entry.currency != self.statement.currency:
            self._currency(entry.currency)
        amount = entry.amount if entry.credit else -entry.amount
        if booked and entry.reversal:
            self._counts["camt.reversals_inverted"] += 1
            self._reversed += amount
            amount = -amount if self._invert else amount
        day = entry.booked_on or entry.value_date or self._day_of_statement()
        transactions = entry.transactions
        if len(transactions) == 1 and not self._batch_size:
            line = self._single(entry, Transaction(transactions[0], self._fields, entry.other), day, amount)
        else:
            self._take(entry, transactions)
            line = self._of_batch(entry, day, amount)
        if not booked:
            self._counts["camt.not_booked"] += 1
            return None
        self._sum += amount
        return line

    def _single(self, entry: Entry, tx: Transaction, day: date, amount: Decimal) -> StatementLine:
        """What the one transaction says goes before what its entry says."""
        description = squeeze(tx.texts + entry.texts if entry.texts else tx.texts)
        return StatementLine(
            day,
            entry.value_date,
            amount,
            description,
            tx.name,
            tx.account,
            tx.bic,
            tx.reference or printed_belgian(description),
            tx.end_to_end_id,
            entry.bank_reference or tx.bank_reference,
            entry.code or tx.code,
        )

    def _of_batch(self, entry: Entry, day: date, amount: Decimal) -> StatementLine:
        kept, seen = tuple(self._batch), self._batch_size
        name = entry.batch or self._batch_name
        self._batch, self._batch_size, self._batch_name = [], 0, ""
        if seen > len(kept):
            self._warn("camt.details_left_out", amount=str(amount), count=str(seen), kept=str(len(kept)))
        return StatementLine(
            day,
            entry.value_date,
            amount,
            squeeze(entry.texts) or name,
            bank_reference=entry.bank_reference,
            transaction_code=entry.code,
            details=kept,
        )

    def _take(self, entry: Entry, elements: Sequence[Element]) -> None:
        """Keep transactions of a batch as details, up to the limit."""
        fields, limits = self._fields, self._limits
        for element in elements:
            name = fields.names[element.tag]
            if name == "Btch":
                self._batch_name = entry.batch_name(element, fields)
            elif name == "TxDtls":
                self._batch_size += 1
                if len(self._batch) < limits.details:
                    detail = Transaction(element, fields, entry.other).detail(entry.credit)
                    self._batch.append(detail)
        if self._batch_size > limits.width:
            raise Refused("camt.too_wide")

    def _day_of_statement(self) -> date:
        day = self.statement.closing_date or self._written_on or self.statement.opening_date
        if day is None:
            raise Refused("camt.missing", element="BookgDt")
        self._counts["camt.entry_without_date"] += 1
        return day

    # ------------------------------------------------------------------ end

    def _finish(self) -> None:
        self._compare()
        if not self._invert:
            self._counts.pop("camt.reversals_inverted", None)
        for code, count in self._counts.items():
            self._warn(code, count=str(count))

    def _compare(self) -> None:
        statement = self.statement
        if statement.opening is None or statement.closing is None:
            return
        found = statement.opening + self._sum
        if found == statement.closing:
            return
        if not self._invert and found - 2 * self._reversed == statement.closing:
            count = str(self._counts["camt.reversals_inverted"])
            raise Refused("camt.reversal_sign", account=statement.account, count=count)
        raise Refused(
            "camt.balance",
            account=statement.account,
            opening=str(statement.opening),
            sum=str(found),
            closing=str(statement.closing),
        )

    def _warn(self, code: str, **values: str) -> None:
        self.statement.warnings.append(Warning_(code, values))
