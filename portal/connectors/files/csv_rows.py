"""Rows of a table as statement lines, and the balances that prove them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from portal.connectors.base import Statement, StatementLine, Warning_
from portal.connectors.errors import Refused
from portal.connectors.files.answers import Answers
from portal.connectors.files.bank_texts import labelled, slashed, squeezed
from portal.connectors.files.csv_guess import is_currency, side_of
from portal.connectors.files.csv_layout import Layout, is_data
from portal.connectors.files.csv_mapping import plain, words
from portal.connectors.files.csv_values import ORDERS, Amounts, read_date
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.references import is_iban, printed_belgian, structured

Row = tuple[int, list[str]]  # line of the file, cells
Cells = tuple[str, ...]  # in the order of _ROLES, then the texts

_REMEMBERED = 4096
_ACCOUNTS = 1_000  # of one file
_IDLE = 10_000  # rows without a movement
_NOTHING = Decimal(0)
_ROLES = (
    "date", "value_date", "amount", "debit", "credit", "sign", "balance", "balance_before", "currency", "account",
    "status", "refusal", "counterparty", "counterparty_account", "counterparty_bic", "reference", "end_to_end_id",
    "bank_reference", "transaction_code", "number",
)  # fmt: skip
_NOT_BOOKED = frozenset(
    words(
        "geweigerd, refuse, refusee, rejected, refused, verworpen, pending, declined, reverted, failed, cancelled,"
        "canceled, geannuleerd, annule, annulee, gereserveerd, expired, denied, removed, abgelehnt, vorgemerkt, offen,"
        "en attente, in behandeling, niet uitgevoerd, non execute, en cours, in progress, on hold"
    )
)
_TOTALS = (
    "total",
    "totaal",
    "saldo",
    "solde",
    "balance",
    "laatste",
    "nieuw saldo",
    "nouveau",
    "dernier",
    "summe",
    "aantal",
)


class Key(NamedTuple):
    account: str
    currency: str


@dataclass(slots=True)
class _Chain:
    """Follows the balances of one account, oldest row first and newest row first, until one is out."""

    forward: bool = True
    backward: bool = True
    last: Decimal | None = None  # the balance of the row before
    onward: Decimal = _NOTHING  # amounts since then, this row's in it
    behind: Decimal = _NOTHING  # amounts since then, that row's in it but not this one's

    def take(self, amount: Decimal, balance: Decimal | None) -> bool:
        """False when this row follows neither way."""
        self.onward += amount
        if balance is None:
            self.behind += amount
            return True
        if self.last is not None:
            forward = self.forward and self.last + self.onward == balance
            backward = self.backward and self.last - self.behind == balance
            if not forward and not backward:
                return False
            self.forward, self.backward = forward, backward
        self.last, self.onward, self.behind = balance, _NOTHING, amount
        return True


@dataclass(slots=True)
class _Stretch:
    """Rows of one account and currency that follow each other."""

    total: Decimal = _NOTHING
    first: date | None = None
    last: date | None = None
    up: int = 0
    down: int = 0
    top: Decimal | None = None  # the first balance, and the amounts above it
    bottom: Decimal | None = None  # the last balance, and the amounts below it
    left_out: int = 0

    def take(self, day: date, amount: Decimal) -> None:
        before = self.last
        if day != before:
            if before is not None:
                self.up, self.down = self.up + (day > before), self.down + (day < before)
            self.first, self.last = self.first or day, day
        self.total += amount

    def balance(self, balance: Decimal | None, amount: Decimal) -> None:
        """To be told before `take`."""
        if balance is not None:
            self.top = balance + self.total if self.top is None else self.top
            self.bottom = balance
        elif self.bottom is not None:
            self.bottom += amount

    def close(self, statement: Statement, follow: _Chain) -> None:
        if self.left_out:
            statement.warnings.append(Warning_("csv.not_booked", {"count": str(self.left_out)}))
        newest_first = follow.backward and (not follow.forward or self.down > self.up)
        closing = self.top if newest_first else self.bottom
        if closing is not None and self.first and self.last:
            statement.opening, statement.closing = closing - self.total, closing
            statement.opening_date, statement.closing_date = min(self.first, self.last), max(self.first, self.last)


class RowReader:
    """Reads the rows of one file once, in order."""

    def __init__(
        self, format: str, layout: Layout, order: str, decimal: str, limits: ReadLimits, answers: Answers
    ) -> None:
        assert layout.mapping is not None  # noqa: S101 (the caller refuses a table without)
        places = layout.mapping.places(layout.header)
        if "date" not in places or not ("amount" in places or {"debit", "credit"} <= places.keys()):
            raise Refused("csv.incomplete")
        self._format = format
        self._key_of_mapping = layout.mapping.key
        self._layout = layout
        self._order = order
        self._limit = limits.entries
        self._answers = answers
        self._amounts = Amounts(decimal)
        self._dates: dict[str, date] = {}
        self._accounts: dict[tuple[str, str], Key] = {}
        self._chains: dict[Key, _Chain] = {}
        self._has_balance = "balance" in places or "balance_before" in places
        self._proved = "balance" in places and "balance_before" in places
        self._amount = self._way(places)
        self._in_texts = layout.mapping.texts == "abn"
        # A cell that the table does not have is the empty one that is put behind each row.
        texts = layout.mapping.description_places(layout.header)
        self._pick = itemgetter(*(places.get(role, -1) for role in _ROLES), *texts)
        self._needed = max((*places.values(), *texts)) + 1
        self._width = 0
        self._entries = 0
        self._idle = 0
        self._again: Row | None = None

    def _way(self, places: Collection[str]) -> Callable[[Cells], Decimal]:
        """How a row says its amount."""
        if "amount" not in places:
            return self._of_two_columns
        return self._with_side if "sign" in places else self._signed

    # ------------------------------------------------------------------ statements

    def statements(self, rows: Iterator[Row]) -> Iterator[Statement]:
        key = Key("", "")
        while (begun := self._begun(rows)) is not None:
            key = self._key(self._pick(begun[1]), key)
            statement = Statement(self._format, key.account, key.currency, "", None, None)
            statement.lines = self._lines(statement, key, chain((begun,), rows))
            yield statement

    def _begun(self, rows: Iterator[Row]) -> Row | None:
        """The row at which the next statement begins, fitted; None at the end."""
        begun, self._again = self._again, None
        while begun is None and (row := next(rows, None)) is not None:
            begun = self._fitted(*row)
        return begun

    def _lines(self, statement: Statement, key: Key, rows: Iterator[Row]) -> Iterator[StatementLine]:
        stretch, follow, width = _Stretch(), self._chains.setdefault(key, _Chain()), self._width
        line, told = 0, ("", "")
        try:
            for line, row in rows:
                if len(row) == width:
                    row.append("")
                elif (len(row) != width + 1 or row[-1]) and self._fitted(line, row) is None:
                    continue
                cells = self._pick(row)
                if cells[8:10] != told:
                    if self._key(cells, key) != key:
                        self._again = (line, row)
                        break
                    told = cells[8:10]
                if (cells[10] or cells[11]) and _is_not_booked(cells[10], cells[11]):
                    stretch.left_out += 1
                    continue
                day = self._dates.get(cells[0])
                if day is None:
                    if _is_idle(row):
                        self._skip(line)
                        continue
                    day = self._date(cells[0])
                amount = self._amount(cells)
                if self._has_balance:
                    balance = self._balance(cells, amount)
                    if not follow.take(amount, balance):
                        self._again = self._broken(line, row, key, balance)
                        break
                    stretch.balance(balance, amount)
                stretch.take(day, amount)
                if cells[19] and not statement.number:
                    statement.number = cells[19].strip()
                yield self._line(cells, day, amount)
        except Refused as refusal:
            refusal.line = refusal.line or line
            refusal.values.setdefault("mapping", self._key_of_mapping)
            raise
        stretch.close(statement, follow)

    def _fitted(self, line: int, cells: list[str]) -> Row | None:
        """The row with an empty cell behind it; None for one that holds no movement."""
        if not cells or _is_idle(cells):
            self._skip(line)
            return None
        self._width = self._width or max(len(cells), self._needed)
        if len(cells) < min(self._width, self._needed):
            raise Refused("csv.width", line=line, found=str(len(cells)), expected=str(self._width))
        if any(cell.strip() for cell in cells[self._width :]):
            raise Refused("csv.width", line=line, found=str(len(cells)), expected=str(self._width))
        cells[self._width :] = ()
        cells.extend([""] * (self._width + 1 - len(cells)))
        return line, cells

    def _skip(self, line: int) -> None:
        self._idle += 1
        if self._idle > _IDLE:
            raise Refused("csv.idle_rows", line=line, limit=str(_IDLE))

    def _key(self, cells: Cells, before: Key) -> Key:
        """Account and currency; of the rows before where this one leaves them out."""
        said = (cells[9], cells[8])
        found = self._accounts.get(said)
        if found is None:
            found = Key(account_of(cells[9]), cells[8].strip().upper())
            if found.currency and not is_currency(found.currency):
                raise Refused("csv.currency", text=cells[8].strip())
            if len(self._accounts) >= _ACCOUNTS:
                raise Refused("csv.accounts", limit=str(_ACCOUNTS))
            self._accounts[said] = found
        fallback, answers = self._layout.account, self._answers
        return Key(
            found.account or before.account or fallback or answers.account,
            found.currency or before.currency or _currency_above(self._layout) or answers.currency,
        )

    # ------------------------------------------------------------------ a row

    def _line(self, cells: Cells, day: date, amount: Decimal) -> StatementLine:
        self._entries += 1
        if self._limit is not None and self._entries > self._limit:
            raise Refused("file.too_many_entries", limit=str(self._limit))
        value = (self._dates.get(cells[1]) or self._date(cells[1])) if cells[1].strip() else None
        text = " ".join(cells[20:])
        description = " ".join(text.split())
        reference = cells[15].strip()
        if reference:
            reference = structured(reference) or squeezed(reference)
        elif "+++" in description or "***" in description:
            reference = printed_belgian(description)
        line = StatementLine(
            day, value, amount, description, " ".join(cells[12].split()), cells[13].replace(" ", ""),
            cells[14].strip(), reference, cells[16].strip(), cells[17].strip(), cells[18].strip(),
        )  # fmt: skip
        return _told(line, text) if self._in_texts else line

    def _date(self, text: str) -> date:
        found = read_date(text.strip(), self._order)
        if found is None:
            other = any(read_date(text.strip(), order) for order in ORDERS)
            raise Refused("csv.date_mixed" if other else "csv.date", text=text.strip()[:40])
        if len(self._dates) < _REMEMBERED:
            self._dates[text] = found
        return found

    def _signed(self, cells: Cells) -> Decimal:
        return self._amounts[cells[2]]

    def _with_side(self, cells: Cells) -> Decimal:
        amount, side = self._amounts[cells[2]], side_of(cells[5])
        if not side:
            raise Refused("csv.sign", text=cells[5].strip()[:40])
        # "-12.50 credit" is a debit to one bank and a credit to another; a balance tells.
        if amount < 0 < side and not self._has_balance:
            raise Refused("csv.sides", text=f"{cells[2].strip()} {cells[5].strip()}")
        return abs(amount) * side

    def _of_two_columns(self, cells: Cells) -> Decimal:
        out, in_ = cells[3].strip(), cells[4].strip()
        debit = self._amounts[out] if out else _NOTHING
        credit = self._amounts[in_] if in_ else _NOTHING
        if (debit and credit) or not (out or in_) or (credit < 0 and not self._has_balance):
            raise Refused("csv.sides", text=f"{out} / {in_}")
        return abs(credit) if credit or not debit else -abs(debit)

    def _balance(self, cells: Cells, amount: Decimal) -> Decimal | None:
        """After the row; None where it tells none."""
        balance = self._amounts[cells[6]] if cells[6].strip() else None
        if not cells[7].strip():
            return balance
        after = self._amounts[cells[7]] + amount
        if balance not in (None, after):
            raise Refused("csv.balance", amount=str(amount), balance=str(balance))
        return after

    def _broken(self, line: int, row: list[str], key: Key, balance: Decimal | None) -> Row:
        """A row that does not follow. Where each row proves itself, rows are missing, and another statement begins."""
        if not self._proved:
            raise Refused("csv.balance", amount=str(self._amount(self._pick(row))), balance=str(balance))
        self._chains[key] = _Chain()
        return line, row


def account_of(cell: str) -> str:
    """A number without spaces, without a spreadsheet's =" and without a currency behind an IBAN."""
    account = re.sub(r"\s", "", cell.strip().removeprefix("=").strip('"'))
    return account[:-3] if account[-3:].isalpha() and is_iban(account[:-3]) else account


def _is_not_booked(status: str, refusal: str) -> bool:
    return bool(refusal.strip()) or plain(status) in _NOT_BOOKED


def _is_idle(cells: Sequence[str]) -> bool:
    """A row without a movement: empty, a remark, or a total of the rows above."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled or filled[0].startswith("#"):
        return True
    return not is_data(cells) and (len(filled) == 1 or plain(filled[0]).startswith(_TOTALS))


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
