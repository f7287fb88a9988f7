"""Balances in a table: they prove its amounts, and tell which end of it is the older one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.connectors.statement import Statement, Warning_

NOTHING = Decimal(0)


@dataclass(slots=True)
class Chain:
    """Follows the balances of one account, oldest row first and newest row first, as long as either holds."""

    forward: bool = True
    backward: bool = True
    last: Decimal | None = None  # the newest balance that was seen
    onward: Decimal = NOTHING  # amounts since then, this row's in it
    behind: Decimal = NOTHING  # amounts since then, that row's in it but not this one's

    def take(self, amount: Decimal, balance: Decimal | None) -> bool:
        """False when this row follows neither way; nothing is changed then."""
        onward = self.onward + amount
        if balance is None:
            self.onward = onward
            self.behind += amount
            return True
        if self.last is not None:
            forward = self.forward and self.last + onward == balance
            backward = self.backward and self.last - self.behind == balance
            if not forward and not backward:
                return False
            self.forward, self.backward = forward, backward
        self.last, self.onward, self.behind = balance, NOTHING, amount
        return True


@dataclass(slots=True)
class Stretch:
    """What is known at the end of rows of one account and currency that follow each other."""

    total: Decimal = NOTHING
    first: date | None = None  # of the first row
    last: date | None = None  # of the last row
    rising: int = 0  # how often a day is later than the one before, less how often it is earlier
    top: Decimal | None = None  # the first balance, and the amounts above it
    bottom: Decimal | None = None  # the last balance, and the amounts below it
    left_out: int = 0

    def turn(self, day: date) -> None:
        """To be told each day that differs from the one before."""
        if self.last is None:
            self.first = day
        else:
            self.rising += 1 if day > self.last else -1
        self.last = day

    def balance(self, balance: Decimal | None, amount: Decimal) -> None:
        """To be told before the amount is added to `total`."""
        if balance is not None:
            if self.top is None:
                self.top = balance + self.total
            self.bottom = balance
        elif self.bottom is not None:
            self.bottom += amount

    def close(self, statement: Statement, chain: Chain) -> None:
        """Fill the balances of the statement."""
        if self.left_out:
            statement.warnings.append(Warning_("csv.not_booked", {"count": str(self.left_out)}))
        newest_first = chain.backward and (not chain.forward or self.rising < 0)
        closing = self.top if newest_first else self.bottom
        if closing is not None and self.first and self.last:
            statement.opening, statement.closing = closing - self.total, closing
            statement.opening_date, statement.closing_date = min(self.first, self.last), max(self.first, self.last)
