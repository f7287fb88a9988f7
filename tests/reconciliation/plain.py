"""The same proposals the slow way, looking at every document for every line: the index must agree with it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence

from portal.reconciliation.documents import NEAREST, OLDEST, OpenDocuments
from portal.reconciliation.evidence import Clues, OpenDocument, OpenLine, telling


class PlainDocuments(OpenDocuments):
    """No table at all: only a list."""

    def __init__(self, documents: Sequence[OpenDocument], known: Mapping[str, Collection[str]] | None = None) -> None:
        self.rows = sorted(documents, key=lambda row: (row.date, row.id))
        self.known = {account: set(parties) for account, parties in (known or {}).items()}

    def parties_of(self, account: str) -> frozenset[str]:
        if not account:
            return frozenset()
        told = {row.party for row in self.rows if row.iban == account}
        return frozenset(told | self.known.get(account, set()))

    def named(self, line: OpenLine, clues: Clues) -> list[OpenDocument]:
        return [
            row for row in self.rows
            if row.currency == line.currency
            and ((row.reference and row.reference in clues.grams)
                 or (telling(row.number_key) and row.number_key in clues.grams))
        ][:OLDEST]  # fmt: skip

    def like(self, line: OpenLine, clues: Clues) -> list[OpenDocument]:
        exact = [row for row in self.rows if (row.currency, row.amount) == (line.currency, line.amount)]
        pools = [[row for row in exact if row.party == party] for party in self.parties_of(line.account)]
        pools += [[row for row in exact if clues.name and row.party_words == clues.name], exact]
        found: dict[uuid.UUID, OpenDocument] = {}
        for pool in pools:
            pool.sort(key=lambda row: (abs((row.date - line.date).days), row.date, row.id))
            found |= {row.id: row for row in pool[:NEAREST]}
        return sorted(found.values(), key=lambda row: (row.date, row.id))

    def count(self, line: OpenLine) -> int:
        return sum((row.currency, row.amount) == (line.currency, line.amount) for row in self.rows)

    def of_counterparty(self, line: OpenLine, clues: Clues) -> list[OpenDocument]:
        parties = self.parties_of(line.account)
        if not parties and clues.name:
            parties = frozenset(row.party for row in self.rows if row.party_words == clues.name)
        if len(parties) != 1:
            return []
        return [row for row in self.rows if row.party in parties and row.currency == line.currency][:OLDEST]
