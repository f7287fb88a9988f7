"""What connectors to packages share whose entries have one date, and whose books close by the year."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from portal.connectors.base import OutgoingEntry, OutgoingLine, Period


def described(line: OutgoingLine, entry: OutgoingEntry, length: int | None = None) -> str:
    """The text of a line, never empty. An entry has one date only, so a line of another day says its own."""
    day = "" if line.date == entry.date else f"{line.date:%d/%m} "
    return f"{day}{line.description.strip()}"[:length].strip() or entry.reference


def sides(amount: Decimal) -> tuple[Decimal, Decimal]:
    """(debit, credit), one of them zero."""
    return (amount, Decimal(0)) if amount > 0 else (Decimal(0), -amount)


def totalled(lines: Iterable[OutgoingLine]) -> Decimal:
    """What stands on the debit side."""
    return sum((line.amount for line in lines if line.amount > 0), Decimal(0))


def years(rows: Iterable[tuple[date, date, bool]], journals: Iterable[str]) -> list[Period]:
    """A period for each (first day, last day, closed): open for all journals, or closed for all.

    Years that begin in the same calendar year are numbered.
    """
    closed, seen, found = frozenset(journals), dict[int, int](), list[Period]()
    for starts_on, ends_on, shut in sorted(rows):
        seen[starts_on.year] = seen.get(starts_on.year, 0) + 1
        number = seen[starts_on.year]
        found.append(Period(starts_on.year, number, starts_on, ends_on, closed if shut else frozenset()))
    return found
