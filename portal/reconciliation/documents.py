"""Open documents, to be looked up by what a bank line may say: each question costs the same among ten or a million."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal

from portal.reconciliation.evidence import Clues, OpenDocument, OpenLine, telling

NEAREST = 8  # of many documents that are alike, those nearest in date
OLDEST = 16  # of one party, for a payment of several


def age(document: OpenDocument) -> tuple[date, int]:
    """The oldest first; of one day by their ids, as numbers, which compare several times as fast."""
    return document.date, document.id.int


class OpenDocuments:
    """Built once for many lines. `known`: accounts of counterparties and the parties that paid or were paid by them."""

    def __init__(self, documents: Iterable[OpenDocument], known: Mapping[str, Collection[str]] | None = None) -> None:
        by_reference: defaultdict[tuple[str, str], list[OpenDocument]] = defaultdict(list)
        by_number: defaultdict[tuple[str, str], list[OpenDocument]] = defaultdict(list)
        by_party: defaultdict[str, list[OpenDocument]] = defaultdict(list)
        by_name: defaultdict[str, set[str]] = defaultdict(set)
        by_amount: defaultdict[tuple[str, Decimal], list[OpenDocument]] = defaultdict(list)
        of_party: defaultdict[tuple[str, str, Decimal], list[OpenDocument]] = defaultdict(list)
        of_name: defaultdict[tuple[str, str, Decimal], list[OpenDocument]] = defaultdict(list)
        parties: defaultdict[str, set[str]] = defaultdict(set)
        for document in sorted(documents, key=age):
            if document.reference:
                by_reference[document.currency, document.reference].append(document)
            if telling(document.number_key):
                by_number[document.currency, document.number_key].append(document)
            by_party[document.party].append(document)
            by_amount[document.currency, document.amount].append(document)
            of_party[document.party, document.currency, document.amount].append(document)
            if document.party_words:
                by_name[document.party_words].add(document.party)
                of_name[document.party_words, document.currency, document.amount].append(document)
            if document.iban:
                parties[document.iban].add(document.party)
        for account, found in (known or {}).items():
            parties[account].update(found)
        self._by_reference, self._by_number, self._by_party = by_reference, by_number, by_party
        self._by_name, self._by_amount, self._of_party, self._of_name = by_name, by_amount, of_party, of_name
        self._parties = {account: frozenset(found) for account, found in parties.items()}

    def parties_of(self, account: str) -> frozenset[str]:
        """Whose account it is; empty when that is not known."""
        return self._parties.get(account, frozenset()) if account else frozenset()

    def named(self, line: OpenLine, clues: Clues) -> list[OpenDocument]:
        """Those whose reference or number the line tells, the oldest first."""
        found = {
            document.id: document
            for gram in clues.grams
            for table in (self._by_reference, self._by_number)
            for document in table.get((line.currency, gram), ())[:OLDEST]
        }
        return sorted(found.values(), key=age)[:OLDEST]

    def like(self, line: OpenLine, clues: Clues) -> list[OpenDocument]:
        """Those open for just this amount: of the line's party, of its name, and of anybody, the nearest of each."""
        exact = (line.currency, line.amount)
        pools = [self._of_party.get((party, *exact), ()) for party in self.parties_of(line.account)]
        if clues.name:
            pools.append(self._of_name.get((clues.name, *exact), ()))
        pools.append(self._by_amount.get(exact, ()))
        found = {document.id: document for pool in pools for document in nearest(pool, line.date)}
        return sorted(found.values(), key=age)

    def count(self, line: OpenLine) -> int:
        """How many are open for just this amount."""
        return len(self._by_amount.get((line.currency, line.amount), ()))

    def of_counterparty(self, line: OpenLine, clues: Clues) -> list[OpenDocument]:
        """The oldest of whoever the line is from, by account, else by name."""
        parties = self.parties_of(line.account) or frozenset(self._by_name.get(clues.name, ()) if clues.name else ())
        if len(parties) != 1:  # nobody, or one of several: then nothing is put together
            return []
        found = [row for row in self._by_party.get(next(iter(parties)), ()) if row.currency == line.currency]
        return found[:OLDEST]


def nearest(pool: Collection[OpenDocument], day: date) -> list[OpenDocument]:
    """At most NEAREST of a pool in order of age, by date."""
    if len(pool) <= NEAREST:
        return list(pool)
    rows = list(pool) if not isinstance(pool, list) else pool
    at = bisect_left(rows, day, key=lambda row: row.date)
    around = rows[max(0, at - NEAREST) : at + NEAREST]
    around.sort(key=lambda row: (abs((row.date - day).days), row.date, row.id))
    return around[:NEAREST]
