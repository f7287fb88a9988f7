"""One OFX statement: its account, its transactions as lines, its ledger balance."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from portal.connectors.errors import Refused
from portal.connectors.files.amounts import UNSETTLED, decimal_sign, read_amount
from portal.connectors.files.answers import Answers
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.ofx_records import ACCOUNTS, BALANCE, END, PENDING, TRANSACTION, Record
from portal.connectors.files.references import french_iban, printed_belgian
from portal.connectors.statement import Statement, StatementLine, Warning_

_REMEMBERED = 4096  # dates cached per file, so that a hostile file cannot fill memory
_USUAL = re.compile(r"[+-]?\d{1,13}(?:\.\d{0,2})?", re.ASCII)
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_USUAL_FIELDS = frozenset(("TRNTYPE", "DTPOSTED", "DTUSER", "DTAVAIL", "TRNAMT", "FITID", "NAME", "MEMO"))
_NO_CODE = frozenset(("", "NONE", "NOTPROVIDED", "0"))


class Values:
    """How the dates and amounts of one file are read."""

    def __init__(self, answers: Answers) -> None:
        self.days: dict[str, date] = {}
        self._answer = answers.decimal
        self._signs: set[str] = set()  # decimal signs that showed by themselves

    def first_day(self, fields: dict[str, str], *names: str) -> date | None:
        """The first date that is there; zeros mean none."""
        for name in names:
            text = fields.get(name, "")[:8]
            found = self.days.get(text)
            if found is not None:
                return found
            if text.strip("0 \r\n"):
                return self._read(text)
        return None

    def _read(self, text: str) -> date:
        """YYYYMMDD; what followed is left out: neither hour nor zone moves the date as written."""
        try:
            if not (len(text) == 8 and text.isascii() and text.isdigit()):
                raise ValueError
            found = date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            raise Refused("ofx.date", text=text.strip()) from None
        if len(self.days) < _REMEMBERED:
            self.days[text] = found
        return found

    def amount(self, text: str) -> Decimal:
        """The standard allows point and comma, and no thousands; banks write those all the same."""
        return Decimal(text) if _USUAL.fullmatch(text) else self._unusual(text)

    def _unusual(self, text: str) -> Decimal:
        sign = decimal_sign(text)
        if sign == UNSETTLED:
            shown = self._answer or "".join(self._signs)
            if len(shown) != 1:
                raise Refused("ofx.decimal_sign", text=text[:40])
            sign = shown
        elif sign:
            self._signs.add(sign)
        try:
            return read_amount(text, sign)
        except ValueError:
            raise Refused("ofx.amount", text=text[:40]) from None


class StatementReader:
    """Consumes the records of one statement. `entries` counts those of the whole file."""

    def __init__(
        self,
        statement: Statement,
        records: Iterator[Record],
        limits: ReadLimits,
        entries: Iterator[int],
        values: Values,
        answers: Answers,
    ) -> None:
        self.statement = statement
        self._records = records
        self._limits = limits
        self._entries = entries
        self._values = values
        self._answers = answers
        self._counts: Counter[str] = Counter()
        self._begun = False

    def begin(self, record: Record) -> bool:
        """Read up to the first transaction; False when an investment statement has none."""
        investment = record[0] == "INVSTMTRS"
        if investment:
            self.statement.warnings.append(Warning_("ofx.trades_left_out"))
        while record[0] not in (TRANSACTION, END):
            self._other(record)
            record = next(self._records)
        statement = self.statement
        if not statement.account:
            statement.account = self._answers.account
        if not statement.currency:
            statement.currency = self._answers.currency
        self._begun = True
        statement.lines = self._lines(record)
        return not investment or record[0] == TRANSACTION

    def _lines(self, record: Record) -> Iterator[StatementLine]:
        limit = self._limits.entries
        while record[0] != END:
            if record[0] == TRANSACTION:
                number = next(self._entries)
                if limit is not None and number > limit:
                    raise Refused("file.too_many_entries", limit=str(limit))
                try:
                    line = self._line(record[1])
                except Refused as refusal:
                    refusal.values.setdefault("entry", str(number))
                    raise
                if line is not None:
                    yield line
            else:
                self._other(record)
            record = next(self._records)
        for code, count in self._counts.items():
            self.statement.warnings.append(Warning_(code, {"count": str(count)}))

    # ------------------------------------------------------------------ head and balance

    def _other(self, record: Record) -> None:
        kind, fields = record
        statement = self.statement
        if kind in ACCOUNTS:
            self._account(fields)
        elif kind == BALANCE:
            if statement.closing is None and "BALAMT" in fields:
                statement.closing = self._values.amount(fields["BALAMT"])
                statement.closing_date = self._values.first_day(fields, "DTASOF")
        elif kind == PENDING:
            self._counts["ofx.pending"] += 1
        elif "CURDEF" in fields:
            self._currency(fields["CURDEF"].upper())

    def _account(self, fields: dict[str, str]) -> None:
        statement = self.statement
        account, bic = account_of(fields, "")
        if account == statement.account:
            return
        if statement.account or self._begun:
            raise Refused("ofx.structure", element="ACCTID")
        statement.account, statement.bic = account, bic

    def _currency(self, currency: str) -> None:
        statement = self.statement
        if currency == statement.currency:
            return
        if statement.currency or self._begun:
            raise Refused("ofx.structure", element="CURDEF")
        statement.currency = currency

    # ------------------------------------------------------------------ transactions

    def _line(self, fields: dict[str, str]) -> StatementLine | None:
        get = fields.get
        values = self._values
        amount = get("TRNAMT")
        if amount is None:
            raise Refused("ofx.missing", element="TRNAMT")
        day = values.days.get(get("DTPOSTED", "")[:8]) or values.first_day(fields, "DTPOSTED", "DTUSER", "DTAVAIL")
        if day is None:
            raise Refused("ofx.missing", element="DTPOSTED")
        name, description = " ".join(get("NAME", "").split()), " ".join(get("MEMO", "").split())
        account = bic = ""
        if not fields.keys() <= _USUAL_FIELDS:
            if self._is_deletion(fields):
                return None
            name = _text(get("PAYEE.NAME") or get("EXTDNAME") or get("NAME", ""))
            description = _description(fields, name, description)
            account, bic = account_of(fields, "BANKACCTTO." if "BANKACCTTO.ACCTID" in fields else "CCACCTTO.")
        return StatementLine(
            day,
            values.first_day(fields, "DTAVAIL") if "DTAVAIL" in fields else None,
            values.amount(amount),
            description,
            name,
            account,
            bic,
            printed_belgian(description),
            "",
            get("FITID", ""),
            get("TRNTYPE", ""),
        )

    def _is_deletion(self, fields: dict[str, str]) -> bool:
        """Refuse what is in another currency, count what corrects an earlier entry."""
        found = _text(fields.get("CURRENCY.CURSYM", "")).upper()
        if found and found != self.statement.currency:
            raise Refused("ofx.currency", found=found, expected=self.statement.currency)
        if "CORRECTFITID" in fields:
            self._counts["ofx.corrections"] += 1
        return "CORRECTFITID" in fields and _text(fields.get("CORRECTACTION", "")).upper() == "DELETE"


def account_of(fields: dict[str, str], prefix: str) -> tuple[str, str]:
    """(account, BIC) of an aggregate like BANKACCTFROM; the IBAN where French parts of one add up."""
    account = "".join(_text(fields.get(f"{prefix}ACCTID", "")).split())
    bank = "".join(_text(fields.get(f"{prefix}BANKID", "")).split())
    branch = _text(fields.get(f"{prefix}BRANCHID", ""))
    key = _text(fields.get(f"{prefix}ACCTKEY", ""))
    bic = bank if _BIC.fullmatch(bank) else ""
    return french_iban(bank, branch, account, key) or account, bic


def _description(fields: dict[str, str], name: str, memo: str) -> str:
    """The memo, the payee as the bank writes it where it has another name, and the bank's numbers."""
    texts = [memo]
    for key in ("NAME", "CHECKNUM", "REFNUM"):
        if key in fields:
            text = _text(fields[key])
            if text != name and text not in _NO_CODE and text not in memo:
                texts.append(text)
    return " ".join(filter(None, texts))


def _text(text: str) -> str:
    return " ".join(text.split())
