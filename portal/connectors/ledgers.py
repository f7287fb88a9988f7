"""What connectors to packages share whose entries have one date, and whose books close by the year.

And what holds for all that ask something before they send.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from portal.connectors.base import LedgerAccount, OutgoingEntry, OutgoingLine, Period, RemoteEntry
from portal.connectors.errors import Rejected, Temporary, UnexpectedReply

PREPARING_SECONDS = 30.0


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


def account(key: str, code: str, accounts: Mapping[str, LedgerAccount]) -> LedgerAccount:
    """That of a line, as the dossier has it. Raises Rejected."""
    if code not in accounts:
        raise Rejected(f"{key}.account_unknown", values={"account": code})
    return accounts[code]


def account_number(key: str, code: str, accounts: Mapping[str, LedgerAccount]) -> int:
    """Its id, where ids are numbers. Raises Rejected."""
    known = account(key, code, accounts)
    if not known.id.isdigit():
        raise Rejected(f"{key}.account_unknown", values={"account": code})
    return int(known.id)


def entry(
    id_: str,
    number: str,
    reference: str,
    journal: str,
    on: date | None,
    currency: str,
    lines: Sequence[OutgoingLine] = (),
    total: Decimal | None = None,
) -> RemoteEntry:
    """What stands there, with the count of its lines and their total, where `total` tells no other.

    Without lines, what is known of it so far.
    """
    whole = totalled(lines) if total is None else total
    return RemoteEntry(id_, number, reference, journal, on, currency, whole, len(lines), tuple(lines))


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


@contextmanager
def preparing(key: str, patience: float = PREPARING_SECONDS) -> Iterator[None]:
    """Around what is asked before an entry is sent: whatever fails there, the entry surely was not.

    Who took longer than `patience` must not send any more: somebody else may have the entry in hand by then.
    """
    started = time.monotonic()
    try:
        yield
    except (Temporary, UnexpectedReply) as failure:
        if isinstance(failure, Temporary) and not failure.sent:
            raise
        words, status = failure.provider_text, failure.status
        raise Temporary(failure.code, sent=False, provider_text=words, status=status) from None
    if time.monotonic() - started > patience:
        raise Temporary(f"{key}.too_late", sent=False)
