"""What a statement holds, whether a file or a feed told it: frozen data in the bank's own order.

Amounts are `Decimal` in the currency of the statement, > 0: money came in. Dates are plain dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

Day = date  # for fields that stand after a field named `date`


@dataclass(slots=True)
class StatementLine:
    """One booked movement on a bank account. `amount` > 0: money came in. Never changed once made.

    Not frozen, because that makes it eight times dearer to build: a third of reading a CODA file.
    """

    date: date  # the bank's entry (booking) date
    value_date: Day | None
    amount: Decimal
    description: str = ""  # free communication and detail texts, joined by single spaces
    counterparty: str = ""
    counterparty_account: str = ""  # IBAN or the bank's own number, no spaces
    counterparty_bic: str = ""
    reference: str = ""  # structured reference (Belgian 12 digits, RF…), else ""
    end_to_end_id: str = ""
    bank_reference: str = ""  # the bank's own id of the movement; informative
    transaction_code: str = ""  # CODA 8 digits, ISO "PMNT-RCDT-ESCT", …
    details: tuple[LineDetail, ...] = ()  # the split of a batch, booked as one amount


@dataclass(frozen=True, slots=True)
class LineDetail:
    amount: Decimal
    description: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    reference: str = ""
    end_to_end_id: str = ""


@dataclass(slots=True)
class Statement:
    """Head of one statement. The parser fills `closing` at the latest when its lines are exhausted.

    `lines` may be consumed once, in order, before the next statement is asked for: so a
    file of any size is read in flat memory.
    """

    format: str  # "coda", "camt053"
    account: str  # IBAN without spaces, or the bank's own number
    currency: str
    number: str  # the bank's statement number, "" when none
    opening: Decimal | None
    opening_date: date | None
    closing: Decimal | None = None
    closing_date: date | None = None
    holder: str = ""
    bic: str = ""
    lines: Iterator[StatementLine] = field(default_factory=lambda: iter(()))
    warnings: list[Warning_] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Warning_:
    """Something worth telling that does not refuse the file, e.g. code "camt.balance_without_sign"."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None
