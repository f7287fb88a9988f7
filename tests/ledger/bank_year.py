"""A bank's year as the truth, and the sources that tell it: two feeds and files, each in its own way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from portal.access import Scope
from portal.connectors.feed import FeedTransaction, TransactionStatus
from portal.connectors.statement import StatementLine
from portal.ledger.feeding import Fed, WholeNeeded, store_transactions
from portal.ledger.models import BankAccount
from portal.ledger.models import StatementLine as StoredLine
from tests.ledger.making import Cut, bring_in, statement

FIRST = date(2025, 1, 1)
SHOPS = ["Delhaize Gent", "Carrefour Aalst", "Bol.com", "Shell Zaventem", "Café De Markt"]
PAYERS = [
    ("Immo Zuid NV", "BE61310126985517"),
    ("Transport Maes", "BE71096123456769"),
    ("J. Peeters", "NL91ABNA0417164300"),
]
Day = tuple[date, Decimal]


def history(count: int, days: int, chance: random.Random) -> list[StatementLine]:
    """`count` booked lines over `days`, oldest first, a third of them equal to the one before or nearly so.

    The balance never comes back to a value of the same day: cut there, files of balances are ambiguous.
    """
    made: list[StatementLine] = []
    balance, seen = Decimal(0), {Decimal(0)}
    for place, day in enumerate(sorted(chance.randrange(days) for _ in range(count))):
        on = FIRST + timedelta(days=day)
        if made and made[-1].date != on:
            seen = {balance}
        line = _next(made, on, place, chance)
        while balance + line.amount in seen:
            line = _movement(on, place, chance)
        made.append(line)
        balance += line.amount
        seen.add(balance)
    return made


def _next(made: Sequence[StatementLine], on: date, place: int, chance: random.Random) -> StatementLine:
    before = made[-1] if made else None
    if before is not None and before.date == on and chance.random() < 0.2:
        return replace(before, bank_reference=f"R{place}")
    if before is not None and before.date == on and chance.random() < 0.1:
        return replace(_movement(on, place, chance), amount=before.amount, value_date=before.value_date)
    return _movement(on, place, chance)


def _movement(on: date, place: int, chance: random.Random) -> StatementLine:
    amount = Decimal(chance.choice([500, 1000, 1000, 2500, chance.randrange(1, 90000)])).scaleb(-2)
    later = on + timedelta(days=chance.choice([0, 0, 0, 1, 3]))
    kind = chance.random()
    if kind < 0.4:
        shop = chance.choice(SHOPS)
        text = f"BANCONTACT {on:%d-%m} {shop} kaart 6703"
        return StatementLine(on, later, -amount, text, shop, bank_reference=f"R{place}")
    name, account = chance.choice(PAYERS)
    if kind < 0.6:
        reference = f"{chance.randrange(10**10):010d}{place % 97:02d}"
        return StatementLine(on, later, amount, "", name, account, reference=reference, bank_reference=f"R{place}")
    if kind < 0.9:
        text = chance.choice(["Huur maart", "Factuur 2025/118", "Voorschot"])
        end_to_end = f"E{place}" if chance.random() < 0.5 else "NOTPROVIDED"
        return StatementLine(on, on, -amount, text, name, account, end_to_end_id=end_to_end, bank_reference=f"R{place}")
    return StatementLine(on, on, -amount, "Kosten", bank_reference=f"R{place}")


def days_of(lines: Iterable[StatementLine | StoredLine]) -> Counter[Day]:
    return Counter((line.date, line.amount) for line in lines)


# ------------------------------------------------------------------ feeds


@dataclass
class Feed:
    """A provider that tells booked lines under ids that it changes and re-uses, as far as `told_to`."""

    scope: Scope
    account: BankAccount
    truth: Sequence[StatementLine]
    chance: random.Random
    provider: str
    meagre: bool = False  # no ids of the payment, no account, and one date only
    changing: float = 0.02  # share of the lines of the last while that come under another id at a fetch
    whole_share: float = 0.1  # of the fetches
    lately: int = 1000  # lines
    told_to: int = 0
    ids: dict[int, str] = field(default_factory=dict)
    wholes: int = 0

    def fetch(self, until: int) -> list[Fed]:
        """What is new since the last time, told as a fetch from a cursor; now and then everything again."""
        changed = self._change_ids()
        again = self._some_again()
        fresh = [self._told(place) for place in range(self.told_to, max(until, self.told_to))]
        self.told_to = max(until, self.told_to)
        told = [*changed, *again, *fresh, *self._pending()]
        self.chance.shuffle(told)
        if self.chance.random() < self.whole_share:
            return [self.whole()]
        callbacks = self.chance.choice([1, 1, 2, 3])
        try:
            return [self._store(told, None) for _ in range(callbacks)]
        except WholeNeeded as needed:
            self.wholes += 1
            return [self.whole(needed.since) for _ in range(callbacks)]

    def whole(self, since: date = date.min) -> Fed:
        """All from a day on."""
        told = [self._told(place) for place in range(self.told_to) if self.truth[place].date >= since]
        told += self.chance.sample(told, min(3, len(told)))
        return self._store([*told, *self._pending()], since)

    def _store(self, told: list[FeedTransaction], since: date | None) -> Fed:
        return store_transactions(self.scope, self.account, self.provider, told, whole_since=since)

    def _told(self, place: int) -> FeedTransaction:
        if place not in self.ids:
            # One id in forty was another line's before.
            used = self.ids.get(self.chance.randrange(place + 1)) if self.chance.random() < 0.025 else None
            self.ids[place] = used or f"{self.provider}-{place}"
        return FeedTransaction(self.ids[place], TransactionStatus.BOOKED, self._line(self.truth[place]))

    def _line(self, line: StatementLine) -> StatementLine:
        if not self.meagre:
            return replace(line, bank_reference="")
        text = f"{line.counterparty.upper()} {line.description} {line.reference}".strip()
        return StatementLine(line.date, None, line.amount, text)

    def _change_ids(self) -> list[FeedTransaction]:
        """The bank gives other ids; a fetch from a cursor tells those lines anew."""
        chosen = [place for place in self._last_ones() if self.chance.random() < self.changing]
        for place in chosen:
            self.ids[place] = f"{self.provider}-{place}-{self.chance.randrange(10**6)}"
        return [self._told(place) for place in chosen]

    def _last_ones(self) -> range:
        return range(max(0, self.told_to - self.lately), self.told_to)

    def _some_again(self) -> list[FeedTransaction]:
        back = self.chance.choice([0, 0, 3, 10, 40])
        return [self._told(place) for place in range(max(0, self.told_to - back), self.told_to)]

    def _pending(self) -> list[FeedTransaction]:
        """The next lines, announced under ids that they will not be booked under."""
        coming = self.truth[self.told_to : self.told_to + self.chance.randrange(4)]
        return [
            FeedTransaction(f"p{self.chance.randrange(10**6)}", TransactionStatus.PENDING, self._line(line))
            for line in coming
        ]


# ------------------------------------------------------------------ files


@dataclass
class Files:
    """Downloads of any stretch, in formats that carry more and less."""

    scope: Scope
    account: BankAccount
    truth: Sequence[StatementLine]
    chance: random.Random
    opening: Decimal = Decimal("1000.00")

    def bring(self, format: str, start: int, end: int) -> None:
        if format == "ofx":
            start, end = self._whole_days(start, end)
        before = sum((line.amount for line in self.truth[:start]), self.opening)
        piece = Cut([self._worded(format, line) for line in self.truth[start:end]], None if format == "ofx" else before)
        if piece.lines:
            several = piece.lines[0].date != piece.lines[-1].date
            newest_first = format == "camt053" and several and self.chance.random() < 0.3
            made = statement(self.account.number, piece, format=format, newest_first=newest_first)
            bring_in(self.scope, made)

    def _whole_days(self, start: int, end: int) -> tuple[int, int]:
        """Without balances nothing tells where in a day a file was cut."""
        while 0 < start < len(self.truth) and self.truth[start - 1].date == self.truth[start].date:
            start -= 1
        while 0 < end < len(self.truth) and self.truth[end - 1].date == self.truth[end].date:
            end += 1
        return start, end

    def _worded(self, format: str, line: StatementLine) -> StatementLine:
        if format == "ofx":
            return StatementLine(line.date, None, line.amount, f"{line.description} {line.reference}"[:60],
                                 line.counterparty[:32])  # fmt: skip
        if format == "coda":
            return replace(line, description=" ".join(line.description.upper().split()), bank_reference="")
        return line
