"""Entry numbers: year, journal, sequence. 24600006 = 2024, journal 60, sixth entry."""

from __future__ import annotations

from sandbox.store import Store


def entry_number(store: Store, division: int, journal: str, year: int) -> int:
    """The next free number. Numbers of deleted entries are not given out again."""
    prefix = (year % 100) * 100 + _journal_digits(store, division, journal)
    while True:
        sequence = store.next_number(f"entry/{division}/{journal}/{year}")
        number = prefix * 10_000 + sequence if sequence < 10_000 else prefix * 100_000 + sequence
        if not is_taken(store, division, number):
            return number


def is_taken(store: Store, division: int, number: int) -> bool:
    return store.one("SELECT 1 FROM entries WHERE Division = ? AND EntryNumber = ?", (division, number)) is not None


def _journal_digits(store: Store, division: int, journal: str) -> int:
    """The code itself when it is a number below 100, else the journal's place in the list."""
    if journal.isdigit() and int(journal) < 100:
        return int(journal)
    row = store.one("SELECT count(*) FROM journals WHERE Division = ? AND Code < ?", (division, journal))
    return int(row[0]) % 100 if row else 0
