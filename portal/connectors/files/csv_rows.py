"""Rows of a table as statement lines."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from portal.connectors.errors import Refused
from portal.connectors.files.answers import Answers
from portal.connectors.files.bank_texts import labelled, slashed, squeezed
from portal.connectors.files.csv_balances import NOTHING, Chain, Stretch
from portal.connectors.files.csv_guess import is_currency, side_of
from portal.connectors.files.csv_layout import Layout, is_data
from portal.connectors.files.csv_mapping import ROLES, plain, words
from portal.connectors.files.csv_values import ORDERS, amount_reader, read_date
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.references import is_iban, printed_belgian, structured
from portal.connectors.statement import Statement, StatementLine

Row = tuple[int, list[str]]  # line of the file, cells

_REMEMBERED = 4096
_ACCOUNTS = 1_000  # of one file
_IDLE = 10_000  # rows without a movement
_NOT_BOOKED = frozenset(
    words(
        "geweigerd, refuse, refusee, rejected, refused, verworpen, pending, declined, reverted, failed, cancelled,"
        "canceled, geannuleerd, annule, annulee, gereserveerd, expired, denied, removed, abgelehnt, vorgemerkt, offen,"
        "en attente, in behandeling, niet uitgevoerd, non execute, en cours, in progress, on hold"
    )
)
_TOTALS = words("total, totaal, saldo, solde, balance, laatste, nieuw saldo, nouveau, dernier, summe, aantal")


class Key(NamedTuple):
    account: str
    currency: str


class _Places(NamedTuple):
    """The column of each role, in the order of ROLES."""

    date: int
    value_date: int
    amount: int
    debit: int
    credit: int
    sign: int
    balance: int
    balance_before: int
    currency: int
    account: int
    counterparty: int
    counterparty_account: int
    counterparty_bic: int
    reference: int
    end_to_end_id: int
    bank_reference: int
    transaction_code: int
    number: int
    status: int
    refusal: int


class RowReader:
    """Reads the rows of one file once, in order."""

    def __init__(
        self, format: str, layout: Layout, order: str, decimal: str, limits: ReadLimits, answers: Answers
    ) -> None:
        assert layout.mapping is not None  # noqa: S101 (the caller refuses a table without)
        self._mapping = layout.mapping
        found = self._mapping.places(layout.header)
        if "date" not in found or not ("amount" in found or {"debit", "credit"} <= found.keys()):
            raise Refused("csv.incomplete")
        texts = self._mapping.description_places(layout.header)
        self._needed = max((*found.values(), *texts)) + 1
        first = next((row for row in layout.rows if is_data(row)), ())
        self._width = max(len(first), self._needed)
        # A role that the table does not have is the empty cell that is put behind each row.
        self._at = _Places(*(found.get(role, self._width) for role in ROLES))
        self._texts = itemgetter(*texts) if len(texts) > 1 else None
        self._text = texts[0] if texts else self._width
        self._has_balance = "balance" in found or "balance_before" in found
        self._proved = "balance" in found and "balance_before" in found
        self._format = format
        self._layout = layout
        self._order = order
        self._limit = sys.maxsize if limits.entries is None else limits.entries
        self._answers = answers
        self._amount = amount_reader(decimal)
        self._dates: dict[str, date] = {}
        self._keys: dict[tuple[str, str], Key] = {}
        self._chains: dict[Key, Chain] = {}
        self._entries = 0
        self._idle = 0
        self._again: Row | None = None

    # ------------------------------------------------------------------ statements

    def statements(self, rows: Iterator[Row]) -> Iterator[Statement]:
        key = Key("", "")
        while (begun := self._begun(rows)) is not None:
            key = self._key(begun[1], key)
            number = begun[1][self._at.number].strip()
            statement = Statement(self._format, key.account, key.currency, number, None, None)
            statement.lines = self._lines(statement, key, chain((begun,), rows))
            yield statement

    def _begun(self, rows: Iterator[Row]) -> Row | None:
        """The row at which the next statement begins, fitted; None at the end."""
        begun, self._again = self._again, None
        while begun is None and (row := next(rows, None)) is not None:
            begun = row if self._fitted(*row) else None
        return begun

    def _lines(self, statement: Statement, key: Key, rows: Iterator[Row]) -> Iterator[StatementLine]:
        """The innermost loop of reading a table, and written for speed."""
        dates, follow, stretch = self._dates, self._chains.setdefault(key, Chain()), Stretch()
        date_at, *_, currency_at, account_at, _, _, _, _, _, _, _, _, status_at, refusal_at = self._at
        make, width, has_balance = self._maker(), self._width, self._has_balance
        read, amount_of, amount_at, balance_of = self._amount, self._way(), self._at.amount, self._balance()
        keyed, guarded = account_at + currency_at < 2 * width, status_at + refusal_at < 2 * width
        line, told, before, count, limit = 0, ("", ""), None, self._entries, self._limit
        try:
            for line, row in rows:
                if len(row) == width:
                    row.append("")
                elif (len(row) != width + 1 or row[width]) and not self._fitted(line, row):
                    continue
                if keyed and (said := (row[account_at], row[currency_at])) != told:
                    if self._key(row, key) != key:
                        self._again = (line, row)
                        break
                    told = said
                if guarded and (row[status_at] or row[refusal_at]) and _is_not_booked(row[status_at], row[refusal_at]):
                    stretch.left_out += 1
                    continue
                day = dates.get(row[date_at])
                if day is None:
                    if self._is_idle(line, row):
                        continue
                    day = self._date(row[date_at])
                amount = amount_of(row) if amount_of else read(row[amount_at])
                if has_balance:
                    balance = balance_of(row, amount)
                    if not follow.take(amount, balance):
                        self._again = self._broken(line, row, key, amount, balance)
                        break
                    stretch.balance(balance, amount)
                    if day != before:
                        stretch.turn(day)
                        before = day
                    stretch.total += amount
                count += 1
                if count > limit:
                    raise Refused("file.too_many_entries", limit=str(limit))
                yield make(row, day, amount)
        except Refused as refusal:
            refusal.line = refusal.line or line
            refusal.values.setdefault("mapping", self._mapping.key)
            raise
        self._entries = count
        stretch.close(statement, follow)

    def _fitted(self, line: int, cells: list[str]) -> bool:
        """Give the row an empty cell behind it; False for one that holds no movement."""
        if self._is_idle(line, cells):
            return False
        if len(cells) < self._needed or any(cell.strip() for cell in cells[self._width :]):
            raise Refused("csv.width", line=line, found=str(len(cells)), expected=str(self._width))
        cells[self._width :] = ()
        cells.extend([""] * (self._width + 1 - len(cells)))
        return True

    def _is_idle(self, line: int, cells: Sequence[str]) -> bool:
        """A row without a movement: empty, a remark, or a total of the rows above."""
        filled = [cell.strip() for cell in cells if cell.strip()]
        idle = not filled or filled[0].startswith("#")
        if not idle:
            idle = (len(filled) == 1 or plain(filled[0]).startswith(_TOTALS)) and not is_data(cells)
        self._idle += idle
        if self._idle > _IDLE:
            raise Refused("csv.idle_rows", line=line, limit=str(_IDLE))
        return idle

    def _key(self, cells: Sequence[str], before: Key) -> Key:
        """Account and currency; of the rows before where this one leaves them out."""
        said = (cells[self._at.account], cells[self._at.currency])
        found = self._keys.get(said)
        if found is None:
            found = Key(account_of(said[0]), said[1].strip().upper())
            if found.currency and not is_currency(found.currency):
                raise Refused("csv.currency", text=said[1].strip())
            if len(self._keys) >= _ACCOUNTS:
                raise Refused("csv.accounts", limit=str(_ACCOUNTS))
            self._keys[said] = found
        fallback, answers = self._layout.account, self._answers
        return Key(
            found.account or before.account or fallback or answers.account,
            found.currency or before.currency or _currency_above(self._layout) or answers.currency,
        )

    # ------------------------------------------------------------------ a row

    def _maker(self) -> Callable[[list[str], date, Decimal], StatementLine]:
        """What makes a line of a row, its date and its amount."""
        dates, text_at, texts = self._dates, self._text, self._texts
        _, value_at, *_, name_at, account_at, bic_at, reference_at, end_at, bank_at, code_at, _, _, _ = self._at
        more = min(value_at, account_at, bic_at, reference_at, end_at, bank_at, code_at) < self._width

        def make(row: list[str], day: date, amount: Decimal) -> StatementLine:
            value = row[value_at]
            text = row[text_at] if texts is None else " ".join(texts(row))
            description = text.strip()
            if "  " in description or "\n" in description:
                description = " ".join(description.split())
            reference = row[reference_at].strip() if more else ""
            if reference:
                reference = structured(reference) or squeezed(reference)
            elif "+++" in description or "***" in description:
                reference = printed_belgian(description)
            name = row[name_at].strip()
            if not more:
                name = squeezed(name) if "  " in name else name
                return StatementLine(day, None, amount, description, name, "", "", reference)
            return StatementLine(
                day,
                (dates.get(value) or self._value_date(value)) if value else None,
                amount,
                description,
                squeezed(name) if "  " in name else name,
                row[account_at].replace(" ", ""),
                row[bic_at].strip(),
                reference,
                row[end_at].strip(),
                row[bank_at].strip(),
                row[code_at].strip(),
            )

        if self._mapping.texts != "abn":
            return make
        return lambda row, day, amount: _told(make(row, day, amount), row[text_at])

    def _value_date(self, text: str) -> date | None:
        return self._date(text) if text.strip() else None

    def _date(self, text: str) -> date:
        found = read_date(text.strip(), self._order)
        if found is None:
            other = any(read_date(text.strip(), order) for order in ORDERS)
            raise Refused("csv.date_mixed" if other else "csv.date", text=text.strip()[:40])
        if len(self._dates) < _REMEMBERED:
            self._dates[text] = found
        return found

    def _way(self) -> Callable[[list[str]], Decimal] | None:
        """How a row says its amount; None where one cell says it all."""
        if self._at.amount == self._width:
            return self._of_two_columns
        return self._with_side if self._at.sign != self._width else None

    def _with_side(self, row: list[str]) -> Decimal:
        amount, side = self._amount(row[self._at.amount]), side_of(row[self._at.sign])
        if not side:
            raise Refused("csv.sign", text=row[self._at.sign].strip()[:40])
        # "-12.50 credit" is a debit to one bank and a credit to another; a balance tells.
        if amount < 0 < side and not self._has_balance:
            raise Refused("csv.sides", text=f"{row[self._at.amount].strip()} {row[self._at.sign].strip()}")
        return abs(amount) * side

    def _of_two_columns(self, row: list[str]) -> Decimal:
        out, in_ = row[self._at.debit].strip(), row[self._at.credit].strip()
        debit = self._amount(out) if out else NOTHING
        credit = self._amount(in_) if in_ else NOTHING
        if (debit and credit) or not (out or in_) or (credit < 0 and not self._has_balance):
            raise Refused("csv.sides", text=f"{out} / {in_}")
        return abs(credit) if credit or not debit else -abs(debit)

    def _balance(self) -> Callable[[list[str], Decimal], Decimal | None]:
        """What tells the balance after a row, of the row and its amount; None where the row tells none."""
        read, after_at, before_at, width = self._amount, self._at.balance, self._at.balance_before, self._width

        def after(row: list[str], _amount: Decimal) -> Decimal | None:
            text = row[after_at]
            return None if not text or text.isspace() else read(text)

        def proved(row: list[str], amount: Decimal) -> Decimal | None:
            balance, before = after(row, amount), row[before_at]
            if not before.strip():
                return balance
            found = read(before) + amount
            if balance not in (None, found):
                raise Refused("csv.balance", amount=str(amount), balance=str(balance))
            return found

        return after if before_at == width else proved

    def _broken(self, line: int, row: list[str], key: Key, amount: Decimal, balance: Decimal | None) -> Row:
        """A row that does not follow. Where each row proves itself, rows are missing, and a statement begins."""
        if not self._proved:
            raise Refused("csv.balance", amount=str(amount), balance=str(balance))
        self._chains[key] = Chain()
        return line, row


def account_of(cell: str) -> str:
    """A number without spaces, without a spreadsheet's =" and without a currency behind an IBAN."""
    account = re.sub(r"\s", "", cell.strip().removeprefix("=").strip('"'))
    return account[:-3] if account[-3:].isalpha() and is_iban(account[:-3]) else account


def _is_not_booked(status: str, refusal: str) -> bool:
    return bool(refusal.strip()) or plain(status) in _NOT_BOOKED


def _currency_above(layout: Layout) -> str:
    """EUR where a heading of an amount says so."""
    return (
        "EUR" if any(plain(cell).endswith((" eur", " euros", " euro")) or "€" in cell for cell in layout.header) else ""
    )


def _told(line: StatementLine, text: str) -> StatementLine:
    """With what ABN AMRO writes into the description."""
    if told := labelled(text) or slashed(text):
        line.counterparty, line.counterparty_account = told.counterparty, told.account
        line.counterparty_bic, line.end_to_end_id = told.bic, told.end_to_end_id
        line.description = told.description
        line.reference = told.reference or line.reference
    return line
